/** Ids by time, against a plain list that is sorted anew. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { IdShelf } from '../../../topology/guard/id-shelf.ts';
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

describe('ids by key', () => {
  test('are the sets that were put in, in order, whether they have one id or more', () => {
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 0, max: 4 }), (steps, limit) => {
        const shelf = new IdShelf<number>();
        const plain = new Map<number, Set<string>>();
        for (const { isAdd, atMs: key, id } of steps) {
          const ids = plain.get(key) ?? new Set<string>();
          const before = ids.size;
          if (isAdd) ids.add(id);
          else ids.delete(id);
          plain.set(key, ids);
          if (isAdd) expect(shelf.add(key, id)).toBe(before === 0);
          else expect(shelf.delete(key, id)).toBe(before === 1 && ids.size === 0);
        }

        for (const [key, ids] of plain) {
          const sorted = [...ids].sort();
          expect(shelf.all(key)).toEqual(sorted);
          expect(shelf.sizeOf(key)).toBe(sorted.length);
          expect(shelf.first(key, limit)).toEqual(sorted.slice(0, limit));
        }
        expect(shelf.size).toBe([...plain.values()].filter((ids) => ids.size > 0).length);
      }),
    );
  });
});
