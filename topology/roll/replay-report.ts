/**
 * What follows from the platform's rows, beside what is stored of it: in the service's state and in the
 * table. Each entry is told by its lifecycle event id, with a status on each side that was looked at and
 * one for all: `diff` before `missing_in_shadow` before `extra_in_shadow` before `match`. Pure.
 */
import type { JsonValue } from '../canonical-json.ts';
import {
  areEqual,
  fieldsOfEntry,
  isFinancial,
  type EntryFields,
  type InstantPrecision,
} from './entry-fields.ts';
import type { LedgerEntry } from './ledger-entry.ts';

export const replaySides = ['state', 'table'] as const;
export type ReplaySide = (typeof replaySides)[number];

/** In order of weight, the lightest first. */
const statuses = ['match', 'extra_in_shadow', 'missing_in_shadow', 'diff'] as const;
export type ReplayStatus = (typeof statuses)[number];

/** A value that differs; null: it is not there. */
export interface FieldDiff {
  readonly side: ReplaySide;
  readonly field: string;
  readonly expected: JsonValue;
  readonly actual: JsonValue;
}

export interface EntryReport {
  readonly lifecycleEventId: JsonValue;
  readonly rollType: JsonValue;
  readonly rollDate: JsonValue;
  readonly amountMinor: JsonValue;
  readonly currency: JsonValue;
  readonly status: ReplayStatus;
  /** Left out: that side was not looked at. */
  readonly state?: ReplayStatus;
  readonly table?: ReplayStatus;
  readonly diffs: readonly FieldDiff[];
}

export interface ReplayComparison {
  readonly expected: readonly LedgerEntry[];
  /** Undefined: that side is not looked at. */
  readonly state: readonly EntryFields[] | undefined;
  readonly table: readonly EntryFields[] | undefined;
}

/** What was counted; the names are those of the report. */
export interface ReplaySummary {
  readonly reservations: number;
  /** Rows of the lifecycle table. */
  readonly lifecycleEvents: number;
  readonly derivedEntries: number;
  /** In the service's state; null: not looked at. */
  readonly stateEntries: number | null;
  /** In the table; null: not looked at. */
  readonly shadowEntries: number | null;
  readonly matches: number;
  readonly mismatches: number;
  /** Fields, not entries. */
  readonly financialMismatches: number;
  readonly missingInShadow: number;
  readonly extraInShadow: number;
  /** Captured rows that cannot be used: what follows from their reservation is not known. */
  readonly unreadableRows: number;
}

const precisionOf: Readonly<Record<ReplaySide, InstantPrecision>> = {
  state: 'milliseconds',
  table: 'microseconds',
};

/** In the order of the ledger; then what is stored and does not follow. */
export function compareLedger(comparison: ReplayComparison): EntryReport[] {
  const sides = replaySides.flatMap((side) => {
    const stored = comparison[side];
    return stored === undefined ? [] : [{ side, stored: byEvent(stored) }];
  });
  const expected = comparison.expected.map((entry) => {
    const verdicts = sides.map(({ side, stored }) => {
      const actual = take(stored, entry.lifecycleEventId);
      return verdictOf(side, fieldsOfEntry(entry, precisionOf[side]), actual);
    });
    return reportOf(fieldsOfEntry(entry), verdicts);
  });
  return [...expected, ...extraEntries(sides)];
}

export function summarize(
  comparison: ReplayComparison,
  entries: readonly EntryReport[],
  rows: Pick<ReplaySummary, 'lifecycleEvents' | 'unreadableRows'>,
): ReplaySummary {
  const count = (status: ReplayStatus): number =>
    entries.filter((entry) => entry.status === status).length;
  const diffs = entries.flatMap((entry) => entry.diffs);
  return {
    reservations: 1,
    lifecycleEvents: rows.lifecycleEvents,
    derivedEntries: comparison.expected.length,
    stateEntries: comparison.state?.length ?? null,
    shadowEntries: comparison.table?.length ?? null,
    matches: count('match'),
    mismatches: count('diff'),
    financialMismatches: diffs.filter(({ field }) => isFinancial(field)).length,
    missingInShadow: count('missing_in_shadow'),
    extraInShadow: count('extra_in_shadow'),
    unreadableRows: rows.unreadableRows,
  };
}

export const noSummary: ReplaySummary = {
  ...{ reservations: 0, lifecycleEvents: 0, derivedEntries: 0, stateEntries: null },
  ...{ shadowEntries: null, matches: 0, mismatches: 0, financialMismatches: 0 },
  ...{ missingInShadow: 0, extraInShadow: 0, unreadableRows: 0 },
};

export function addSummaries(left: ReplaySummary, right: ReplaySummary): ReplaySummary {
  const sums: Record<keyof ReplaySummary, number | null> = { ...left };
  for (const name of Object.keys(left) as (keyof ReplaySummary)[]) {
    sums[name] = addCounts(left[name], right[name]);
  }
  return sums as ReplaySummary;
}

/** True when whatever was looked at is as it must be. */
export function isEqual(summary: ReplaySummary): boolean {
  return differingEntries(summary) === 0 && summary.unreadableRows === 0;
}

export function differingEntries(summary: ReplaySummary): number {
  return summary.mismatches + summary.missingInShadow + summary.extraInShadow;
}

type Stored = Map<JsonValue, EntryFields[]>;

interface Verdict {
  readonly side: ReplaySide;
  readonly status: ReplayStatus;
  readonly diffs: readonly FieldDiff[];
}

function byEvent(entries: readonly EntryFields[]): Stored {
  const stored: Stored = new Map();
  for (const entry of entries) {
    const id = entry.get('lifecycleEventId') ?? null;
    stored.set(id, [...(stored.get(id) ?? []), entry]);
  }
  return stored;
}

function take(stored: Stored, id: JsonValue): EntryFields | undefined {
  return stored.get(id)?.shift();
}

function verdictOf(
  side: ReplaySide,
  expected: EntryFields,
  actual: EntryFields | undefined,
): Verdict {
  if (actual === undefined) return { side, status: 'missing_in_shadow', diffs: [] };
  const names = new Set([...expected.keys(), ...actual.keys()]);
  const diffs = [...names]
    .filter((field) => !areEqual(expected.get(field), actual.get(field)))
    .map((field) => ({
      ...{ side, field },
      ...{ expected: expected.get(field) ?? null, actual: actual.get(field) ?? null },
    }));
  return { side, status: diffs.length === 0 ? 'match' : 'diff', diffs };
}

/** A side that lacks what does not follow is right. */
function extraEntries(sides: readonly { side: ReplaySide; stored: Stored }[]): EntryReport[] {
  const reports: EntryReport[] = [];
  for (const { stored } of sides) {
    for (const id of [...stored.keys()]) {
      for (let next = stored.get(id)?.[0]; next !== undefined; next = stored.get(id)?.[0]) {
        const verdicts = sides.map((each): Verdict => {
          const isThere = take(each.stored, id) !== undefined;
          return { side: each.side, status: isThere ? 'extra_in_shadow' : 'match', diffs: [] };
        });
        reports.push(reportOf(next, verdicts));
      }
    }
  }
  return reports;
}

function reportOf(entry: EntryFields, verdicts: readonly Verdict[]): EntryReport {
  const value = (field: string): JsonValue => entry.get(field) ?? null;
  const weights = verdicts.map(({ status }) => statuses.indexOf(status));
  return {
    lifecycleEventId: value('lifecycleEventId'),
    rollType: value('rollType'),
    rollDate: value('rollDate'),
    amountMinor: value('amountMinor'),
    currency: value('currency'),
    status: statuses[Math.max(0, ...weights)] ?? 'match',
    ...Object.fromEntries(verdicts.map(({ side, status }) => [side, status])),
    diffs: verdicts.flatMap(({ diffs }) => diffs),
  };
}

function addCounts(left: number | null, right: number | null): number | null {
  return left === null && right === null ? null : (left ?? 0) + (right ?? 0);
}
