/** Property-local time against a search that walks the clock minute by minute. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRollguardError } from '../../../kernel/errors.ts';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import {
  atLocalTime,
  firstNightFrom,
  isTimeZone,
  localDate,
  nightInstantMs,
  nightsPerStayMax,
  nightsSlept,
} from '../../../topology/calendar/property-time.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const iso = (instantMs: number): string => new Date(instantMs).toISOString();

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Wall-clock text of an instant, `YYYY-MM-DD HH:MM`, straight from Intl. */
function wallClock(zone: string, instantMs: number): string {
  let formatter = formatters.get(zone);
  if (formatter === undefined) {
    const date = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;
    const time = { hour: '2-digit', minute: '2-digit' } as const;
    formatter = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, ...date, ...time });
    formatters.set(zone, formatter);
  }
  return formatter.format(instantMs);
}

/** The first minute at which the clocks show `date time` or later, walking up from well before it. */
function naiveAtLocalTime(zone: string, date: string, time: string): number {
  let instantMs = Date.parse(`${date}T${time}Z`) - 15 * hourMs;
  while (wallClock(zone, instantMs) < `${date} ${time}`) instantMs += minuteMs;
  return instantMs;
}

describe('nightInstantMs', () => {
  test.each([
    ['an ordinary night', 'Europe/Helsinki', '2026-01-10', '2026-01-11T01:00:00.000Z'],
    ['03:00 skipped: the gap ends', 'Europe/Helsinki', '2026-03-28', '2026-03-29T01:00:00.000Z'],
    ['03:00 passed twice: the first', 'Europe/Helsinki', '2026-10-24', '2026-10-25T00:00:00.000Z'],
    ['02:00 skipped: 03:00 exists', 'America/New_York', '2026-03-07', '2026-03-08T07:00:00.000Z'],
    ['half an hour of DST', 'Australia/Lord_Howe', '2026-04-04', '2026-04-04T16:30:00.000Z'],
    ['a day the calendar skipped', 'Pacific/Apia', '2011-12-29', '2011-12-30T10:00:00.000Z'],
    ['the night after it', 'Pacific/Apia', '2011-12-30', '2011-12-30T13:00:00.000Z'],
    ['half-hour offset', 'Asia/Kolkata', '2026-06-01', '2026-06-01T21:30:00.000Z'],
    ['UTC', 'UTC', '2026-12-31', '2027-01-01T03:00:00.000Z'],
  ])('%s', (_title, zone, date, expected) => {
    const instantMs = nightInstantMs(zone, date);

    expect(iso(instantMs)).toBe(expected);
  });

  test('names the zone that does not exist', () => {
    let thrown: unknown;
    try {
      nightInstantMs('Europe/Atlantis', '2026-01-01');
    } catch (error) {
      thrown = error;
    }

    expect(isRollguardError(thrown, 'INPUT_INVALID')).toBe(true);
    expect(String(thrown)).toContain('"Europe/Atlantis" is not a time zone');
    expect(isTimeZone('Europe/Atlantis')).toBe(false);
    expect(isTimeZone('Europe/Helsinki')).toBe(true);
  });
});

describe('atLocalTime', () => {
  test('gives the first instant of a day that begins after a skipped midnight', () => {
    const instantMs = atLocalTime('America/Sao_Paulo', '2017-10-15', '00:00');

    expect(iso(instantMs)).toBe('2017-10-15T03:00:00.000Z');
    expect(localDate('America/Sao_Paulo', instantMs)).toBe('2017-10-15');
    expect(localDate('America/Sao_Paulo', instantMs - 1)).toBe('2017-10-14');
  });

  test('agrees with a walk through the minutes around clock changes', () => {
    const around: [zone: string, date: string][] = [
      ['Europe/Helsinki', '2026-03-29'],
      ['Europe/Helsinki', '2026-10-25'],
      ['America/New_York', '2026-03-08'],
      ['America/New_York', '2026-11-01'],
      ['Australia/Lord_Howe', '2026-04-05'],
      ['Australia/Lord_Howe', '2026-10-04'],
      ['Pacific/Apia', '2011-12-30'],
      ['Asia/Kolkata', '2026-03-29'],
      ['UTC', '2026-03-29'],
      ['America/Sao_Paulo', '2017-10-15'],
      ['America/Sao_Paulo', '2018-02-18'],
    ];
    const minuteOfDay = fc.integer({ min: 0, max: 95 }).map((quarter) => quarter * 15);

    fc.assert(
      fc.property(
        fc.constantFrom(...around),
        fc.integer({ min: -1, max: 1 }),
        minuteOfDay,
        ([zone, change], days, minutes) => {
          const date = addDays(change, days);
          const time = iso(minutes * minuteMs).slice(11, 16);

          expect(iso(atLocalTime(zone, date, time))).toBe(iso(naiveAtLocalTime(zone, date, time)));
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('localDate', () => {
  test('is the date that Intl shows, in any zone at any instant', () => {
    const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'));
    const instantMs = fc.integer({
      min: Date.parse('1950-01-01'),
      max: Date.parse('2060-01-01'),
    });

    fc.assert(
      fc.property(zone, instantMs, (name, atMs) => {
        expect(localDate(name, atMs)).toBe(wallClock(name, atMs).slice(0, 10));
      }),
      { numRuns: 400 },
    );
  });
});

describe('nightsSlept', () => {
  const zones = fc.constantFrom(
    'Europe/Helsinki',
    'America/New_York',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Asia/Kolkata',
    'UTC',
    'America/Sao_Paulo',
  );

  test('is every date whose night instant lies in the half-open stay', () => {
    const start = fc.constantFrom('2026-03-27', '2026-10-23', '2011-12-27', '2017-10-13');
    const minutes = fc.integer({ min: 0, max: 6 * 24 * 60 });

    fc.assert(
      fc.property(zones, start, minutes, minutes, (zone, date, fromMinutes, stayMinutes) => {
        const fromMs = Date.parse(date) + fromMinutes * minuteMs;
        const toMs = fromMs + stayMinutes * minuteMs;
        const dates = Array.from({ length: 20 }, (_, i) => addDays(date, i - 3));
        const expected = dates.filter((night) => {
          const instantMs = naiveAtLocalTime(zone, addDays(night, 1), '03:00');
          return instantMs >= fromMs && instantMs < toMs;
        });

        expect(nightsSlept(zone, fromMs, toMs)).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });

  test('takes in the night of a stay that starts at its instant and leaves out the one it ends at', () => {
    const firstMs = nightInstantMs('Europe/Helsinki', '2026-03-28');
    const secondMs = nightInstantMs('Europe/Helsinki', '2026-03-29');

    expect(nightsSlept('Europe/Helsinki', firstMs, secondMs)).toEqual(['2026-03-28']);
    expect(nightsSlept('Europe/Helsinki', firstMs + 1, secondMs)).toEqual([]);
  });

  test('ends after ten years, however long a row says the stay was', () => {
    const nights = nightsSlept('UTC', Date.parse('1970-01-01'), Date.parse('2026-01-01'));

    expect(nights).toHaveLength(nightsPerStayMax);
    expect(nights.at(-1)).toBe(addDays('1970-01-01', nightsPerStayMax - 2));
  });

  test('starts at the night in which somebody arrives after midnight', () => {
    const arrivedMs = Date.parse('2026-06-02T00:30:00Z');

    expect(firstNightFrom('UTC', arrivedMs)).toBe('2026-06-01');
  });
});
