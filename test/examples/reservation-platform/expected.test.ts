/** The oracle against lives whose results are plain to see. */
import { describe, expect, test } from '@jest/globals';
import {
  expectedResults,
  sumTotals,
  type ExpectedProperty,
} from '../../../examples/reservation-platform/expected.ts';
import type { PlatformAction } from '../../../examples/reservation-platform/model.ts';
import { closeOf, command, reservation, setupIn } from './lives.ts';

function resultOf(actions: readonly PlatformAction[], zone = 'Europe/Helsinki'): ExpectedProperty {
  return expectedResults(setupIn(zone), actions)[0]!;
}

const stay = (checkIn: string, checkOut: string | null): PlatformAction[] => {
  const inHouse = reservation('a', { actual_check_in: checkIn, status: 'CHECKED_IN' });
  const out = { ...inHouse, actual_check_out: checkOut, status: 'CHECKED_OUT' as const };
  const left = checkOut === null ? [] : [command('reservation.check_out', out)];
  return [command('reservation.check_in', inHouse), ...left];
};
const closed = ['2026-03-27', '2026-03-28', '2026-03-29', '2026-03-30'].map((date) =>
  closeOf(date),
);

describe('the expected results', () => {
  test('count every closed night between check-in and check-out at the room rate', () => {
    const result = resultOf([...stay('2026-03-28T13:00:00Z', '2026-03-30T08:00:00Z'), ...closed]);

    expect(result.totals).toEqual({
      checkout: 1,
      cancel: 0,
      no_show: 0,
      nights: 2,
      revenue_cents: 20_000,
    });
    expect([...result.days]).toEqual([
      ['2026-03-28', expect.objectContaining({ roomsSold: 1, revenueMinor: 10_000, arrivals: 1 })],
      ['2026-03-29', expect.objectContaining({ roomsSold: 1, revenueMinor: 10_000, arrivals: 0 })],
      ['2026-03-30', expect.objectContaining({ roomsSold: 0, departures: 1 })],
    ]);
  });

  test('count nothing for a night whose date is still open', () => {
    const result = resultOf([...stay('2026-03-28T13:00:00Z', null), closeOf('2026-03-28')]);

    expect(result.totals).toMatchObject({ checkout: 0, nights: 1 });
  });

  test('give an arrival after midnight the night of the day before', () => {
    const result = resultOf([...stay('2026-03-27T23:30:00Z', '2026-03-28T09:00:00Z'), ...closed]);

    expect(result.totals).toMatchObject({ checkout: 1, nights: 1 });
    expect(result.days.get('2026-03-27')).toMatchObject({ roomsSold: 1 });
    expect(result.days.get('2026-03-28')).toMatchObject({
      roomsSold: 0,
      arrivals: 1,
      departures: 1,
    });
  });

  test('do not count the last night of a guest who leaves before 03:00', () => {
    const result = resultOf([...stay('2026-03-26T13:00:00Z', '2026-03-27T23:59:00Z'), ...closed]);

    expect(result.totals).toMatchObject({ checkout: 1, nights: 0 });
  });

  test('decide the night of the clock change at the end of the gap', () => {
    // In Helsinki 03:00 of 29 March does not exist: the night of the 28th is decided at 04:00, 01:00Z.
    const before = resultOf([...stay('2026-03-28T13:00:00Z', '2026-03-29T00:59:00Z'), ...closed]);
    const atTheEnd = resultOf([...stay('2026-03-28T13:00:00Z', '2026-03-29T01:00:00Z'), ...closed]);
    const after = resultOf([...stay('2026-03-28T13:00:00Z', '2026-03-29T01:01:00Z'), ...closed]);

    expect([before, atTheEnd, after].map(({ totals }) => totals.nights)).toEqual([0, 0, 1]);
  });

  test('give day use a check-out and no night', () => {
    const result = resultOf([...stay('2026-03-28T10:00:00Z', '2026-03-28T15:00:00Z'), ...closed]);

    expect(result.totals).toMatchObject({ checkout: 1, nights: 0, revenue_cents: 0 });
  });

  test('count a command only once it was applied, whatever state came last', () => {
    const cancelled = reservation('a', {
      status: 'CANCELLED',
      cancellation_date: '2026-03-21T10:00:00Z',
    });
    const applied = command('reservation.cancel', cancelled, {
      states: ['IN_PROGRESS', 'CONSUMED', 'APPLIED', 'FAILED'],
    });
    const dead = command('reservation.cancel', cancelled, { states: ['IN_PROGRESS', 'DLQ'] });

    expect(resultOf([applied]).totals.cancel).toBe(1);
    expect(resultOf([dead]).totals.cancel).toBe(0);
    expect(resultOf([applied]).days.get('2026-03-21')).toMatchObject({ cancellations: 1 });
  });

  test('count a cancellation or expiry that only the row tells, and not twice beside a command', () => {
    const expired = reservation('a', { status: 'EXPIRED', expired_at: '2026-03-22T22:30:00Z' });
    const cancelled = reservation('b', {
      status: 'CANCELLED',
      cancellation_date: '2026-03-22T10:00:00Z',
    });
    const result = resultOf([
      { kind: 'row-change', atMs: 0, reservation: expired },
      { kind: 'row-change', atMs: 0, reservation: cancelled },
      command('reservation.cancel', cancelled),
    ]);

    expect(result.totals.cancel).toBe(2);
    // 22:30Z is half past midnight in Helsinki.
    expect(result.days.get('2026-03-23')).toMatchObject({ cancellations: 1 });
  });

  test('put a no-show on the date of arrival', () => {
    const noShow = reservation('a', { status: 'NO_SHOW', no_show_date: '2026-03-28T23:30:00Z' });
    const result = resultOf([
      command('reservation.no_show', noShow, { at: '2026-03-28T23:30:00Z' }),
    ]);

    expect([...result.days.keys()]).toEqual(['2026-03-28']);
    expect(result.totals.no_show).toBe(1);
  });

  test('use the last rate for every night', () => {
    const [checkIn] = stay('2026-03-28T13:00:00Z', null);
    const cheaper = reservation('a', {
      actual_check_in: '2026-03-28T13:00:00Z',
      status: 'CHECKED_IN',
      room_rate: '80.50',
    });
    const result = resultOf([
      checkIn!,
      closeOf('2026-03-28'),
      command('reservation.rate_override', cheaper),
      closeOf('2026-03-29'),
    ]);

    expect(result.totals).toMatchObject({ nights: 2, revenue_cents: 16_100 });
  });

  test('add up over properties', () => {
    const totals = { checkout: 1, cancel: 2, no_show: 3, nights: 4, revenue_cents: 5 };

    expect(sumTotals([totals, totals])).toEqual({
      checkout: 2,
      cancel: 4,
      no_show: 6,
      nights: 8,
      revenue_cents: 10,
    });
  });
});
