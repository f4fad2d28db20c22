/**
 * The compressions of record batches (ADR 0008): gzip by zlib, snappy and lz4 by native packages that
 * bring their binaries, zstd by a reader in JavaScript. What a batch may unfold to is bounded before
 * or while it unfolds: its sender need not be trusted with our memory.
 *
 *   snappy  what the Java client writes (xerial): magic 8 · version 4 · compatible 4 · then for each
 *           block its length 4 and a raw snappy block; other clients write one raw block only
 *   lz4     the frame format
 */
import { gunzipSync, gzipSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import lz4 from 'lz4-napi';
import snappy from 'snappy';
import { RollguardError, isRollguardError, messageOf } from '../../kernel/errors.ts';

/** In the order of their numbers in a batch's attributes. */
const compressionTypes = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;

/** What we write: for zstd there is only a reader. */
export type CompressionType = Exclude<(typeof compressionTypes)[number], 'zstd'>;

const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const xerialHeaderBytes = 16;
const xerialVersion = 1;
// The Java client's own block size.
const xerialBlockBytes = 32 * 1024;
const lz4Magic = 0x184d2204;
const lz4FlagsAt = 4;
const lz4BlockSizeAt = 5;
const lz4UncompressedBit = 0x80000000;
// A length grows by 255 with each further byte.
const lz4RatioMax = 255;

export function compressionCode(type: CompressionType): number {
  return compressionTypes.indexOf(type);
}

export function compress(type: CompressionType, bytes: Buffer): Buffer {
  if (type === 'gzip') return gzipSync(bytes);
  if (type === 'snappy') return toXerial(bytes);
  if (type === 'lz4') return lz4.compressFrameSync(bytes);
  return bytes;
}

/**
 * @param code out of the batch's attributes.
 * @throws RollguardError KAFKA_FATAL: an unknown compression, damaged bytes, more than `bytesMax`.
 */
export function decompress(code: number, packed: Buffer, bytesMax: number): Buffer {
  const type = compressionTypes[code];
  if (type === undefined) {
    throw new RollguardError('KAFKA_FATAL', `compression ${code} is not known`);
  }
  try {
    return unfold(type, packed, bytesMax);
  } catch (error) {
    if (isRollguardError(error)) throw error;
    const message = `its ${type} content cannot be read: ${messageOf(error)}`;
    throw new RollguardError('KAFKA_FATAL', message, { cause: error });
  }
}

function unfold(type: (typeof compressionTypes)[number], packed: Buffer, bytesMax: number): Buffer {
  if (type === 'gzip') return gunzipSync(packed, { maxOutputLength: bytesMax });
  if (type === 'snappy') return fromSnappy(packed, bytesMax);
  if (type === 'zstd') return fromZstd(packed, bytesMax);
  if (type === 'none') return packed;
  checkSize(lz4BytesMax(packed), bytesMax);
  return lz4.decompressFrameSync(packed);
}

function toXerial(bytes: Buffer): Buffer {
  const header = Buffer.alloc(xerialHeaderBytes);
  xerialMagic.copy(header);
  header.writeInt32BE(xerialVersion, 8);
  header.writeInt32BE(xerialVersion, 12);
  const parts: Buffer[] = [header];
  for (let at = 0; at < bytes.length; at += xerialBlockBytes) {
    const block = snappy.compressSync(bytes.subarray(at, at + xerialBlockBytes));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

function fromSnappy(packed: Buffer, bytesMax: number): Buffer {
  const isXerial = packed.subarray(0, xerialMagic.length).equals(xerialMagic);
  const blocks = isXerial ? xerialBlocks(packed) : [packed];
  checkSize(
    blocks.reduce((sum, block) => sum + snappyBytes(block), 0),
    bytesMax,
  );
  return Buffer.concat(blocks.map((block) => snappy.uncompressSync(block) as Buffer));
}

function xerialBlocks(packed: Buffer): readonly Buffer[] {
  const blocks: Buffer[] = [];
  let at = xerialHeaderBytes;
  while (at < packed.length) {
    const end = at + 4 + packed.readInt32BE(at);
    if (end <= at + 4 || end > packed.length) {
      throw new RollguardError('KAFKA_FATAL', `its snappy block at ${at} is cut short`);
    }
    blocks.push(packed.subarray(at + 4, end));
    at = end;
  }
  return blocks;
}

/** A raw block begins with the length of its content, a varint of 32 bits. */
function snappyBytes(block: Buffer): number {
  let bytes = 0;
  for (let index = 0; index < 5; index += 1) {
    const byte = block.readUInt8(index);
    bytes += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return bytes;
  }
  throw new RollguardError('KAFKA_FATAL', 'its snappy block has no length');
}

/** At most so much can come of the frames: a block has a size in its frame, and the format a best case. */
function lz4BytesMax(packed: Buffer): number {
  let bytes = 0;
  let at = 0;
  while (at < packed.length) {
    if (packed.readUInt32LE(at) !== lz4Magic) {
      throw new RollguardError('KAFKA_FATAL', `its lz4 frame at ${at} is none`);
    }
    const flags = packed.readUInt8(at + lz4FlagsAt);
    const sizeCode = (packed.readUInt8(at + lz4BlockSizeAt) >>> 4) & 0x07;
    const [hasBlockChecksum, hasContentSize] = [(flags & 0x10) !== 0, (flags & 0x08) !== 0];
    const [hasContentChecksum, hasDictionary] = [(flags & 0x04) !== 0, (flags & 0x01) !== 0];
    at += 7 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0);
    for (;;) {
      const blockBytes = packed.readUInt32LE(at) & ~lz4UncompressedBit;
      at += 4;
      if (blockBytes === 0) break;
      bytes += Math.min(2 ** (8 + 2 * sizeCode), blockBytes * lz4RatioMax);
      at += blockBytes + (hasBlockChecksum ? 4 : 0);
    }
    at += hasContentChecksum ? 4 : 0;
  }
  return bytes;
}

/** Unfolds piece by piece and stops at the bound: a frame need not say how long its content is. */
function fromZstd(packed: Buffer, bytesMax: number): Buffer {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const stream = new Decompress((piece) => {
    bytes += piece.length;
    checkSize(bytes, bytesMax);
    pieces.push(piece);
  });
  stream.push(packed, true);
  return Buffer.concat(pieces);
}

function checkSize(bytes: number, bytesMax: number): void {
  if (bytes <= bytesMax) return;
  throw new RollguardError('KAFKA_FATAL', `it would unfold to more than ${bytesMax} bytes`);
}
