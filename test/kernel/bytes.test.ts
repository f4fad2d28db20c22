import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareBytes, prefixEnd } from '../../kernel/bytes.ts';

describe('bytes', () => {
  test('a prefix ends right after every key that begins with it', () => {
    const bytes = fc.uint8Array({ maxLength: 6 }).map((array) => Buffer.from(array));
    fc.assert(
      fc.property(bytes, bytes, (prefix, key) => {
        const end = prefixEnd(prefix);
        const startsWith = key.subarray(0, prefix.length).equals(prefix);
        const inRange =
          compareBytes(key, prefix) >= 0 && (end === undefined || compareBytes(key, end) < 0);
        expect(inRange).toBe(startsWith);
      }),
    );
  });

  test('a prefix of nothing but 0xff bytes has no end', () => {
    expect(prefixEnd(Buffer.from([0xff, 0xff]))).toBeUndefined();
    expect(prefixEnd(Buffer.from([0x61, 0xff]))).toEqual(Buffer.from([0x62]));
  });
});
