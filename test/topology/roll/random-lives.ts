/**
 * Random lives of one reservation around a clock change: versions of its row and of its commands' rows,
 * the closing of business dates, and an order in which all of that arrives, duplicates included.
 */
import fc from 'fast-check';
import { lifecycleStates } from '../../../topology/captured/lifecycle-row.ts';
import { reservationStatuses } from '../../../topology/roll/reservation-row.ts';
import type { CapturedCommand, CapturedReservation } from './naive-ledger.ts';
import {
  eventId,
  lifecycleColumns,
  micros,
  reservationColumns,
  transitions,
} from './roll-fixtures.ts';

export interface Life {
  readonly zone: string;
  readonly reservation: readonly CapturedReservation[];
  readonly commands: readonly CapturedCommand[];
  /** Closed business dates, rising, with gaps that a real advance would close too. */
  readonly ticks: readonly string[];
}

/** What reaches the ledger's task. */
export type Arrival =
  | { readonly kind: 'reservation'; readonly captured: CapturedReservation }
  | { readonly kind: 'command'; readonly captured: CapturedCommand }
  | { readonly kind: 'property' }
  | { readonly kind: 'tick'; readonly date: string };

const day = 86_400_000_000;
const minute = 60_000_000;
const start = micros('2026-03-26T00:00:00Z');
const during = fc.integer({ min: 0, max: 8 * 24 * 60 * 4 }).map((n) => start + n * (minute / 4));

const row = fc
  .record({
    status: fc.constantFrom(...reservationStatuses),
    checkIn: fc.option(during),
    nightsMicros: fc.option(fc.integer({ min: 0, max: 6 * day })),
    rate: fc.constantFrom('75.50', '80.00', '0.00'),
    fee: fc.constantFrom('0.00', '20.00'),
    cancelled: during,
    isDeleted: fc.boolean(),
  })
  .map(({ status, checkIn, nightsMicros, rate, fee, cancelled, isDeleted }) =>
    reservationColumns({
      // A stay that is over has a check-out here; rows without one have tests of their own.
      status: checkIn !== null && nightsMicros === null ? 'CHECKED_IN' : status,
      check_in_date: '2026-03-27',
      check_out_date: '2026-03-31',
      actual_check_in: checkIn,
      actual_check_out: checkOutOf(checkIn ?? cancelled, checkIn === null ? 0 : nightsMicros),
      room_rate: rate,
      cancellation_date: cancelled,
      cancellation_fee: fee,
      no_show_fee: fee,
      is_deleted: isDeleted && status === 'INQUIRY',
    }),
  );

function checkOutOf(from: number, lengthMicros: number | null): number | null {
  return lengthMicros === null ? null : from + lengthMicros;
}

const position = fc.record({ isStreamed: fc.boolean(), commitLsn: fc.nat(20), lsn: fc.nat(20) });
/** Versions of one row differ; equal ones with other contents have a test of their own. */
const unlike = {
  selector: (version: { isStreamed: boolean; commitLsn: number; lsn: number }) =>
    version.isStreamed ? `${version.commitLsn} ${version.lsn}` : `${version.lsn}`,
};
const reservationVersions = fc.uniqueArray(
  fc
    .record({ columns: fc.option(row, { freq: 8 }) })
    .chain((columns) => position.map((at) => ({ ...columns, ...at }))),
  { ...unlike, maxLength: 5 },
);

const commandNames = ['create', 'check_in', 'check_out', 'cancel', 'no_show', 'modify'] as const;
const command = (n: number): fc.Arbitrary<CapturedCommand[]> =>
  fc
    .record({
      name: fc.constantFrom(...commandNames),
      path: fc.array(fc.constantFrom(...lifecycleStates), { minLength: 1, maxLength: 6 }),
      positions: fc.uniqueArray(position, { ...unlike, minLength: 1, maxLength: 6 }),
      isDeleted: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
    })
    .map(({ name, path, positions, isDeleted }) =>
      positions.map((at, i) => ({
        ...at,
        eventId: eventId(n),
        columns: isDeleted && i === 0 ? null : commandColumns(n, name, path.slice(0, i + 1)),
      })),
    );

function commandColumns(n: number, name: string, path: readonly string[]) {
  return lifecycleColumns({
    event_id: eventId(n),
    command_name: `reservation.${name}`,
    current_state: (path.at(-1) ?? 'PERSISTED') as (typeof lifecycleStates)[number],
    state_transitions: transitions(path, '2026-03-27T10:00:00Z'),
  });
}

const ticks = fc
  .uniqueArray(fc.integer({ min: 0, max: 14 }), { maxLength: 15 })
  .map((days) => days.sort((left, right) => left - right))
  .map((days) =>
    days.map((n) =>
      new Date((micros('2026-03-24T00:00:00Z') + n * day) / 1000).toISOString().slice(0, 10),
    ),
  );

export const lives: fc.Arbitrary<Life> = fc.record({
  zone: fc.constantFrom('Europe/Helsinki', 'America/New_York', 'Asia/Kolkata', 'UTC'),
  reservation: reservationVersions,
  commands: fc.tuple(command(1), command(2), command(3)).map((all) => all.flat()),
  ticks,
});

/** The life's arrivals in some order, some of them twice; ticks keep their own order. */
export function arrivalsOf(life: Life): fc.Arbitrary<Arrival[]> {
  const facts: Arrival[] = [
    ...life.reservation.map((captured) => ({ kind: 'reservation', captured }) as const),
    ...life.commands.map((captured) => ({ kind: 'command', captured }) as const),
  ];
  const closing = life.ticks.map((date) => ({ kind: 'tick', date }) as const);
  return fc
    .record({
      again: fc.subarray(facts),
      places: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
        minLength: 2 * facts.length + closing.length + 1,
        maxLength: 2 * facts.length + closing.length + 1,
      }),
    })
    .map(({ again, places }) => {
      const timeless: Arrival[] = [...facts, ...again, { kind: 'property' }];
      const placed = timeless.map((arrival, i) => ({ arrival, place: places[i] ?? 0 }));
      const tickPlaces = places.slice(timeless.length).sort((left, right) => left - right);
      closing.forEach((arrival, i) => placed.push({ arrival, place: tickPlaces[i] ?? 1 }));
      return placed.sort((left, right) => left.place - right.place).map(({ arrival }) => arrival);
    });
}
