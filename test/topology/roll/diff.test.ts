/** What is emitted when a ledger changes, and when it counts as an adjustment. */
import { describe, expect, test } from '@jest/globals';
import { uuidV5 } from '../../../kernel/uuid.ts';
import type { PropertyCalendar } from '../../../topology/roll/derive.ts';
import { diffContributions, type RollChange } from '../../../topology/roll/diff.ts';
import type { ReservationFacts } from '../../../topology/roll/facts.ts';
import {
  emptyLedger,
  updateLedger,
  type LedgerUpdate,
  type StoredLedger,
} from '../../../topology/roll/ledger.ts';
import type { ReservationColumns } from '../../../topology/roll/reservation-row.ts';
import {
  applied,
  eventId,
  factsOf,
  micros,
  reservationColumns,
  reservationId,
  tenantId,
} from './roll-fixtures.ts';

const checkedIn = {
  status: 'CHECKED_IN',
  actual_check_in: micros('2026-05-10T12:00:00Z'),
} as const;
const closed = (lastClosedDate: string | undefined): PropertyCalendar => ({
  zone: 'Europe/Helsinki',
  lastClosedDate,
});
const nothing = emptyLedger(tenantId, reservationId);

/** A fact came: what was closed before it is what is closed. */
function fact(
  previous: StoredLedger,
  facts: ReservationFacts,
  last: string | undefined,
): LedgerUpdate {
  return updateLedger(previous, {
    facts,
    property: closed(last),
    closedBefore: last,
    atMs: 1000,
  });
}

/** The tick of a date came, the day before being the last one closed. */
function tick(
  previous: StoredLedger,
  date: string,
  closedBefore: string | undefined,
): LedgerUpdate {
  return updateLedger(previous, {
    facts: previous.facts,
    property: closed(date),
    closedBefore,
    atMs: 2000,
  });
}

function told(changes: readonly RollChange[]): string[] {
  return changes.map(
    ({ kind, entry, adjustment }) =>
      `${kind} ${entry.rollType} ${entry.rollDate} ${entry.amountMinor}${adjustment ? ' adjustment' : ''}`,
  );
}

describe('changes of a ledger', () => {
  const inHouse = fact(nothing, factsOf(reservationColumns(checkedIn)), '2026-05-09').ledger;

  test('create the night at the tick that closes it, which is no adjustment', () => {
    const { changes, ledger } = tick(inHouse, '2026-05-10', '2026-05-09');

    expect(told(changes)).toEqual(['created EOD 2026-05-10 7550']);
    expect(ledger.wake?.night).toBe('2026-05-11');
  });

  test('create every night that an advance by several days closes', () => {
    const { changes } = tick(inHouse, '2026-05-12', '2026-05-09');

    expect(told(changes)).toEqual([
      'created EOD 2026-05-10 7550',
      'created EOD 2026-05-11 7550',
      'created EOD 2026-05-12 7550',
    ]);
  });

  test('are none when the same fact or tick comes again', () => {
    const { ledger } = tick(inHouse, '2026-05-10', '2026-05-09');

    const again = fact(ledger, ledger.facts, '2026-05-10');

    expect(again.changes).toEqual([]);
    expect(again.contributionChanges).toEqual([]);
    expect(again.ledger).toEqual(ledger);
  });

  test('are adjustments where a fact comes after its date closed', () => {
    const late = fact(nothing, factsOf(reservationColumns(checkedIn)), '2026-05-11');

    expect(told(late.changes)).toEqual([
      'created EOD 2026-05-10 7550 adjustment',
      'created EOD 2026-05-11 7550 adjustment',
    ]);
  });

  test('leave the adjustment out of the entry: late or in time, it is the same', () => {
    const late = fact(nothing, factsOf(reservationColumns(checkedIn)), '2026-05-10').changes;
    const inTime = tick(inHouse, '2026-05-10', '2026-05-09').changes;

    expect(late.map(({ entry }) => entry)).toEqual(inTime.map(({ entry }) => entry));
  });

  test('revise closed nights when the rate changes, and keep when they were created', () => {
    const { ledger } = tick(inHouse, '2026-05-10', '2026-05-09');
    const dearer = factsOf(reservationColumns({ ...checkedIn, room_rate: '80.00' }));

    const update = updateLedger(ledger, {
      facts: dearer,
      property: closed('2026-05-10'),
      closedBefore: '2026-05-10',
      atMs: 3000,
    });

    expect(told(update.changes)).toEqual(['revised EOD 2026-05-10 8000 adjustment']);
    expect(update.contributionChanges).toMatchObject([
      { businessDate: '2026-05-10', roomsSold: 0, revenueMinor: 450 },
    ]);
    expect(update.ledger.entries[0]).toMatchObject({ createdAtMs: 2000, updatedAtMs: 3000 });
  });

  test('void what a deleted reservation had, and take it back from the totals', () => {
    const { ledger } = tick(inHouse, '2026-05-10', '2026-05-09');
    const deleted = factsOf(reservationColumns({ ...checkedIn, is_deleted: true }));

    const update = fact(ledger, deleted, '2026-05-10');

    expect(told(update.changes)).toEqual(['voided EOD 2026-05-10 7550 adjustment']);
    expect(update.contributionChanges).toMatchObject([
      { businessDate: '2026-05-10', roomsSold: -1, revenueMinor: -7550, arrivals: -1 },
    ]);
    expect(update.ledger).toMatchObject({ entries: [], contributions: [], wake: undefined });
  });

  test('emit a voided entry again when it follows again', () => {
    const facts = factsOf(reservationColumns(checkedIn));
    const deleted = factsOf(reservationColumns({ ...checkedIn, is_deleted: true }));
    const first = fact(nothing, facts, '2026-05-10');
    const second = fact(first.ledger, deleted, '2026-05-10');

    const third = fact(second.ledger, facts, '2026-05-10');

    expect(third.changes).toEqual(first.changes);
  });

  test('say A → B → A, the first revision being no duplicate of the third', () => {
    const at = (rate: string, previous: StoredLedger): LedgerUpdate =>
      fact(previous, factsOf(reservationColumns({ ...checkedIn, room_rate: rate })), '2026-05-10');
    const first = at('75.50', nothing);
    const second = at('80.00', first.ledger);

    const third = at('75.50', second.ledger);

    expect(third.changes[0]?.kind).toBe('revised');
    expect(third.changes[0]?.entry).toEqual(first.changes[0]?.entry);
  });

  test('void the row’s cancellation before they create the command’s', () => {
    const cancelled: Partial<ReservationColumns> = {
      status: 'CANCELLED',
      cancellation_date: micros('2026-05-01T10:00:00Z'),
    };
    const row = reservationColumns(cancelled);
    const first = fact(nothing, factsOf(row), undefined);
    const command = applied(2, 'reservation.cancel', '2026-05-01T10:00:02Z');

    const second = fact(first.ledger, factsOf(row, [command]), undefined);

    expect(told(first.changes)).toEqual(['created CANCEL 2026-05-01 0']);
    expect(told(second.changes)).toEqual([
      'voided CANCEL 2026-05-01 0',
      'created CANCEL 2026-05-01 0',
    ]);
    expect(second.changes.map(({ entry }) => entry.lifecycleEventId)).toEqual([
      uuidV5(reservationId, 'CANCEL'),
      eventId(2),
    ]);
    expect(second.contributionChanges).toEqual([]);
  });
});

describe('contributions', () => {
  test('move from one property to another with their reservation', () => {
    const elsewhere = '9e000000-0000-4000-8000-000000000002';
    const here = fact(nothing, factsOf(reservationColumns(checkedIn)), '2026-05-10');
    const moved = factsOf(reservationColumns({ ...checkedIn, property_id: elsewhere }));

    const there = fact(here.ledger, moved, '2026-05-10');

    expect(there.contributionChanges.map((day) => [day.propertyId, day.roomsSold])).toEqual([
      [here.contributionChanges[0]?.propertyId, -1],
      [elsewhere, 1],
    ]);
    expect(there.ledger.wake?.propertyId).toBe(elsewhere);
  });

  test('that are equal make no difference', () => {
    const { contributions } = fact(
      nothing,
      factsOf(reservationColumns(checkedIn)),
      '2026-05-10',
    ).ledger;

    expect(diffContributions(contributions, contributions)).toEqual([]);
  });
});
