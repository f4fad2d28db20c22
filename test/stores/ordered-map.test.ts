import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OrderedMap, type Walk } from '../../stores/ordered-map.ts';

const names = (map: OrderedMap<number>, walk: Walk): string[] =>
  [...map.walk(walk)].map(([name]) => name);
const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index).padStart(6, '0'));

describe('OrderedMap', () => {
  test('walks in order whether names came before the first walk or after it', () => {
    const map = new OrderedMap<number>();
    map.set('b', 1);
    map.set('c', 2);
    expect(names(map, { from: '' })).toEqual(['b', 'c']);

    map.set('a', 3);
    map.set('b', 4);
    map.delete('c');
    map.delete('x');

    expect([...map.walk({ from: '' })]).toEqual([
      ['a', 3],
      ['b', 4],
    ]);
    expect(map.size).toBe(2);
  });

  test('fills and empties many chunks in any order', () => {
    const all = numbered(5_000);
    // 2,003 and 5,000 have no common factor: every index once, far from its neighbours.
    const shuffled = all.map((_, index) => all[(index * 2_003) % all.length] ?? '');
    const map = new OrderedMap<number>();
    expect(names(map, { from: '' })).toEqual([]);
    for (const name of shuffled) map.set(name, 0);
    expect(names(map, { from: '' })).toEqual(all);
    expect(names(map, { from: '', reverse: true })).toEqual(all.toReversed());

    for (const name of shuffled.slice(100)) map.delete(name);
    expect(names(map, { from: '' })).toEqual(shuffled.slice(0, 100).sort());

    for (const name of shuffled.slice(0, 100)) map.delete(name);
    expect(names(map, { from: '' })).toEqual([]);
    map.set('again', 1);
    expect(names(map, { from: '', reverse: true })).toEqual(['again']);
  });

  test('walks the same part of the order as a sorted array, over many chunks', () => {
    const all = numbered(3_000).filter((_, index) => index % 2 === 0);
    const map = new OrderedMap<number>();
    for (const name of all) map.set(name, 0);
    const bound = fc.nat(3_100).map((value) => String(value).padStart(6, '0'));

    fc.assert(
      fc.property(
        bound,
        fc.option(bound, { nil: undefined }),
        fc.boolean(),
        (from, to, reverse) => {
          const inside = all.filter((name) => name >= from && (to === undefined || name < to));

          expect(names(map, { from, to, reverse })).toEqual(reverse ? inside.reverse() : inside);
        },
      ),
    );
  });
});
