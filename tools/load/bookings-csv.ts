/**
 * Reads a hotel-bookings CSV into typed rows. Accepts status dates as M/D/YYYY or ISO, whole numbers
 * written with decimals, any sign of rate, and blank lines; everything else that is not understood is
 * INPUT_INVALID with the line and the column, since a guess would silently change the figures.
 */
import { readFileSync } from 'node:fs';
import { CsvError, parse, type InfoRecord } from 'csv-parse/sync';
import { RollguardError, messageOf } from '../../kernel/errors.ts';

export type BookingOutcome = 'Check-Out' | 'Canceled' | 'No-Show';

export interface Booking {
  /** 1 for the first booking of the file; with the hotel it names the booking for ever. */
  readonly rowNumber: number;
  readonly hotel: string;
  /** YYYY-MM-DD, as all dates here. */
  readonly arrivalDate: string;
  readonly leadDays: number;
  readonly nights: number;
  readonly adults: number;
  readonly children: number;
  readonly marketSegment: string;
  readonly reservedRoomType: string;
  readonly assignedRoomType: string;
  readonly changes: number;
  /** Average daily rate, rounded half away from zero. */
  readonly rateCents: number;
  readonly outcome: BookingOutcome;
  readonly outcomeDate: string;
}

const columns = [
  'hotel',
  'lead_time',
  'arrival_date_year',
  'arrival_date_month',
  'arrival_date_day_of_month',
  'stays_in_weekend_nights',
  'stays_in_week_nights',
  'adults',
  'children',
  'market_segment',
  'reserved_room_type',
  'assigned_room_type',
  'booking_changes',
  'adr',
  'reservation_status',
  'reservation_status_date',
] as const;
type Column = (typeof columns)[number];

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

export interface BookingsFile {
  /** Names the file in messages. */
  readonly name: string;
  readonly content: Buffer | string;
  /** Bookings to read at most; all without it. */
  readonly limit?: number | undefined;
}

/** @throws RollguardError INPUT_INVALID when the file cannot be read. */
export function readBookingsFile(csvPath: string): Buffer {
  try {
    return readFileSync(csvPath);
  } catch (error) {
    throw invalid(`the bookings file ${csvPath} cannot be read: ${messageOf(error)}`, {}, error);
  }
}

/** Every booking of the file, in its order. */
export function parseBookings(file: BookingsFile): Booking[] {
  const bookings: Booking[] = [];
  for (const { record, info } of parseRecords(file)) {
    if (bookings.length === file.limit) break;
    bookings.push(toBooking(new Fields(record, info.lines, file.name), bookings.length + 1));
  }
  if (bookings.length === 0) throw invalid(`${file.name} holds no booking`);
  return bookings;
}

/** Decimal text as cents, rounded half away from zero; undefined when it is not a plain decimal. */
export function parseCents(text: string): number | undefined {
  const match = /^(-?)(\d*)(?:\.(\d*))?$/.exec(text);
  const [, sign, whole = '', fraction = ''] = match ?? [];
  if (match === null || whole + fraction === '') return undefined;
  const padded = `${fraction}000`;
  const cents =
    Number(whole) * 100 + Number(padded.slice(0, 2)) + (padded.charAt(2) >= '5' ? 1 : 0);
  return sign === '-' && cents !== 0 ? -cents : cents;
}

/** M/D/YYYY or YYYY-MM-DD as YYYY-MM-DD; undefined when it is neither or no day of the calendar. */
export function parseDate(text: string): string | undefined {
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(text);
  if (american !== null) return calendarDate(american[3], american[1], american[2]);
  const iso = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text);
  return iso === null ? undefined : calendarDate(iso[1], iso[2], iso[3]);
}

interface ParsedRecord {
  readonly record: Readonly<Record<Column, string>>;
  readonly info: InfoRecord;
}

function parseRecords(file: BookingsFile): readonly ParsedRecord[] {
  try {
    return parse(file.content, {
      bom: true,
      columns: (header: string[]) => checkedHeader(header, file.name),
      info: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      trim: true,
    }) as unknown as readonly ParsedRecord[];
  } catch (error) {
    throw error instanceof CsvError ? invalid(`${file.name}: ${error.message}`, {}, error) : error;
  }
}

function toBooking(fields: Fields, rowNumber: number): Booking {
  return {
    rowNumber,
    hotel: fields.text('hotel'),
    arrivalDate: arrivalDateOf(fields),
    leadDays: fields.count('lead_time'),
    nights: fields.count('stays_in_weekend_nights') + fields.count('stays_in_week_nights'),
    adults: fields.count('adults'),
    children: fields.countOrUnknown('children'),
    marketSegment: fields.text('market_segment'),
    reservedRoomType: fields.roomType('reserved_room_type'),
    assignedRoomType: fields.roomType('assigned_room_type'),
    changes: fields.count('booking_changes'),
    rateCents: fields.required('adr', parseCents, 'a decimal number'),
    outcome: fields.required('reservation_status', asOutcome, 'Check-Out, Canceled or No-Show'),
    outcomeDate: fields.required('reservation_status_date', parseDate, 'M/D/YYYY or YYYY-MM-DD'),
  };
}

function arrivalDateOf(fields: Fields): string {
  const year = fields.count('arrival_date_year');
  const month = fields.required(
    'arrival_date_month',
    (text) => {
      const index = months.indexOf(text);
      return index === -1 ? undefined : index + 1;
    },
    'an English month name',
  );
  return fields.required(
    'arrival_date_day_of_month',
    (text) => calendarDate(String(year), String(month), String(wholeNumber(text) ?? 0)),
    `a day of ${months[month - 1] ?? ''} ${year}`,
  );
}

/** One record with its place in the file, for values that name their column when they are wrong. */
class Fields {
  readonly #record: Readonly<Record<Column, string>>;
  readonly #line: number;
  readonly #name: string;

  constructor(record: Readonly<Record<Column, string>>, line: number, name: string) {
    this.#record = record;
    this.#line = line;
    this.#name = name;
  }

  required<T>(column: Column, read: (text: string) => T | undefined, wanted: string): T {
    const text = this.#record[column];
    const value = read(text);
    if (value !== undefined) return value;
    throw invalid(
      `${this.#name} line ${this.#line}, column ${column}: '${text}' is not ${wanted}; correct the value or remove the line`,
      { line: this.#line, column, value: text },
    );
  }

  text(column: Column): string {
    return this.required(column, (text) => (text === '' ? undefined : text), 'filled in');
  }

  count(column: Column): number {
    return this.required(column, wholeNumber, 'a whole number of 0 or more');
  }

  /** `NA` and nothing, which this data set writes for an unknown number of children, count as 0. */
  countOrUnknown(column: Column): number {
    const unknown = ['', 'NA', 'NULL'].includes(this.#record[column]);
    return unknown ? 0 : this.count(column);
  }

  roomType(column: Column): string {
    const code = (text: string): string | undefined =>
      /^[A-Z0-9_-]+$/.test(text) ? text : undefined;
    return this.required(column, code, 'a room type code (A-Z, 0-9, _ and -)');
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}(\.0*)?$/.test(text) ? Number(text) : undefined;
}

function asOutcome(text: string): BookingOutcome | undefined {
  return text === 'Check-Out' || text === 'Canceled' || text === 'No-Show' ? text : undefined;
}

function calendarDate(year = '', month = '', day = ''): string | undefined {
  const text = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  const timeMs = Date.parse(`${text}T00:00:00Z`);
  const exists = !Number.isNaN(timeMs) && new Date(timeMs).toISOString().startsWith(text);
  return exists ? text : undefined;
}

function checkedHeader(header: readonly string[], name: string): string[] {
  const missing = columns.filter((column) => !header.includes(column));
  if (missing.length === 0) return [...header];
  throw invalid(`${name} line 1: the header lacks ${missing.join(', ')}`, { missing });
}

function invalid(
  message: string,
  context: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): RollguardError {
  return new RollguardError('INPUT_INVALID', message, { context, cause });
}
