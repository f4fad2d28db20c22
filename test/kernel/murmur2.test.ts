import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { murmur2, partitionFor } from '../../kernel/murmur2.ts';

interface Vector {
  readonly keyHex: string;
  readonly murmur2: number;
  /** By partition count: where the Java producer's own partitioner puts the key. */
  readonly partitions: Readonly<Record<string, number>>;
}

// Printed by `test/support/java/ClientVectors.java` on the jars of kafka-clients 4.3.1.
const vectors = JSON.parse(
  readFileSync(new URL('murmur2-vectors.json', import.meta.url), 'utf8'),
) as Vector[];

describe('murmur2', () => {
  test('gives the Java client’s hash of every key', () => {
    const hashes = vectors.map(({ keyHex }) => [keyHex, murmur2(Buffer.from(keyHex, 'hex'))]);

    expect(hashes).toEqual(vectors.map(({ keyHex, murmur2: hash }) => [keyHex, hash]));
  });

  test('gives the Java client’s partition of every key, for every number of partitions', () => {
    const chosen = vectors.map(({ keyHex, partitions }) => {
      const key = Buffer.from(keyHex, 'hex');
      const counts = Object.keys(partitions);
      const byCount = counts.map((count) => [count, partitionFor(key, Number(count))] as const);
      return { keyHex, partitions: Object.fromEntries(byCount) };
    });

    expect(chosen).toEqual(vectors.map(({ keyHex, partitions }) => ({ keyHex, partitions })));
  });

  test('is compared over keys of every kind', () => {
    const keys = vectors.map(({ keyHex }) => Buffer.from(keyHex, 'hex'));
    const lengths = new Set(keys.map(({ length }) => length));
    const isText = (key: Buffer): boolean => Buffer.from(key.toString('utf8')).equals(key);
    const isAscii = (key: Buffer): boolean => key.every((byte) => byte < 0x80);

    for (let length = 0; length <= 40; length += 1) expect(lengths).toContain(length);
    expect(Math.max(...lengths)).toBeGreaterThanOrEqual(4_096);
    expect(keys.filter((key) => isText(key) && !isAscii(key)).length).toBeGreaterThan(5);
    expect(keys.filter((key) => !isText(key)).length).toBeGreaterThan(20);
    // Half of the hashes lose their sign bit on the way to a partition.
    expect(vectors.filter(({ murmur2: hash }) => hash < 0).length).toBeGreaterThan(30);
  });
});
