/** Property-local time around clock changes, against instants known from the time zone database. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  addDays,
  daysBetween,
  instantOf,
  localDateOf,
  nightInstantOf,
} from '../../../examples/reservation-platform/local-time.ts';

const iso = (atMs: number): string => new Date(atMs).toISOString();

describe('local time', () => {
  test('is the wall clock of the zone', () => {
    expect(iso(instantOf('2026-01-15', 15 * 60, 'Europe/Helsinki'))).toBe(
      '2026-01-15T13:00:00.000Z',
    );
    expect(iso(instantOf('2026-07-15', 15 * 60, 'America/New_York'))).toBe(
      '2026-07-15T19:00:00.000Z',
    );
    expect(iso(instantOf('2026-07-15', 0, 'Asia/Kolkata'))).toBe('2026-07-14T18:30:00.000Z');
  });

  test('counts minutes beyond the day into its neighbours', () => {
    expect(instantOf('2026-05-01', 25 * 60, 'Asia/Kolkata')).toBe(
      instantOf('2026-05-02', 60, 'Asia/Kolkata'),
    );
    expect(instantOf('2026-05-01', -60, 'Asia/Kolkata')).toBe(
      instantOf('2026-04-30', 23 * 60, 'Asia/Kolkata'),
    );
  });

  test('takes the first instant after a gap for a time that the clocks skip', () => {
    expect(iso(instantOf('2026-03-29', 3 * 60 + 20, 'Europe/Helsinki'))).toBe(
      '2026-03-29T01:00:00.000Z',
    );
    expect(iso(instantOf('2026-03-08', 2 * 60 + 59, 'America/New_York'))).toBe(
      '2026-03-08T07:00:00.000Z',
    );
    expect(iso(instantOf('2026-10-04', 2 * 60 + 10, 'Australia/Lord_Howe'))).toBe(
      '2026-10-03T15:30:00.000Z',
    );
  });

  test('takes the first of two instants for a time that comes twice', () => {
    expect(iso(instantOf('2026-10-25', 3 * 60, 'Europe/Helsinki'))).toBe(
      '2026-10-25T00:00:00.000Z',
    );
    expect(iso(instantOf('2026-04-05', 60 + 45, 'Australia/Lord_Howe'))).toBe(
      '2026-04-04T14:45:00.000Z',
    );
  });

  test('decides the night of the skipped 03:00 at the end of the gap', () => {
    expect(iso(nightInstantOf('2026-03-28', 'Europe/Helsinki'))).toBe('2026-03-29T01:00:00.000Z');
    expect(iso(nightInstantOf('2026-03-29', 'Europe/Helsinki'))).toBe('2026-03-30T00:00:00.000Z');
  });

  test('gives back the date that an instant was made from, in every zone', () => {
    const zones = ['Europe/Helsinki', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3000 }),
        fc.integer({ min: 0, max: 1439 }),
        fc.constantFrom(...zones),
        (day, minute, zone) => {
          const date = addDays('2020-01-01', day);

          expect(localDateOf(instantOf(date, minute, zone), zone)).toBe(date);
        },
      ),
    );
  });

  test('adds and counts days over month and year ends', () => {
    expect(addDays('2024-02-28', 2)).toBe('2024-03-01');
    expect(addDays('2026-01-01', -1)).toBe('2025-12-31');
    expect(daysBetween('2025-12-31', '2026-03-01')).toBe(60);
  });
});
