/**
 * What of the Roll Service's state follows from the captured tables alone: the part of a stored value
 * that must be equal after a replay. When an entry was written, and days that add up to nothing, are not.
 */
import type { DailyCounts } from './contributions.ts';
import type { StoredLedger } from './ledger.ts';
import { ledgerStores } from './ledger-processor.ts';
import { propertyStores } from './property-processor.ts';
import type { DailyTotals } from './totals.ts';

/** Undefined: the entry need not be there. */
export function canonicalRollValue(store: string, value: unknown): unknown {
  if (store === ledgerStores.ledgers) {
    const { facts, entries, contributions, wake } = value as StoredLedger;
    return { facts, entries: entries.map(({ entry }) => entry), contributions, wake };
  }
  if (store === propertyStores.totals) return isNothing(value as DailyTotals) ? undefined : value;
  return value;
}

function isNothing({ revenueMinor, ...counts }: DailyTotals): boolean {
  const zero = (minor: number): boolean => minor === 0;
  const numbers = Object.values(counts satisfies Omit<DailyCounts, 'revenueMinor'>);
  return Object.values(revenueMinor).every(zero) && numbers.every(zero);
}

/**
 * What of a store is in the ledgers themselves: neither positions in a log nor when an entry was written.
 * Ledgers that follow from the same rows are equal in it, whoever read the rows.
 */
export function canonicalEntries(store: string, value: unknown): unknown {
  if (store !== ledgerStores.ledgers) return undefined;
  const { entries, contributions } = value as StoredLedger;
  return { entries: entries.map(({ entry }) => entry), contributions };
}
