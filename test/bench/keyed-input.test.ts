/** The records that the benches feed. */
import { describe, expect, test } from '@jest/globals';
import { batchMaker, keyChooser, keyName, keyNumber } from '../../bench/keyed-input.ts';
import { partitionFor } from '../../kernel/murmur2.ts';

const draw = (count: number, choose: (index: number) => number): number[] =>
  Array.from({ length: count }, (_, index) => choose(index));

describe('the input of a bench', () => {
  test('is of 20 + 200 bytes a record, counts from zero, and lies where Kafka would put its key', () => {
    const numbers = [0, 7, 99_999, 999_999];
    const batches = batchMaker('input', 3)(numbers, 5);
    const records = batches.flatMap(({ partition, records: found }) =>
      [...found].map((record) => ({ ...record, partition })),
    );

    expect(records).toHaveLength(numbers.length);
    for (const { key, value, timestampMs, partition } of records) {
      expect(key).toHaveLength(20);
      expect(value).toHaveLength(200);
      expect(value?.readUInt32BE(0)).toBe(0);
      expect(timestampMs).toBe(5);
      expect(partition).toBe(partitionFor(key as Buffer, 3));
    }
    expect(records.map(({ key }) => keyNumber(key as Buffer)).sort((a, b) => a - b)).toEqual(
      numbers,
    );
    expect(keyNumber(Buffer.from(keyName(123), 'latin1'))).toBe(123);
  });

  test('has the same keys for the same distribution, every time', () => {
    for (const distribution of ['uniform', 'zipf'] as const) {
      expect(draw(50, keyChooser(distribution, 1_000))).toEqual(
        draw(50, keyChooser(distribution, 1_000)),
      );
    }
  });

  test('has each key about as often under uniform', () => {
    const keys = draw(20_000, keyChooser('uniform', 10));
    const counts = draw(10, (key) => keys.filter((each) => each === key).length);

    expect(Math.min(...counts)).toBeGreaterThan(1_800);
    expect(Math.max(...counts)).toBeLessThan(2_200);
  });

  test('has the key of rank n a share of 1/n of the first one under zipf', () => {
    const keys = draw(100_000, keyChooser('zipf', 1_000));
    const count = (key: number): number => keys.filter((each) => each === key).length;

    // 1/H(1000) of all records are the first key's.
    expect(count(0) / 100_000).toBeCloseTo(1 / 7.485, 2);
    expect(count(0) / count(1)).toBeCloseTo(2, 0);
    expect(count(0) / count(9)).toBeGreaterThan(8);
    expect(Math.max(...keys)).toBeLessThan(1_000);
  });
});
