import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  avroReader,
  avroWriter,
  resolutionError,
  type AvroSchema,
} from '../../schemas/avro-codec.ts';
import { unframe } from '../../schemas/wire-format.ts';

const recordOf = (type: AvroSchema): AvroSchema => ({
  type: 'record',
  name: 'R',
  fields: [{ name: 'n', type }],
});

function roundTrip(type: AvroSchema, n: unknown): unknown {
  const bytes = avroWriter(recordOf(type), 7)({ n });
  const { schemaId, payload } = unframe(bytes);
  expect(schemaId).toBe(7);
  return (avroReader(recordOf(type))(payload) as { n: unknown }).n;
}

describe('longs', () => {
  test.each([
    ['the last safe one is a number', BigInt(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
    ['2^53 is a bigint', 2n ** 53n, 2n ** 53n],
    ['2^53 + 1, which no number can be', 2n ** 53n + 1n, 2n ** 53n + 1n],
    ['the smallest', -(2n ** 63n), -(2n ** 63n)],
    ['the largest', 2n ** 63n - 1n, 2n ** 63n - 1n],
    ['nanoseconds of today', 1_785_000_000_123_456_789n, 1_785_000_000_123_456_789n],
    ['a negative number', -5n, -5],
    ['a negative number of more than 32 bits', -(2 ** 40) - 1, -(2 ** 40) - 1],
    ['the smallest safe one', Number.MIN_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
    ['a number of 32 bits', 2 ** 32 - 1, 2 ** 32 - 1],
  ])('%s', (_what, written, read) => {
    expect(roundTrip('long', written)).toBe(read);
    expect(roundTrip(['null', 'long'], written)).toBe(read);
  });

  test('none loses a digit', () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (value) => {
        expect(BigInt(roundTrip('long', value) as number | bigint)).toBe(value);
      }),
    );
  });

  test('a number that is already inexact is refused', () => {
    expect(() => roundTrip('long', 2 ** 53)).toThrow('field n does not match the Avro schema');
  });

  test('an int that an older writer wrote is read as a long', () => {
    const { payload } = unframe(avroWriter(recordOf('int'), 1)({ n: 41 }));

    expect(avroReader(recordOf('int'), recordOf('long'))(payload)).toEqual({ n: 41 });
  });
});

describe('the codec', () => {
  test('a value larger than its first buffer is written whole', () => {
    const text = 'é'.repeat(5_000);

    expect(roundTrip('string', text)).toBe(text);
  });

  test('a value is refused by the path of its field', () => {
    const write = avroWriter(recordOf({ type: 'array', items: 'string' }), 1);

    expect(() => write({ n: ['a', 1] })).toThrow('field n.1 does not match the Avro schema');
  });

  test('bytes of another schema are no value', () => {
    expect(() => avroReader(recordOf('string'))(Buffer.from([200]))).toThrow(
      'the bytes do not match their Avro schema',
    );
  });

  test('a schema that does not parse is told as such', () => {
    expect(() => avroReader(recordOf('strnig'))).toThrow('the Avro schema does not parse');
  });

  test('a resolution error says why, and is undefined when there is none', () => {
    expect(resolutionError(recordOf('string'), recordOf('int'))).toContain('cannot read');
    expect(resolutionError(recordOf('int'), recordOf('long'))).toBeUndefined();
  });
});
