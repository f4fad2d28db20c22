/** Merging captured rows is a maximum: order and duplicates do not matter. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  decideAlike,
  mergeLifecycleRow,
  mergeReservationRow,
  noFacts,
  propertyIdOf,
  type CommandFact,
  type ReservationFacts,
} from '../../../topology/roll/facts.ts';
import type { ReservationRow } from '../../../topology/roll/reservation-row.ts';
import { readReservationRow } from '../../../topology/roll/reservation-row.ts';
import {
  applied,
  commandFact,
  eventId,
  lifecycleColumns,
  propertyId,
  reservationColumns,
  reservationId,
  snapshot,
  streamed,
  tenantId,
  valueOf,
} from './roll-fixtures.ts';

type Arrival =
  | { readonly kind: 'row'; readonly row: ReservationRow | null; readonly version: string }
  | { readonly kind: 'command'; readonly fact: CommandFact };

const version = fc.oneof(
  fc.nat(5).map(snapshot),
  fc.tuple(fc.nat(5), fc.nat(5)).map(([commit, lsn]) => streamed(commit, lsn)),
);
const rowArrival: fc.Arbitrary<Arrival> = fc
  .tuple(version, fc.option(fc.constantFrom('75.50', '80.00', '99.99')))
  .map(([at, rate]) => ({
    kind: 'row',
    version: at,
    row:
      rate === null
        ? null
        : valueOf(readReservationRow(reservationColumns({ room_rate: rate }))).row,
  }));
const commandArrival: fc.Arbitrary<Arrival> = fc
  .tuple(version, fc.integer({ min: 1, max: 4 }), fc.boolean(), fc.boolean())
  .map(([at, n, isApplied, isDeleted]) => {
    const columns = isApplied
      ? applied(n, 'reservation.cancel', '2026-05-01T10:00:00Z')
      : lifecycleColumns({ event_id: eventId(n), command_name: 'reservation.cancel' });
    const fact = commandFact(columns, at);
    return { kind: 'command', fact: isDeleted ? { ...fact, row: null } : fact };
  });
const arrivals = fc.array(fc.oneof(rowArrival, commandArrival), { maxLength: 12 });

function merge(facts: ReservationFacts, arrival: Arrival): ReservationFacts {
  return arrival.kind === 'row'
    ? mergeReservationRow(facts, arrival.row, arrival.version)
    : mergeLifecycleRow(facts, arrival.fact);
}

function mergeAll(from: ReservationFacts, all: readonly Arrival[]): ReservationFacts {
  return all.reduce(merge, from);
}

/** Facts merged into facts, row by row. */
function join(left: ReservationFacts, right: ReservationFacts): ReservationFacts {
  const { reservation, commands } = right;
  const withRow =
    reservation === undefined
      ? left
      : mergeReservationRow(left, reservation.row, reservation.version);
  return commands.reduce(mergeLifecycleRow, withRow);
}

const nothing = noFacts(tenantId, reservationId);

describe('merging rows', () => {
  test('gives the same facts in any order', () => {
    const shuffled = arrivals.chain((all) =>
      fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
    );

    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        expect(mergeAll(nothing, other)).toEqual(mergeAll(nothing, all));
      }),
    );
  });

  test('gives the same facts, even the same object, when everything comes twice', () => {
    fc.assert(
      fc.property(arrivals, (all) => {
        const facts = mergeAll(nothing, all);

        expect(mergeAll(facts, all)).toBe(facts);
      }),
    );
  });

  test('keeps no command that leaves no entry once the row is known, whichever came first', () => {
    const { row } = valueOf(readReservationRow(reservationColumns()));
    const metadata = { stay: { property_id: propertyId } };
    const created = commandFact(lifecycleColumns({ metadata }), streamed(1, 1));
    const before = mergeLifecycleRow(nothing, created);
    const known = mergeReservationRow(nothing, row, streamed(1, 1));

    expect(before.commands).toEqual([created]);
    expect(mergeReservationRow(before, row, streamed(1, 1))).toEqual(known);
    expect(mergeLifecycleRow(known, created)).toBe(known);
  });

  test('never keeps a command that leaves no entry and names no property', () => {
    const metadata = { stay: { check_in: '2026-05-10' } };
    const created = commandFact(lifecycleColumns({ metadata }), streamed(1, 1));

    expect(mergeLifecycleRow(nothing, created)).toBe(nothing);
  });

  test('gives the same facts however the rows are grouped', () => {
    fc.assert(
      fc.property(arrivals, arrivals, (first, second) => {
        const apart = join(mergeAll(nothing, first), mergeAll(nothing, second));

        expect(apart).toEqual(mergeAll(nothing, [...first, ...second]));
      }),
    );
  });

  test('prefers a late commit to an early one with a higher LSN, and the stream to a snapshot', () => {
    const rowAt = (rate: string): ReservationRow | null =>
      valueOf(readReservationRow(reservationColumns({ room_rate: rate }))).row;
    let facts = mergeReservationRow(nothing, rowAt('1.00'), streamed(400, 950));

    facts = mergeReservationRow(facts, rowAt('2.00'), streamed(500, 900));
    facts = mergeReservationRow(facts, rowAt('3.00'), snapshot(99_999));

    expect(facts.reservation?.row?.rateMinor).toBe(200);
  });

  test('takes a deletion as a version: an older row does not come back', () => {
    const { row } = valueOf(readReservationRow(reservationColumns()));
    let facts = mergeReservationRow(nothing, null, streamed(2, 2));

    facts = mergeReservationRow(facts, row, streamed(1, 1));

    expect(facts.reservation?.row).toBeNull();
  });
});

describe('facts that decide alike', () => {
  const known = mergeReservationRow(
    nothing,
    valueOf(readReservationRow(reservationColumns())).row,
    streamed(1, 1),
  );
  const cancel = applied(1, 'reservation.cancel', '2026-05-01T10:00:00Z');
  const cancelled = mergeLifecycleRow(known, commandFact(cancel, streamed(1, 1)));

  test('differ in commands that leave no entry and in states on the way to APPLIED', () => {
    const created = commandFact(lifecycleColumns(), streamed(1, 1));
    const pending = { ...cancel, current_state: 'CONSUMED', state_transitions: [] } as const;

    expect(decideAlike(known, mergeLifecycleRow(known, created))).toBe(true);
    expect(decideAlike(known, mergeLifecycleRow(known, commandFact(pending, streamed(1, 1))))).toBe(
      true,
    );
  });

  test('differ in the state that a command went back to after it was APPLIED', () => {
    const regressed = commandFact({ ...cancel, current_state: 'PUBLISHED' }, streamed(2, 2));

    expect(decideAlike(cancelled, mergeLifecycleRow(cancelled, regressed))).toBe(true);
  });

  test('do not differ in an applied cancellation, in a row or in the time something was applied', () => {
    const later = applied(1, 'reservation.cancel', '2026-05-02T10:00:00Z');

    expect(decideAlike(known, cancelled)).toBe(false);
    expect(decideAlike(known, mergeReservationRow(known, null, streamed(2, 2)))).toBe(false);
    expect(
      decideAlike(cancelled, mergeLifecycleRow(cancelled, commandFact(later, streamed(2, 2)))),
    ).toBe(false);
  });

  test('do not exist before the row is known: any command may name the property', () => {
    expect(decideAlike(nothing, nothing)).toBe(false);
  });
});

describe('the property of a reservation', () => {
  test('is its row’s, else that of the latest command that names one', () => {
    const elsewhere = '9e000000-0000-4000-8000-000000000002';
    const early = lifecycleColumns({ metadata: { stay: { property_id: propertyId } } });
    const late = lifecycleColumns({
      event_id: eventId(2),
      created_at: '2026-04-02T09:00:00Z',
      metadata: { stay: { property_id: elsewhere } },
    });
    const commands = [commandFact(late, streamed(1, 1)), commandFact(early, streamed(1, 1))];
    const withoutRow = commands.reduce(mergeLifecycleRow, nothing);
    const { row } = valueOf(readReservationRow(reservationColumns()));

    expect(propertyIdOf(withoutRow)).toBe(elsewhere);
    expect(propertyIdOf(mergeReservationRow(withoutRow, row, snapshot(1)))).toBe(propertyId);
    expect(propertyIdOf(nothing)).toBeUndefined();
  });
});
