/** Copies of captured rows. */
import { describe, expect, test } from '@jest/globals';
import { clonedBatches, clonesMax, cloneRecord } from '../../bench/replay/cloned-rows.ts';
import type { FetchedRecord } from '../../streams/kafka/port.ts';

const property = '00000000-0000-4000-8000-000000000001';
const reservation = 'a1b2c3d4-0000-4000-8000-00000000000f';
const kept = new Set([property]);
const record = (text: string): FetchedRecord => ({
  ...{ offset: 7, timestampMs: 5, headers: [] },
  key: Buffer.from(reservation),
  value: Buffer.concat([Buffer.from([0, 0xff, 0x80]), Buffer.from(text)]),
});

describe('a copy of a captured row', () => {
  test('has other ids of the same length wherever they are, and everything else as it was', () => {
    const { key, value } = cloneRecord(
      record(`H${reservation}\u0002{"id":"${reservation}"} at ${property}`),
      1,
      kept,
    );
    const other = reservation.replace('a1b2', 'a1b3');

    expect(String(key)).toBe(other);
    expect(value?.subarray(0, 3)).toEqual(Buffer.from([0, 0xff, 0x80]));
    expect(String(value?.subarray(3))).toBe(`H${other}\u0002{"id":"${other}"} at ${property}`);
  });

  test('has ids that no other copy has', () => {
    const keys = [0, 1, 2, 255, 4_096, clonesMax].map((clone) =>
      String(cloneRecord(record(''), clone, kept).key),
    );

    expect(new Set(keys).size).toBe(keys.length);
  });

  test('stays a tombstone', () => {
    expect(cloneRecord({ ...record(''), value: null }, 1, kept).value).toBeNull();
  });

  test('comes in its original’s partition and order, in batches', () => {
    const records = ['a', 'b', 'c'].map(record);
    const batches = [
      ...clonedBatches([{ topic: 't', partition: 2, records }], { clone: 1, kept, size: 2 }),
    ];

    expect(batches.map(({ partition, records: { length } }) => [partition, length])).toEqual([
      [2, 2],
      [2, 1],
    ]);
    const texts = batches.flatMap((batch) => [...batch.records]).map(({ value }) => String(value));
    expect(texts.map((text) => text.at(-1))).toEqual(['a', 'b', 'c']);
  });
});
