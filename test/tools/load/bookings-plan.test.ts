/** How a booking becomes a life on the platform, and a file of them one history. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { expectedResults } from '../../../examples/reservation-platform/expected.ts';
import {
  isApplied,
  type CommandAction,
  type PlatformAction,
} from '../../../examples/reservation-platform/model.ts';
import { parseBookings } from '../../../tools/load/bookings-csv.ts';
import { planBookings, type BookingsPlan } from '../../../tools/load/bookings-plan.ts';
import { csvOf, type Values } from './csv-lines.ts';

const planOf = (...rows: readonly Values[]): BookingsPlan =>
  planBookings(parseBookings({ name: 'bookings.csv', content: csvOf(...rows) }));
const actionsOf = (plan: BookingsPlan): PlatformAction[] =>
  plan.dates.flatMap((date) => plan.actionsOn(date));
const commandsOf = (plan: BookingsPlan): CommandAction[] =>
  actionsOf(plan).filter((action) => action.kind === 'command');

/** `check_in 2016-03-26T15:00`, in UTC. */
const steps = (plan: BookingsPlan): string[] =>
  commandsOf(plan).map(
    ({ commandName, atMs }) =>
      `${commandName.replace('reservation.', '')} ${new Date(atMs).toISOString().slice(0, 16)}`,
  );

describe('a booking of the file', () => {
  test('is booked lead_time days ahead, changed between, and checked in and out by the house rules', () => {
    expect(steps(planOf({ booking_changes: '2' }))).toEqual([
      'create 2016-03-16T08:00',
      'modify 2016-03-19T09:20',
      'modify 2016-03-22T09:40',
      'check_in 2016-03-26T15:00',
      // The clocks of Lisbon went forward on 27 March.
      'check_out 2016-03-29T10:00',
    ]);
  });

  test('occupies the assigned room type and a room of it from check-in on', () => {
    const plan = planOf({ assigned_room_type: 'D' });
    const types = new Map(plan.setup.roomTypes.map(({ id, type_code }) => [id, type_code]));

    expect(
      commandsOf(plan).map(({ reservation }) => [
        types.get(reservation.room_type_id),
        reservation.room_number,
      ]),
    ).toEqual([
      ['A', null],
      ['D', 'D001'],
      ['D', 'D001'],
    ]);
  });

  test('ends at the status date when it is cancelled or a no-show, without a fee', () => {
    const date = '2016-03-20';
    const canceled = planOf({ reservation_status: 'Canceled', reservation_status_date: date });
    const noShow = planOf({ reservation_status: 'No-Show', reservation_status_date: '2016-03-26' });

    expect(steps(canceled).at(-1)).toBe('cancel 2016-03-20T10:30');
    expect(commandsOf(canceled).at(-1)?.reservation).toMatchObject({
      status: 'CANCELLED',
      cancellation_fee: '0.00',
    });
    expect(steps(noShow).at(-1)).toBe('no_show 2016-03-26T23:00');
    expect(commandsOf(noShow).at(-1)?.reservation).toMatchObject({ is_no_show: true });
  });

  test('sleeps all its nights also when the check-out is recorded on the arrival date', () => {
    const plan = planOf({ reservation_status_date: '3/26/2016' });

    expect(steps(plan).slice(-2)).toEqual([
      'check_in 2016-03-26T15:00',
      'check_out 2016-03-26T16:00',
    ]);
    expect(commandsOf(plan).at(-1)?.reservation.actual_check_out).toBe('2016-03-29T10:00:00.000Z');
    expect(plan.dates.at(-1)).toBe('2016-03-28');
    expect(expectedResults(plan.setup, actionsOf(plan))[0]?.totals.nights).toBe(3);
  });

  test('is day use without nights: in at ten, out at five, paying one rate', () => {
    const plan = planOf({
      stays_in_weekend_nights: '0',
      stays_in_week_nights: '0',
      reservation_status_date: '3/26/2016',
    });

    expect(steps(plan).slice(-2)).toEqual([
      'check_in 2016-03-26T10:00',
      'check_out 2016-03-26T17:00',
    ]);
    expect(commandsOf(plan).at(-1)?.reservation).toMatchObject({
      check_in_date: '2016-03-26',
      check_out_date: '2016-03-26',
      total_amount: '75.50',
    });
    expect(expectedResults(plan.setup, actionsOf(plan))[0]?.totals).toMatchObject({
      checkout: 1,
      nights: 0,
    });
  });

  test('that is booked, changed and used on one day keeps its order', () => {
    const plan = planOf({ lead_time: '0', booking_changes: '3' });

    expect(steps(plan).map((step) => step.split(' ')[0])).toEqual([
      'create',
      'modify',
      'modify',
      'modify',
      'check_in',
      'check_out',
    ]);
  });

  test('has a status date before its booking date pull the booking forward', () => {
    const plan = planOf({ reservation_status: 'Canceled', reservation_status_date: '3/1/2016' });

    expect(steps(plan)).toEqual(['create 2016-03-01T08:00', 'cancel 2016-03-01T10:30']);
  });
});

describe('a file of bookings', () => {
  const anyRow = fc.record({
    hotel: fc.constantFrom('City Hotel', 'Resort Hotel'),
    lead_time: fc.integer({ min: 0, max: 40 }).map(String),
    arrival_date_day_of_month: fc.integer({ min: 1, max: 31 }).map(String),
    stays_in_weekend_nights: fc.integer({ min: 0, max: 3 }).map(String),
    stays_in_week_nights: fc.integer({ min: 0, max: 4 }).map(String),
    reserved_room_type: fc.constantFrom('A', 'B'),
    assigned_room_type: fc.constantFrom('A', 'B'),
    booking_changes: fc.integer({ min: 0, max: 5 }).map(String),
    reservation_status: fc.constantFrom('Check-Out', 'Canceled', 'No-Show'),
    reservation_status_date: fc
      .integer({ min: 1, max: 31 })
      .map((day) => `2016-03-${String(day).padStart(2, '0')}`),
  });

  test('has the same ids and times in every run', () => {
    const rows = [{}, { hotel: 'Resort Hotel' }, {}];

    expect(actionsOf(planOf(...rows))).toEqual(actionsOf(planOf(...rows)));
    expect(new Set(commandsOf(planOf(...rows)).map(({ eventId }) => eventId)).size).toBe(9);
  });

  test('goes forward in time and closes every date of both hotels once', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 12 }), (rows) => {
        const plan = planOf(...rows);
        const commandTimes = commandsOf(plan).map(({ atMs }) => atMs);
        const closings = actionsOf(plan).filter(({ kind }) => kind === 'advance-date');

        expect(commandTimes).toEqual([...commandTimes].sort((left, right) => left - right));
        expect(commandTimes).toHaveLength(plan.commandCount);
        expect(closings).toHaveLength(plan.dates.length * plan.setup.properties.length);
        expect(commandsOf(plan).every(isApplied)).toBe(true);
      }),
    );
  });

  test('has rooms enough that no two guests share one', () => {
    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1, maxLength: 25 }), (rows) => {
        const plan = planOf(...rows);
        const rooms = new Set(
          plan.setup.rooms.map(
            (room) => `${room.property_id}|${room.room_type_id}|${room.room_number}`,
          ),
        );
        const occupiedUntil = new Map<string, string>();
        const stays = commandsOf(plan)
          .filter(({ commandName }) => commandName === 'reservation.check_out')
          .map(({ reservation }) => reservation)
          .sort((left, right) => left.actual_check_in!.localeCompare(right.actual_check_in!));
        for (const stay of stays) {
          const room = `${stay.property_id}|${stay.room_type_id}|${stay.room_number}`;
          expect(rooms).toContain(room);
          expect(stay.actual_check_in! >= (occupiedUntil.get(room) ?? '')).toBe(true);
          occupiedUntil.set(room, stay.actual_check_out!);
        }
      }),
    );
  });
});
