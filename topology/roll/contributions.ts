/**
 * What one reservation adds to its property's business dates. A contribution is never changed in place:
 * the difference between two derivations is sent on and added, so totals never need the whole.
 */
import type { LedgerEntry } from './ledger-entry.ts';

/** What is counted on a business date. */
export interface DailyCounts {
  /** Nights slept. */
  readonly roomsSold: number;
  /** Room revenue of those nights, minor units. */
  readonly revenueMinor: number;
  /** Guests' stays that began (actual check-in) on the date. */
  readonly arrivals: number;
  /** Stays that ended (CHECKOUT) on the date. */
  readonly departures: number;
  readonly cancellations: number;
  readonly noShows: number;
}

export interface DailyContribution extends DailyCounts {
  readonly propertyId: string;
  readonly businessDate: string;
  /** Of the revenue. */
  readonly currency: string;
}

export const noCounts: DailyCounts = {
  roomsSold: 0,
  revenueMinor: 0,
  arrivals: 0,
  departures: 0,
  cancellations: 0,
  noShows: 0,
};

/** One contribution per business date, in date order. */
export function contributionsOf(
  entries: readonly LedgerEntry[],
  stay: {
    readonly propertyId: string;
    readonly currency: string;
    readonly arrivalDate: string | undefined;
  },
): DailyContribution[] {
  const { propertyId, currency, arrivalDate } = stay;
  const days = new Map<string, DailyCounts>();
  const add = (date: string, counts: DailyCounts): unknown =>
    days.set(date, addCounts(days.get(date) ?? noCounts, counts));
  for (const entry of entries) add(entry.businessDate, countsOf(entry));
  if (arrivalDate !== undefined) add(arrivalDate, { ...noCounts, arrivals: 1 });
  return [...days]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([businessDate, counts]) => ({ propertyId, businessDate, currency, ...counts }));
}

export function addCounts(left: DailyCounts, right: DailyCounts): DailyCounts {
  return {
    roomsSold: left.roomsSold + right.roomsSold,
    revenueMinor: left.revenueMinor + right.revenueMinor,
    arrivals: left.arrivals + right.arrivals,
    departures: left.departures + right.departures,
    cancellations: left.cancellations + right.cancellations,
    noShows: left.noShows + right.noShows,
  };
}

/** The counts with their signs turned. */
export function negateCounts(counts: DailyCounts): DailyCounts {
  return {
    roomsSold: 0 - counts.roomsSold,
    revenueMinor: 0 - counts.revenueMinor,
    arrivals: 0 - counts.arrivals,
    departures: 0 - counts.departures,
    cancellations: 0 - counts.cancellations,
    noShows: 0 - counts.noShows,
  };
}

/** True when adding the counts would change nothing. */
export function areZero(counts: DailyCounts): boolean {
  return (
    counts.roomsSold === 0 &&
    counts.revenueMinor === 0 &&
    counts.arrivals === 0 &&
    counts.departures === 0 &&
    counts.cancellations === 0 &&
    counts.noShows === 0
  );
}

function countsOf(entry: LedgerEntry): DailyCounts {
  switch (entry.rollType) {
    case 'EOD':
      return { ...noCounts, roomsSold: 1, revenueMinor: entry.amountMinor };
    case 'CHECKOUT':
      return { ...noCounts, departures: 1 };
    case 'CANCEL':
      return { ...noCounts, cancellations: 1 };
    case 'NO_SHOW':
      return { ...noCounts, noShows: 1 };
  }
}
