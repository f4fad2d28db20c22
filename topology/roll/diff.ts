/**
 * The difference between the ledger as it was emitted and as it now follows: the events of
 * `roll.events`, and what changes in the property's totals. Events of one entry alternate: none says
 * what the one before it said. A voided entry that follows again is created again.
 */
import {
  addCounts,
  areZero,
  negateCounts,
  noCounts,
  type DailyContribution,
} from './contributions.ts';
import type { LedgerEntry } from './ledger-entry.ts';

/** An entry as it was last emitted. */
export interface StoredEntry {
  readonly entry: LedgerEntry;
  /** Milliseconds since 1970; bookkeeping, not part of what must be equal after a replay. */
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface RollChange {
  readonly kind: 'created' | 'revised' | 'voided';
  /** The entry as it is now; of a voided one, as it was. */
  readonly entry: LedgerEntry;
  /** True when the entry's business date had been closed before this change came. */
  readonly adjustment: boolean;
}

/**
 * What to emit, voided entries first (an entry that takes over from another never counts beside it).
 * @param closedBefore the property's last closed date before this input: for the tick of date D the
 *   date closed before D, so that the night it closes is no adjustment; for a fact the last closed date.
 */
export function diffEntries(
  previous: readonly StoredEntry[],
  next: readonly LedgerEntry[],
  closedBefore: string | undefined,
): RollChange[] {
  const before = new Map(previous.map(({ entry }) => [entry.ledgerId, entry]));
  const after = new Set(next.map((entry) => entry.ledgerId));
  const changeOf = (kind: RollChange['kind'], entry: LedgerEntry): RollChange => {
    const dates = [entry.businessDate, before.get(entry.ledgerId)?.businessDate];
    const adjustment = dates.some(
      (date) => date !== undefined && closedBefore !== undefined && date <= closedBefore,
    );
    return { kind, entry, adjustment };
  };
  const voided = previous
    .filter(({ entry }) => !after.has(entry.ledgerId))
    .map(({ entry }) => changeOf('voided', entry));
  const changed = next.flatMap((entry) => {
    const known = before.get(entry.ledgerId);
    if (known?.revision === entry.revision) return [];
    return [changeOf(known === undefined ? 'created' : 'revised', entry)];
  });
  return [...voided, ...changed];
}

/** The entries to store: `next`, with the times of what was there before. */
export function storeEntries(
  previous: readonly StoredEntry[],
  next: readonly LedgerEntry[],
  atMs: number,
): StoredEntry[] {
  const before = new Map(previous.map((stored) => [stored.entry.ledgerId, stored]));
  return next.map((entry) => {
    const known = before.get(entry.ledgerId);
    if (known?.entry.revision === entry.revision) return known;
    return { entry, createdAtMs: known?.createdAtMs ?? atMs, updatedAtMs: atMs };
  });
}

/** What to add to the totals so that `next` is counted instead of `previous`; days without a difference are left out. */
export function diffContributions(
  previous: readonly DailyContribution[],
  next: readonly DailyContribution[],
): DailyContribution[] {
  const changes = new Map<string, DailyContribution>();
  const add = (contribution: DailyContribution, counts = contribution as typeof noCounts): void => {
    const { propertyId, businessDate, currency } = contribution;
    const key = `${propertyId}|${businessDate}|${currency}`;
    const sum = addCounts(changes.get(key) ?? noCounts, counts);
    changes.set(key, { propertyId, businessDate, currency, ...sum });
  };
  for (const contribution of previous) add(contribution, negateCounts(contribution));
  for (const contribution of next) add(contribution);
  return [...changes.values()].filter((change) => !areZero(change));
}
