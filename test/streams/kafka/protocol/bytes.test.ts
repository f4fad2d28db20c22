import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteReader } from '../../../../streams/kafka/protocol/byte-reader.ts';
import { ByteWriter } from '../../../../streams/kafka/protocol/byte-writer.ts';

const text = fc.string({ unit: 'grapheme' });
const safe = fc.maxSafeInteger();

function written(write: (writer: ByteWriter) => void): ByteReader {
  const writer = new ByteWriter(1);
  write(writer);
  return new ByteReader(writer.written);
}

describe('byte writer and reader', () => {
  test('keep 64-bit numbers in Kafka’s big-endian two’s complement', () => {
    fc.assert(
      fc.property(safe, (value) => {
        const writer = new ByteWriter();
        writer.int64(value);

        expect(writer.written.readBigInt64BE()).toBe(BigInt(value));
        expect(new ByteReader(writer.written).int64()).toBe(value);
      }),
    );
  });

  test('keep strings, null ones, and arrays in both forms', () => {
    fc.assert(
      fc.property(fc.array(text), fc.option(text), (items, option) => {
        const reader = written((writer) => {
          writer.array(items, (item) => writer.string(item));
          writer.compactArray(items, (item) => writer.compactString(item));
          writer.nullableString(option);
          writer.compactNullableString(option);
        });

        expect(reader.array(() => reader.string())).toEqual(items);
        expect(reader.compactArray(() => reader.compactString())).toEqual(items);
        expect(reader.nullableString()).toBe(option);
        expect(reader.compactNullableString()).toBe(option);
      }),
    );
  });

  test('keep unsigned varints', () => {
    fc.assert(
      fc.property(fc.nat(), (value) => {
        const reader = written((writer) => writer.unsignedVarint(value));

        expect(reader.unsignedVarint()).toBe(value);
      }),
    );
  });

  test('skip tagged fields of any content', () => {
    const reader = written((writer) => {
      writer.unsignedVarint(2);
      for (const tag of [0, 300]) {
        writer.unsignedVarint(tag);
        writer.unsignedVarint(3);
        writer.raw(Buffer.from('abc'));
      }
      writer.int8(42);
    });

    reader.skipTags();

    expect(reader.int8()).toBe(42);
  });

  test('refuse to read beyond the end', () => {
    expect(() => new ByteReader(Buffer.alloc(3)).int32()).toThrow('outside buffer bounds');
    expect(() => new ByteReader(Buffer.from([0, 5, 1])).string()).toThrow('exceed');
  });
});
