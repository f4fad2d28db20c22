import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { compress, decompress } from '../../../streams/kafka/compression.ts';

const codes = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 };
const bytesMax = 1_000_000;
const tooMuch = Buffer.alloc(bytesMax + 1, 7);

/** A frame of blocks that each repeat one byte 128 KiB times: 4 bytes unfold to 131,072. */
function zstdBomb(blocks: number): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58]);
  const block = (isLast: boolean): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUIntLE((isLast ? 1 : 0) | (1 << 1) | ((128 * 1024) << 3), 0, 3);
    return bytes;
  };
  const all = Array.from({ length: blocks }, (_, index) => block(index === blocks - 1));
  return Buffer.concat([header, ...all]);
}

const fatal = (message: RegExp): unknown =>
  expect.objectContaining({
    code: 'KAFKA_FATAL',
    message: expect.stringMatching(message) as unknown,
  });

describe('what a batch may unfold to is bounded', () => {
  test.each([
    ['gzip', gzipSync(tooMuch)],
    ['snappy', compress('snappy', tooMuch)],
    ['snappy', snappy.compressSync(tooMuch)],
    ['lz4', lz4.compressFrameSync(tooMuch)],
    ['zstd', zstdBomb(8)],
    ['zstd', zstdBomb(20_000)],
  ] as const)('%s', (type, packed) => {
    expect(() => decompress(codes[type], packed, bytesMax)).toThrow(
      fatal(/more than 1000000 bytes|larger than 1000000 bytes/),
    );
  });

  test('and not refused below the bound', () => {
    const bytes = tooMuch.subarray(0, bytesMax / 2);

    for (const type of ['gzip', 'snappy', 'lz4'] as const) {
      expect(decompress(codes[type], compress(type, bytes), bytesMax).equals(bytes)).toBe(true);
    }
    expect(decompress(codes.zstd, zstdBomb(4), bytesMax)).toHaveLength(4 * 128 * 1024);
    expect(decompress(codes.snappy, snappy.compressSync(bytes), bytesMax).equals(bytes)).toBe(true);
  });
});

describe('damaged content is refused with a code', () => {
  test.each(['gzip', 'snappy', 'lz4'] as const)('%s, cut anywhere', (type) => {
    const packed = compress(type, Buffer.from('some text, some more text, some more'.repeat(40)));

    for (let length = 0; length < packed.length; length += 7) {
      const cut = packed.subarray(0, length);
      // A frame that ends before its first block is an empty one, and so are no bytes at all.
      let unfolded: Buffer | undefined;
      try {
        unfolded = decompress(codes[type], cut, bytesMax);
      } catch (error) {
        expect(error).toEqual(fatal(/./));
      }
      expect(unfolded?.length ?? 0).toBe(0);
    }
  });

  test('an unknown compression is named', () => {
    expect(() => decompress(5, Buffer.alloc(1), bytesMax)).toThrow(fatal(/compression 5/));
  });
});
