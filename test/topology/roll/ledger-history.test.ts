/** Histories: whatever the order of arrival, the ledger is what follows from all facts at once. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { rollTypeOf } from '../../../topology/roll/roll-command.ts';
import type { DailyContribution } from '../../../topology/roll/contributions.ts';
import { derive, type PropertyCalendar } from '../../../topology/roll/derive.ts';
import type { RollChange } from '../../../topology/roll/diff.ts';
import {
  decideAlike,
  mergeLifecycleRow,
  mergeReservationRow,
  type ReservationFacts,
} from '../../../topology/roll/facts.ts';
import { compareEntries, type LedgerEntry } from '../../../topology/roll/ledger-entry.ts';
import { ledgerCodec } from '../../../topology/roll/ledger-codec.ts';
import { emptyLedger, updateLedger, type StoredLedger } from '../../../topology/roll/ledger.ts';
import { readReservationRow } from '../../../topology/roll/reservation-row.ts';
import { addContribution, noTotals, type DailyTotals } from '../../../topology/roll/totals.ts';
import { naiveArrival, naiveLedger, type Captured } from './naive-ledger.ts';
import { arrivalsOf, lives, type Arrival, type Life } from './random-lives.ts';
import {
  commandFact,
  propertyId,
  reservationId,
  snapshot,
  streamed,
  tenantId,
  valueOf,
} from './roll-fixtures.ts';

interface Outcome {
  readonly ledger: StoredLedger;
  readonly property: PropertyCalendar;
  readonly changes: readonly RollChange[];
  readonly totals: ReadonlyMap<string, DailyTotals>;
}

/** A task in miniature: its ledger, what it knows of the property, what it sent on. */
function play(arrivals: readonly Arrival[], zone: string): Outcome {
  let ledger = emptyLedger(tenantId, reservationId);
  let property: PropertyCalendar = { zone: undefined, lastClosedDate: undefined };
  const changes: RollChange[] = [];
  const totals = new Map<string, DailyTotals>();

  const step = (facts: ReservationFacts, closedBefore: string | undefined): number => {
    const update = updateLedger(ledger, { facts, property, closedBefore, atMs: changes.length });
    ledger = ledgerCodec.deserialize(ledgerCodec.serialize(update.ledger));
    changes.push(...update.changes);
    for (const change of update.contributionChanges) addTo(totals, change);
    return update.changes.length;
  };
  for (const arrival of arrivals) {
    if (arrival.kind === 'tick') {
      const { lastClosedDate: closedBefore } = property;
      const isWoken = ledger.wake !== undefined && ledger.wake.night <= arrival.date;
      property = { ...property, lastClosedDate: arrival.date };
      const changed = step(ledger.facts, closedBefore);
      // The index of next nights must lead every tick to every ledger that it changes.
      if (changed > 0) expect(isWoken).toBe(true);
    } else {
      if (arrival.kind === 'property') property = { ...property, zone };
      const facts = merge(ledger.facts, arrival);
      const isIdle = arrival.kind !== 'property' && decideAlike(ledger.facts, facts);
      const changed = step(facts, property.lastClosedDate);
      if (isIdle) expect(changed).toBe(0);
    }
  }
  return { ledger, property, changes, totals };
}

function merge(facts: ReservationFacts, arrival: Arrival): ReservationFacts {
  if (arrival.kind === 'reservation') {
    const { columns } = arrival.captured;
    const row = columns === null ? null : valueOf(readReservationRow(columns)).row;
    return mergeReservationRow(facts, row, versionOf(arrival.captured));
  }
  if (arrival.kind !== 'command') return facts;
  const { columns, eventId } = arrival.captured;
  const version = versionOf(arrival.captured);
  const fact = columns === null ? { eventId, version, row: null } : commandFact(columns, version);
  return mergeLifecycleRow(facts, fact);
}

function versionOf(captured: Captured<unknown>): string {
  return captured.isStreamed ? streamed(captured.commitLsn, captured.lsn) : snapshot(captured.lsn);
}

function addTo(totals: Map<string, DailyTotals>, change: DailyContribution): void {
  const key = `${change.propertyId} ${change.businessDate}`;
  const sum = addContribution(totals.get(key) ?? noTotals, change);
  if (JSON.stringify(sum) === JSON.stringify(noTotals)) totals.delete(key);
  else totals.set(key, sum);
}

/** What a reader of the events ends up with. */
function fold(changes: readonly RollChange[]): LedgerEntry[] {
  const entries = new Map<string, LedgerEntry>();
  for (const { kind, entry } of changes) {
    if (kind === 'voided') entries.delete(entry.ledgerId);
    else entries.set(entry.ledgerId, entry);
  }
  return [...entries.values()].sort(compareEntries);
}

function entriesOf(outcome: Outcome): LedgerEntry[] {
  return outcome.ledger.entries.map(({ entry }) => entry);
}

function historyOf(life: Life): Parameters<typeof naiveLedger>[0] {
  const { zone, reservation, commands, ticks } = life;
  return { reservationId, reservation, commands, zone, lastClosedDate: ticks.at(-1) ?? '' };
}

const playedLives = lives.chain((life) => arrivalsOf(life).map((arrivals) => ({ life, arrivals })));
const twiceOrderedLives = lives.chain((life) =>
  fc.tuple(arrivalsOf(life), arrivalsOf(life)).map((orders) => ({ life, orders })),
);
const runs = { numRuns: 100 };

describe('a ledger that follows its facts in any order', () => {
  test('ends as it would be derived from all of them at once', () => {
    fc.assert(
      fc.property(playedLives, ({ life, arrivals }) => {
        const outcome = play(arrivals, life.zone);

        const { entries, contributions } = derive(outcome.ledger.facts, outcome.property);

        expect(entriesOf(outcome)).toEqual(entries);
        expect(outcome.ledger.contributions).toEqual(contributions);
      }),
      runs,
    );
  });

  test('is what a naive reading of the newest rows gives', () => {
    fc.assert(
      fc.property(playedLives, ({ life, arrivals }) => {
        const lines = entriesOf(play(arrivals, life.zone)).map(
          (entry) =>
            `${entry.lifecycleEventId} ${entry.rollType} ${entry.rollDate} ${entry.amountMinor}`,
        );

        expect(lines.sort()).toEqual(naiveLedger(historyOf(life)));
      }),
      runs,
    );
  });

  test('is byte for byte the same, entries and totals, after another order of arrival', () => {
    const bytes = ({ ledger, totals }: Outcome): string => {
      const { reservation, commands } = ledger.facts;
      // Which of the commands that decide nothing are still known is all that the order decides.
      const deciding = commands.filter(
        ({ row }) => rollTypeOf(row?.commandName ?? '') !== undefined,
      );
      const entries = ledger.entries.map(({ entry }) => entry);
      return JSON.stringify([entries, reservation, deciding, [...totals].sort()]);
    };

    fc.assert(
      fc.property(twiceOrderedLives, ({ life, orders: [first, second] }) => {
        expect(bytes(play(second, life.zone))).toBe(bytes(play(first, life.zone)));
      }),
      runs,
    );
  });

  test('emits events that fold to it, none of an entry equal to the one before', () => {
    fc.assert(
      fc.property(playedLives, ({ life, arrivals }) => {
        const outcome = play(arrivals, life.zone);
        const last = new Map<string, string>();

        expect(fold(outcome.changes)).toEqual(entriesOf(outcome));
        for (const { kind, entry } of outcome.changes) {
          const said = kind === 'voided' ? 'voided' : entry.revision;
          expect(said).not.toBe(last.get(entry.ledgerId) ?? 'voided');
          expect(kind === 'created').toBe((last.get(entry.ledgerId) ?? 'voided') === 'voided');
          last.set(entry.ledgerId, said);
        }
      }),
      runs,
    );
  });

  test('adds up to totals that can be counted from its entries and its arrival', () => {
    fc.assert(
      fc.property(playedLives, ({ life, arrivals }) => {
        const outcome = play(arrivals, life.zone);
        const count = (totals: DailyTotals): number[] => [
          totals.roomsSold,
          totals.revenueMinor['EUR'] ?? 0,
          totals.departures,
          totals.cancellations,
          totals.noShows,
          totals.arrivals,
        ];
        const counted = Object.fromEntries(
          [...outcome.totals].map(([key, totals]) => [key, count(totals)]),
        );

        expect(counted).toEqual(naiveTotals(entriesOf(outcome), naiveArrival(historyOf(life))));
      }),
      runs,
    );
  });
});

function naiveTotals(
  entries: readonly LedgerEntry[],
  arrivalDate: string | undefined,
): Record<string, number[]> {
  const dates = new Set(entries.map(({ rollDate }) => rollDate));
  if (arrivalDate !== undefined) dates.add(arrivalDate);
  const totals = [...dates].map((date) => {
    const amounts = (kind: string): number[] =>
      entries
        .filter((entry) => entry.rollDate === date && entry.rollType === kind)
        .map((entry) => entry.amountMinor);
    const revenue = amounts('EOD').reduce((sum, amount) => sum + amount, 0);
    const counts = ['CHECKOUT', 'CANCEL', 'NO_SHOW'].map((kind) => amounts(kind).length);
    const arrivals = arrivalDate === date ? 1 : 0;
    return [`${propertyId} ${date}`, [amounts('EOD').length, revenue, ...counts, arrivals]];
  });
  return Object.fromEntries(totals) as Record<string, number[]>;
}
