/**
 * The stored ledger of one reservation and its one step: facts in, difference out. The wiring reads the
 * ledger, merges a fact or takes a tick, calls `updateLedger` and writes back what it returns.
 */
import type { DailyContribution } from './contributions.ts';
import { derive, type Derivation, type PropertyCalendar } from './derive.ts';
import {
  diffContributions,
  diffEntries,
  storeEntries,
  type RollChange,
  type StoredEntry,
} from './diff.ts';
import { noFacts, propertyIdOf, type ReservationFacts } from './facts.ts';

export interface StoredLedger {
  readonly facts: ReservationFacts;
  /** As last emitted, in the order of a ledger. */
  readonly entries: readonly StoredEntry[];
  /** As last sent on to the totals. */
  readonly contributions: readonly DailyContribution[];
  /** Where the index of nights holds this ledger; undefined: no tick can change it. */
  readonly wake: NightWake | undefined;
}

/** The tick that must reach a ledger: that of `night` at `propertyId`. */
export interface NightWake {
  readonly propertyId: string;
  readonly night: string;
}

export interface LedgerInput {
  readonly facts: ReservationFacts;
  readonly property: PropertyCalendar;
  /** The property's last closed date before this input; see `diffEntries`. */
  readonly closedBefore: string | undefined;
  /** Stamped on entries that change. */
  readonly atMs: number;
}

export interface LedgerUpdate {
  readonly ledger: StoredLedger;
  readonly changes: readonly RollChange[];
  /** To add to the property's totals. */
  readonly contributionChanges: readonly DailyContribution[];
  readonly waitsFor: Derivation['waitsFor'];
}

/** A reservation of which nothing is known and nothing was emitted. */
export function emptyLedger(tenantId: string, reservationId: string): StoredLedger {
  return {
    facts: noFacts(tenantId, reservationId),
    entries: [],
    contributions: [],
    wake: undefined,
  };
}

export function updateLedger(previous: StoredLedger, input: LedgerInput): LedgerUpdate {
  const { facts, property, closedBefore, atMs } = input;
  const known = previous.entries.map(({ entry }) => entry);
  const { entries, contributions, nextNight, waitsFor } = derive(facts, property, known);
  const propertyId = propertyIdOf(facts);
  const wake =
    nextNight === undefined || propertyId === undefined
      ? undefined
      : { propertyId, night: nextNight };
  return {
    ledger: {
      facts,
      entries: storeEntries(previous.entries, entries, atMs),
      contributions,
      wake,
    },
    changes: diffEntries(previous.entries, entries, closedBefore),
    contributionChanges: diffContributions(previous.contributions, contributions),
    waitsFor,
  };
}
