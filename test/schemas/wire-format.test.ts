import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { frame, unframe } from '../../schemas/wire-format.ts';

describe('the Confluent wire format', () => {
  test('a zero byte, the id as four bytes with the highest first, the payload', () => {
    expect(frame(0x01020304, Buffer.from('ab')).toString('hex')).toBe('00010203046162');
  });

  test('what was framed comes back', () => {
    fc.assert(
      fc.property(fc.nat(0x7f_ff_ff_ff), fc.uint8Array({ maxLength: 40 }), (schemaId, payload) => {
        expect(unframe(frame(schemaId, payload))).toEqual({
          schemaId,
          payload: Buffer.from(payload),
        });
      }),
    );
  });

  test.each([
    ['JSON', Buffer.from('{"after":null}'), 'the first byte is 0x7b'],
    ['an empty value', Buffer.alloc(0), '0 bytes are too short'],
    ['half a header', Buffer.from([0, 0, 0]), '3 bytes are too short'],
  ])('%s is refused by what was found', (_what, bytes, message) => {
    expect(() => unframe(bytes)).toThrow(message);
  });
});
