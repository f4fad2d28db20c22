import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { murmur2, partitionFor } from '../../kernel/murmur2.ts';

interface Vector {
  readonly keyHex: string;
  readonly murmur2: number;
  readonly partitionOf12: number;
}

// Printed once by a small Java program on the jars of kafka-clients 4.3.1: for each key
// `Utils.murmur2(key)` and `Utils.toPositive(Utils.murmur2(key)) % 12`; the random keys come from
// `new java.util.Random(42)`.
const vectors = JSON.parse(
  readFileSync(new URL('murmur2-vectors.json', import.meta.url), 'utf8'),
) as Vector[];

describe('murmur2', () => {
  test.each(vectors)('gives the Java client’s hash and partition of "$keyHex"', (vector) => {
    const key = Buffer.from(vector.keyHex, 'hex');

    expect(murmur2(key)).toBe(vector.murmur2);
    expect(partitionFor(key, 12)).toBe(vector.partitionOf12);
  });
});
