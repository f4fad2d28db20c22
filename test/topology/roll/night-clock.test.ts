/** Which dates are due at 03:00 of their property. */
import { describe, expect, test } from '@jest/globals';
import { datesPerAdvanceMax } from '../../../topology/roll/business-dates.ts';
import { NightClock, lastNightBefore } from '../../../topology/roll/night-clock.ts';
import { addDays } from '../../../topology/calendar/calendar-date.ts';

const helsinki = 'Europe/Helsinki';
const at = (instant: string): number => Date.parse(instant);

function clockOf(zone: string | undefined, lastClosedDate: string | undefined, nowMs: number) {
  const clock = new NightClock();
  clock.set('a', { zone, lastClosedDate }, nowMs);
  return clock;
}

describe('the night clock', () => {
  test('calls a date at 03:00 of the next day, property-local, and not a millisecond before', () => {
    const threeMs = at('2026-05-11T00:00:00Z');
    const clock = clockOf(helsinki, '2026-05-09', at('2026-05-10T12:00:00Z'));

    expect(clock.takeDue(threeMs - 1, 10)).toEqual([]);
    expect(clock.takeDue(threeMs, 10)).toEqual([{ key: 'a', date: '2026-05-10' }]);
  });

  test('calls each date once, whether or not its closing has been heard of', () => {
    const clock = clockOf(helsinki, '2026-05-09', at('2026-05-10T12:00:00Z'));
    clock.takeDue(at('2026-05-11T00:00:00Z'), 10);

    expect(clock.takeDue(at('2026-05-11T00:00:01Z'), 10)).toEqual([]);
    clock.set('a', { zone: helsinki, lastClosedDate: '2026-05-10' }, at('2026-05-11T00:00:02Z'));
    expect(clock.takeDue(at('2026-05-11T23:59:59Z'), 10)).toEqual([]);
    expect(clock.takeDue(at('2026-05-12T00:00:00Z'), 10)).toEqual([
      { key: 'a', date: '2026-05-11' },
    ]);
  });

  test.each([
    // Clocks leap from 03:00 to 04:00: the first instant after the gap.
    ['the night without a 03:00', '2026-03-28', '2026-03-29T01:00:00Z'],
    // Clocks go from 04:00 back to 03:00: the first of the two.
    ['the night with two', '2026-10-24', '2026-10-25T00:00:00Z'],
  ])('calls %s once', (_name, date, instant) => {
    const clock = clockOf(helsinki, addDays(date, -1), at(`${date}T12:00:00Z`));
    const called: string[] = [];
    for (let minute = -120; minute <= 180; minute += 1) {
      const nowMs = at(instant) + minute * 60_000;
      for (const due of clock.takeDue(nowMs, 10)) {
        expect(nowMs).toBe(at(instant));
        called.push(due.date);
      }
    }

    expect(called).toEqual([date]);
  });

  test('calls the last date that is over for a property that never closed one', () => {
    const nowMs = at('2026-05-10T23:59:00Z');

    expect(clockOf(helsinki, undefined, nowMs).takeDue(nowMs, 10)).toEqual([
      { key: 'a', date: '2026-05-09' },
    ]);
    expect(lastNightBefore(helsinki, nowMs + 60_000)).toBe('2026-05-10');
  });

  test('calls nothing while the zone is not known, or is none of this runtime', () => {
    const nowMs = at('2026-05-11T00:00:00Z');

    expect(clockOf(undefined, '2026-05-01', nowMs).takeDue(nowMs, 10)).toEqual([]);
    expect(clockOf('Mars/Olympus', '2026-05-01', nowMs).takeDue(nowMs, 10)).toEqual([]);
  });

  test('calls the last of several missed dates, which closes the others before it', () => {
    const nowMs = at('2026-05-11T12:00:00Z');

    expect(clockOf(helsinki, '2026-05-04', nowMs).takeDue(nowMs, 10)).toEqual([
      { key: 'a', date: '2026-05-10' },
    ]);
  });

  test('calls no more at once than an advance may close, and the rest when that has closed', () => {
    const nowMs = at('2026-05-11T12:00:00Z');
    const last = addDays('2026-05-10', -datesPerAdvanceMax - 5);
    const first = addDays(last, datesPerAdvanceMax);
    const clock = clockOf('UTC', last, nowMs);

    expect(clock.takeDue(nowMs, 10)).toEqual([{ key: 'a', date: first }]);
    expect(clock.takeDue(nowMs + 86_400_000, 10)).toEqual([]);
    clock.set('a', { zone: 'UTC', lastClosedDate: first }, nowMs + 1);
    expect(clock.takeDue(nowMs + 1, 10)).toEqual([{ key: 'a', date: '2026-05-10' }]);
  });

  test('calls a bounded number of hotels at a time, all in the end', () => {
    const clock = new NightClock();
    const beforeMs = at('2026-05-10T12:00:00Z');
    for (let hotel = 0; hotel < 2_500; hotel += 1) {
      clock.set(`hotel ${hotel}`, { zone: helsinki, lastClosedDate: '2026-05-09' }, beforeMs);
    }
    const nowMs = at('2026-05-11T00:00:00Z');
    const turns = [1, 2, 3, 4].map(() => clock.takeDue(nowMs, 1_000));

    expect(turns.map((due) => due.length)).toEqual([1_000, 1_000, 500, 0]);
    expect(new Set(turns.flat().map(({ key }) => key)).size).toBe(2_500);
  });

  test('follows a zone that is corrected and a date that a person closed ahead of it', () => {
    const nowMs = at('2026-05-10T12:00:00Z');
    const clock = clockOf(helsinki, '2026-05-09', nowMs);
    clock.set('a', { zone: 'Europe/Lisbon', lastClosedDate: '2026-05-09' }, nowMs);
    expect(clock.takeDue(at('2026-05-11T01:59:00Z'), 10)).toEqual([]);
    clock.set('a', { zone: 'Europe/Lisbon', lastClosedDate: '2026-05-10' }, nowMs);

    expect(clock.takeDue(at('2026-05-11T02:00:00Z'), 10)).toEqual([]);
    expect(clock.takeDue(at('2026-05-12T02:00:00Z'), 10)).toHaveLength(1);
  });
});
