/** The soak's slope. */
import { describe, expect, test } from '@jest/globals';
import { slopeOf } from '../../bench/soak/slope.ts';

describe('a slope', () => {
  test('is that of the line that the points are on', () => {
    expect(slopeOf([0, 1, 2, 5], [300, 310, 320, 350])).toBeCloseTo(10);
  });

  test('is flat for a level that goes up and down, and for a single look', () => {
    expect(slopeOf([0, 1, 2, 3], [10, 12, 12, 10])).toBeCloseTo(0);
    expect(slopeOf([1], [300])).toBe(0);
  });
});
