/** Daily totals are sums: any order, and back to nothing when everything is taken back. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { negateCounts, type DailyContribution } from '../../../topology/roll/contributions.ts';
import {
  addContribution,
  noTotals,
  occupancyOf,
  type DailyTotals,
} from '../../../topology/roll/totals.ts';
import { propertyId } from './roll-fixtures.ts';

const contribution: fc.Arbitrary<DailyContribution> = fc.record({
  propertyId: fc.constant(propertyId),
  businessDate: fc.constant('2026-05-10'),
  currency: fc.constantFrom('EUR', 'USD', 'JPY'),
  roomsSold: fc.nat(3),
  revenueMinor: fc.integer({ min: -50_000, max: 50_000 }),
  arrivals: fc.nat(3),
  departures: fc.nat(3),
  cancellations: fc.nat(3),
  noShows: fc.nat(3),
});
const sum = (changes: readonly DailyContribution[]): DailyTotals =>
  changes.reduce(addContribution, noTotals);

describe('daily totals', () => {
  test('are the same for the same contributions in any order, byte for byte', () => {
    const orders = fc
      .array(contribution)
      .chain((all) =>
        fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
      );

    fc.assert(
      fc.property(orders, ([all, other]) => {
        expect(JSON.stringify(sum(other))).toBe(JSON.stringify(sum(all)));
      }),
    );
  });

  test('are nothing again once every contribution is taken back', () => {
    fc.assert(
      fc.property(fc.array(contribution), (all) => {
        const back = all.map((change) => ({ ...change, ...negateCounts(change) }));

        expect(sum([...all, ...back])).toEqual(noTotals);
      }),
    );
  });

  test('keep currencies apart', () => {
    const day = { propertyId, businessDate: '2026-05-10', arrivals: 0, departures: 0 };
    const night = { ...day, cancellations: 0, noShows: 0, roomsSold: 1 };

    const totals = sum([
      { ...night, currency: 'USD', revenueMinor: 5000 },
      { ...night, currency: 'EUR', revenueMinor: 7550 },
      { ...night, currency: 'EUR', revenueMinor: 8000 },
    ]);

    expect(totals.roomsSold).toBe(3);
    expect(Object.entries(totals.revenueMinor)).toEqual([
      ['EUR', 15_550],
      ['USD', 5000],
    ]);
  });

  test('give an occupancy where the property has rooms', () => {
    const totals = { ...noTotals, roomsSold: 30 };

    expect(occupancyOf(totals, 40)).toBe(0.75);
    expect(occupancyOf(totals, 0)).toBeUndefined();
    expect(occupancyOf(totals, undefined)).toBeUndefined();
  });
});
