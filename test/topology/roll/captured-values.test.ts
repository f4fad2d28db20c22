/** Dates, instants, amounts and versions as captured columns carry them. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isCalendarDate } from '../../../topology/calendar/calendar-date.ts';
import { canonicalJson, type JsonValue } from '../../../topology/canonical-json.ts';
import {
  formatInstantMicros,
  parseInstantMicros,
  readInstantMicros,
} from '../../../topology/calendar/instant.ts';
import { parseMinorUnits } from '../../../topology/roll/money.ts';
import { rowVersionOf } from '../../../topology/captured/row-version.ts';
import { problemIn, snapshot, streamed } from './roll-fixtures.ts';

describe('a calendar date', () => {
  test.each(['2026-02-30', '2025-02-29', '2026-13-01', '1899-12-31', '2200-01-01', '2026-1-1', ''])(
    'is not "%s"',
    (text) => {
      expect(isCalendarDate(text)).toBe(false);
    },
  );

  test.each(['2024-02-29', '1900-01-01', '2199-12-31'])('is %s', (text) => {
    expect(isCalendarDate(text)).toBe(true);
  });
});

describe('an instant', () => {
  test('keeps microseconds through text and back (R3)', () => {
    const anyMicros = fc.integer({ min: -2_000_000_000_000_000, max: 7_000_000_000_000_000 });

    fc.assert(
      fc.property(anyMicros, (micros) => {
        expect(parseInstantMicros(formatInstantMicros(micros))).toBe(micros);
      }),
    );
  });

  test.each([
    ['2026-05-10T13:00:00.123456Z', '2026-05-10T13:00:00.123456Z'],
    ['2026-05-10 13:00:00.123456+00', '2026-05-10T13:00:00.123456Z'],
    ['2026-05-10T18:30:00.5+05:30', '2026-05-10T13:00:00.500000Z'],
    ['2026-05-10T09:00:00-0400', '2026-05-10T13:00:00.000000Z'],
    ['2026-05-10 13:00:00', '2026-05-10T13:00:00.000000Z'],
  ])('reads %s, zone-less as UTC', (text, expected) => {
    const micros = readInstantMicros(text);

    expect(formatInstantMicros(micros ?? 0)).toBe(expected);
  });

  test.each(['2026-05-10', 'yesterday', '2026-02-30T00:00:00Z', '2026-05-10T25:00:00Z', 1.5])(
    'is not %s',
    (value) => {
      expect(readInstantMicros(value)).toBeUndefined();
    },
  );

  test('is not Postgres infinity', () => {
    expect(readInstantMicros(9_223_372_036_825_200_000n)).toBeUndefined();
  });
});

describe('an amount', () => {
  test.each([
    ['75.50', 'EUR', 7550],
    ['0.10', 'EUR', 10],
    ['-12.30', 'USD', -1230],
    ['7550.00', 'JPY', 7550],
    ['0.075', 'BHD', 75],
    ['1.5', 'BHD', 1500],
    ['-0.00', 'EUR', 0],
    ['90071992547409.91', 'EUR', 9_007_199_254_740_991],
  ])('%s %s is %d minor units', (text, currency, expected) => {
    expect(parseMinorUnits(text, currency)).toBe(expected);
  });

  test.each([
    ['75.505', 'EUR'],
    ['75.50', 'JPY'],
    ['90071992547409.92', 'EUR'],
    ['1e3', 'EUR'],
    ['', 'EUR'],
    ['NaN', 'EUR'],
  ])('%s %s is not exact', (text, currency) => {
    expect(parseMinorUnits(text, currency)).toBeUndefined();
  });

  test('of whole cents comes back whole, where a float would lose one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 ** 15 }), (cents) => {
        const digits = String(cents).padStart(3, '0');
        const text = `${digits.slice(0, -2)}.${digits.slice(-2)}`;

        expect(parseMinorUnits(text, 'EUR')).toBe(cents);
      }),
    );
  });
});

describe('a row version', () => {
  test('orders commits before changes: an earlier write may be committed later', () => {
    expect(streamed(500, 900) > streamed(400, 950)).toBe(true);
    expect(streamed(500, 901) > streamed(500, 900)).toBe(true);
  });

  test('of the stream beats one that a snapshot read', () => {
    expect(streamed(1, 1) > snapshot(99_999)).toBe(true);
    expect(snapshot(99_999) > snapshot(99_998)).toBe(true);
  });

  test('compares LSNs above 2^53 exactly', () => {
    const older = rowVersionOf('t', { sequence: '["9007199254740992","9007199254740992"]' });
    const newer = rowVersionOf('t', { sequence: '["9007199254740992","9007199254740993"]' });

    expect((newer.value ?? '') > (older.value ?? '')).toBe(true);
  });

  test('of the first transaction that a connector sees has no commit before it', () => {
    const first = rowVersionOf('t', { sequence: '[null,"77"]', snapshot: 'false' });

    expect((first.value ?? '') < streamed(1, 1)).toBe(true);
    expect((first.value ?? '') > snapshot(100)).toBe(true);
  });

  test('needs a sequence when it is streamed', () => {
    const problem = problemIn(rowVersionOf('reservations', { lsn: 12, snapshot: 'false' }));

    expect(problem).toMatchObject({ table: 'reservations', field: 'source.sequence' });
  });
});

describe('canonical JSON', () => {
  test('is the same text for the same value, whatever the order of keys (R4)', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue());

    fc.assert(
      fc.property(value, (members) => {
        const turned = Object.fromEntries(Object.entries(members).reverse());

        expect(canonicalJson(turned as JsonValue)).toBe(canonicalJson(members));
        expect(JSON.parse(canonicalJson(members as JsonValue))).toEqual(
          JSON.parse(JSON.stringify(members)),
        );
      }),
    );
  });
});
