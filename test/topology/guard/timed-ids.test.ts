/** Ids by time, against a plain list that is sorted anew. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SortedKeys } from '../../../topology/guard/sorted-keys.ts';
import { TimedIds } from '../../../topology/guard/timed-ids.ts';

const step = fc.record({
  isAdd: fc.boolean(),
  atMs: fc.integer({ min: -3, max: 3 }),
  id: fc.constantFrom('a', 'b', 'c', 'd'),
});

describe('ids by time', () => {
  test('are what a sorted list has, whatever was added and deleted', () => {
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 0, max: 6 }), (steps, limit) => {
        const ids = new TimedIds();
        const plain = new Map<string, readonly [number, string]>();
        for (const { isAdd, atMs, id } of steps) {
          if (isAdd) ids.add(atMs, id);
          else ids.delete(atMs, id);
          if (isAdd) plain.set(`${atMs} ${id}`, [atMs, id]);
          else plain.delete(`${atMs} ${id}`);
        }
        const sorted = [...plain.values()].sort(
          ([leftMs, left], [rightMs, right]) => leftMs - rightMs || (left < right ? -1 : 1),
        );
        const dueIds = sorted.filter(([atMs]) => atMs < 1).map(([, id]) => id);

        expect(ids.all()).toEqual(sorted);
        expect(ids.first(limit, 1)).toEqual(dueIds.slice(0, limit));
      }),
    );
  });
});

describe('sorted keys', () => {
  test('are in order wherever a key is put in, near the end or far from it', () => {
    const keys = new SortedKeys();
    const names = Array.from({ length: 2_000 }, (_, index) => String((index * 7_919) % 2_000));
    for (const name of [...names, ...names]) keys.add(name);

    expect(keys.all()).toEqual([...names].sort());
  });
});
