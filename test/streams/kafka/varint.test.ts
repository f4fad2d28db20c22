import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { varintSize, writeVarint } from '../../../streams/kafka/varint.ts';

function zigzagBytes(value: number): number[] {
  let rest = value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value);
  const bytes: number[] = [];
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

describe('varint', () => {
  test('writes zig-zag varints of 64-bit arithmetic, and as many bytes as it says', () => {
    const value = fc.oneof(fc.integer(), fc.integer({ min: -(2 ** 52), max: 2 ** 52 }));
    fc.assert(
      fc.property(value, (number) => {
        const buffer = Buffer.alloc(12);

        const end = writeVarint(buffer, 1, number);

        expect([...buffer.subarray(1, end)]).toEqual(zigzagBytes(number));
        expect(varintSize(number)).toBe(end - 1);
      }),
    );
  });
});
