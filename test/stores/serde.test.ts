/** Values that are remembered by their bytes. */
import { describe, expect, test } from '@jest/globals';
import { jsonSerde, rememberingSerde, type Serde } from '../../stores/serde.ts';

interface Counted extends Serde<object> {
  decoded: number;
}

function counted(): Counted {
  const json = jsonSerde<object>();
  const serde: Counted = {
    decoded: 0,
    serialize: (value) => json.serialize(value),
    deserialize: (bytes) => {
      serde.decoded += 1;
      return json.deserialize(bytes);
    },
  };
  return serde;
}

describe('a remembering serde', () => {
  test('gives back what it wrote or read, without decoding it again', () => {
    const serde = counted();
    const remembering = rememberingSerde(serde, 2);
    const written = { nights: 3 };

    expect(remembering.deserialize(remembering.serialize(written))).toBe(written);

    const bytes = Buffer.from('{"nights":4}');
    const read = remembering.deserialize(bytes);
    expect(remembering.deserialize(bytes)).toBe(read);
    expect(serde.decoded).toBe(1);
  });

  test('knows values by their memory: equal bytes elsewhere are decoded', () => {
    const serde = counted();
    const remembering = rememberingSerde(serde, 2);
    const bytes = remembering.serialize({ nights: 3 });

    expect(remembering.deserialize(Buffer.from(bytes))).toEqual({ nights: 3 });
    expect(serde.decoded).toBe(1);
  });

  test('forgets the oldest beyond its bound', () => {
    const serde = counted();
    const remembering = rememberingSerde(serde, 2);
    const [first, , third] = [1, 2, 3].map((nights) => remembering.serialize({ nights }));

    remembering.deserialize(third ?? Buffer.alloc(0));
    expect(serde.decoded).toBe(0);
    remembering.deserialize(first ?? Buffer.alloc(0));
    expect(serde.decoded).toBe(1);
  });

  test('keeps no slice of a large answer alive', () => {
    const serde = counted();
    const remembering = rememberingSerde(serde, 2);
    const answer = Buffer.alloc(1_000_000, '{"nights":3}  ');
    const bytes = answer.subarray(0, 14);

    remembering.deserialize(bytes);
    remembering.deserialize(bytes);
    expect(serde.decoded).toBe(2);
  });
});
