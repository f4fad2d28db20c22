import { describe, expect, test } from '@jest/globals';
import { PositionMap } from '../../../tools/guard/position-map.ts';

describe('a map of positions', () => {
  test('leads to the copy of the record, and from a gap to that of the next one', () => {
    const map = new PositionMap();
    for (const [from, to] of [
      [5, 0],
      [6, 1],
      [9, 2],
      [10, 4],
    ] as const) {
      map.add(from, to);
    }

    const asked = [0, 5, 6, 7, 8, 9, 10, 11, 99];
    expect(asked.map((position) => map.at(position))).toEqual([0, 0, 1, 2, 2, 2, 4, 5, 5]);
    expect(map.end).toBe(5);
  });

  test('of nothing leads to the start', () => {
    expect([new PositionMap().at(7), new PositionMap().end]).toEqual([0, 0]);
  });
});
