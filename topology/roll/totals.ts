/**
 * What a property's business date adds up to: the sum of all contributions sent to it. Sums do not
 * depend on the order of their parts, so totals may run ahead or behind a ledger, never apart from it.
 */
import { addCounts, noCounts, type DailyContribution, type DailyCounts } from './contributions.ts';

export interface DailyTotals extends Omit<DailyCounts, 'revenueMinor'> {
  /** Room revenue by currency, minor units; currencies that add up to nothing are left out. */
  readonly revenueMinor: Readonly<Record<string, number>>;
}

/** A date on which nothing happened. */
export const noTotals: DailyTotals = { ...noCounts, revenueMinor: {} };

/** The totals after one more contribution, which is negative where something is taken back. */
export function addContribution(totals: DailyTotals, change: DailyContribution): DailyTotals {
  const { currency } = change;
  const counts = addCounts({ ...totals, revenueMinor: totals.revenueMinor[currency] ?? 0 }, change);
  const revenue = Object.entries({ ...totals.revenueMinor, [currency]: counts.revenueMinor })
    .filter(([, minor]) => minor !== 0)
    .sort(([left], [right]) => (left < right ? -1 : 1));
  return { ...counts, revenueMinor: Object.fromEntries(revenue) };
}

/** Rooms sold as a part of the property's rooms; undefined while it is not known to have any. */
export function occupancyOf(
  totals: DailyTotals,
  totalRooms: number | undefined,
): number | undefined {
  return totalRooms === undefined || totalRooms <= 0 ? undefined : totals.roomsSold / totalRooms;
}
