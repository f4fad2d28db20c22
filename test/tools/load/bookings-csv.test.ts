/** What the bookings parser takes, and what it refuses with line and column. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isRollguardError } from '../../../kernel/errors.ts';
import {
  parseBookings,
  parseCents,
  parseDate,
  readBookingsFile,
  type Booking,
} from '../../../tools/load/bookings-csv.ts';
import { csvOf, type Values } from './csv-lines.ts';

const parse = (content: string, limit?: number): Booking[] =>
  parseBookings({ name: 'bookings.csv', content, limit });
const parseOne = (values: Values): Booking => parse(csvOf(values))[0]!;

function messageOfFailure(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (isRollguardError(error, 'INPUT_INVALID')) return error.message;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the bookings parser', () => {
  test('reads a booking', () => {
    expect(parseOne({ booking_changes: '3', assigned_room_type: 'D' })).toEqual({
      rowNumber: 1,
      hotel: 'City Hotel',
      arrivalDate: '2016-03-26',
      leadDays: 10,
      nights: 3,
      adults: 2,
      children: 0,
      marketSegment: 'Direct',
      reservedRoomType: 'A',
      assignedRoomType: 'D',
      changes: 3,
      rateCents: 7550,
      outcome: 'Check-Out',
      outcomeDate: '2016-03-29',
    });
  });

  test('takes status dates as M/D/YYYY and as ISO', () => {
    expect(parseDate('7/1/2015')).toBe('2015-07-01');
    expect(parseDate('12/31/2016')).toBe('2016-12-31');
    expect(parseDate('2015-07-01')).toBe('2015-07-01');
  });

  test.each(['31/12/2016', '2/30/2016', '2016-13-01', '1/2/16', '2016/01/02', 'Canceled', ''])(
    'takes %p for no date',
    (text) => {
      expect(parseDate(text)).toBeUndefined();
    },
  );

  test('reads rates of any sign and precision, rounding half away from zero', () => {
    expect(parseCents('0')).toBe(0);
    expect(parseCents('101.5')).toBe(10_150);
    expect(parseCents('-6.38')).toBe(-638);
    expect(parseCents('1.005')).toBe(101);
    expect(parseCents('-1.005')).toBe(-101);
    expect(parseCents('5400')).toBe(540_000);
    expect(parseCents('.5')).toBe(50);
    expect(parseCents('-0')).toBe(0);
  });

  test.each(['', '-', '.', '1e3', '1,5', '75 EUR', 'NULL', 'NaN'])(
    'takes %p for no rate',
    (text) => {
      expect(parseCents(text)).toBeUndefined();
    },
  );

  test('reads back any amount of cents', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10_000_000, max: 10_000_000 }), (cents) => {
        expect(parseCents((cents / 100).toFixed(2))).toBe(cents === 0 ? 0 : cents);
      }),
    );
  });

  test('takes whole numbers that are written with decimals, and unknown children as none', () => {
    expect(parseOne({ lead_time: '10.0', booking_changes: '2.', children: 'NA' })).toMatchObject({
      leadDays: 10,
      changes: 2,
      children: 0,
    });
  });

  test('passes over blank lines, a byte order mark and Windows line ends', () => {
    const text = `\uFEFF${csvOf({}, {})}\n\n,,,,,,,,,,,,,,,\n\n`.replaceAll('\n', '\r\n');

    expect(parse(text).map(({ rowNumber }) => rowNumber)).toEqual([1, 2]);
  });

  test('takes columns in any order and with others between', () => {
    const [header, line] = csvOf({}).split('\n');
    const reversed = [header!, line!].map((text) =>
      [...text.split(','), 'extra'].reverse().join(','),
    );

    expect(parse(reversed.join('\n'))[0]).toMatchObject({ hotel: 'City Hotel', nights: 3 });
  });

  test('stops at the limit, without looking at the lines behind it', () => {
    expect(parse(csvOf({}, {}, { adr: 'broken' }), 2)).toHaveLength(2);
  });

  test.each<[keyof Values, string]>([
    ['lead_time', '-3'],
    ['lead_time', '3.5'],
    ['arrival_date_year', ''],
    ['arrival_date_month', 'Mars'],
    ['arrival_date_day_of_month', '32'],
    ['stays_in_week_nights', 'two'],
    ['adults', 'NULL'],
    ['children', 'many'],
    ['reserved_room_type', 'a b'],
    ['booking_changes', ''],
    ['adr', 'free'],
    ['reservation_status', 'Cancelled'],
    ['reservation_status_date', '29/3/2016'],
    ['hotel', ''],
  ])('names the line, the column and the value when %s is %p', (column, value) => {
    const message = messageOfFailure(() => parse(csvOf({}, { [column]: value })));

    expect(message).toContain('bookings.csv line 3');
    expect(message).toContain(`column ${column}`);
    expect(message).toContain(`'${value}'`);
  });

  test('names the columns that the header lacks', () => {
    const text = csvOf({}).replace('lead_time', 'lead').replace('adr', 'rate');

    expect(messageOfFailure(() => parse(text))).toContain('the header lacks lead_time, adr');
  });

  test('names the line that has too many fields', () => {
    expect(messageOfFailure(() => parse(`${csvOf({})},,,\n`))).toContain('line 2');
  });

  test('refuses a file without bookings, and one that is not there', () => {
    expect(messageOfFailure(() => parse(csvOf()))).toContain('holds no booking');
    expect(messageOfFailure(() => readBookingsFile('/nowhere/bookings.csv'))).toContain(
      '/nowhere/bookings.csv cannot be read',
    );
  });
});
