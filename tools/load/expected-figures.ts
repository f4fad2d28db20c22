/**
 * The figures that a correct load of a bookings CSV must reproduce, counted straight from the file.
 * Deliberately naive and on its own: it shares no parsing and no arithmetic with the loader, so that
 * one cannot repeat the other's mistake.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';

export interface HotelFigures {
  readonly checkOut: number;
  readonly canceled: number;
  readonly noShow: number;
  readonly bookingChanges: number;
  /** Nights of checked-out bookings, from arrival to arrival + nights. */
  readonly nights: number;
  /** Checked-out bookings with no night. */
  readonly dayUse: number;
  /** The rate in cents, rounded per booking, times its nights; checked-out bookings only. */
  readonly revenueCents: number;
  /** Checked-out bookings that got another room type than they reserved. */
  readonly otherTypeAssigned: number;
  /** Checked-out bookings whose check-out is dated otherwise than arrival + nights. */
  readonly otherCheckOutDate: number;
}

export interface BookingsFigures {
  readonly rows: number;
  readonly hotels: Readonly<Record<string, HotelFigures>>;
  readonly all: HotelFigures;
}

type Row = Readonly<Record<string, string>>;

/** Counts the first `limit` bookings of the file, or all of them. */
export function expectedFigures(csvPath: string, limit = Infinity): BookingsFigures {
  const rows = parse<Row>(readFileSync(csvPath), {
    bom: true,
    columns: true,
    skipEmptyLines: true,
    skipRecordsWithEmptyValues: true,
    trim: true,
  }).slice(0, limit);
  const hotels: Record<string, HotelFigures> = {};
  for (const hotel of new Set(rows.map((row) => field(row, 'hotel')))) {
    hotels[hotel] = count(rows.filter((row) => field(row, 'hotel') === hotel));
  }
  return { rows: rows.length, hotels, all: count(rows) };
}

function count(rows: readonly Row[]): HotelFigures {
  const withStatus = (status: string): readonly Row[] =>
    rows.filter((row) => field(row, 'reservation_status') === status);
  const stays = withStatus('Check-Out');
  return {
    checkOut: stays.length,
    canceled: withStatus('Canceled').length,
    noShow: withStatus('No-Show').length,
    bookingChanges: sum(rows, (row) => number(row, 'booking_changes')),
    nights: sum(stays, nightsOf),
    dayUse: stays.filter((row) => nightsOf(row) === 0).length,
    revenueCents: sum(stays, (row) => centsOf(row) * nightsOf(row)),
    otherTypeAssigned: stays.filter(
      (row) => field(row, 'reserved_room_type') !== field(row, 'assigned_room_type'),
    ).length,
    otherCheckOutDate: stays.filter((row) => statusDay(row) !== arrivalDay(row) + nightsOf(row))
      .length,
  };
}

function nightsOf(row: Row): number {
  return number(row, 'stays_in_weekend_nights') + number(row, 'stays_in_week_nights');
}

/** Half a cent goes away from zero; toFixed takes the decimal text's last binary digits away first. */
function centsOf(row: Row): number {
  const cents = Number((number(row, 'adr') * 100).toFixed(6));
  return Math.sign(cents) * Math.round(Math.abs(cents));
}

/** Days since 1970. */
function arrivalDay(row: Row): number {
  const month = field(row, 'arrival_date_month');
  const [day, year] = [field(row, 'arrival_date_day_of_month'), field(row, 'arrival_date_year')];
  return Date.parse(`${day} ${month} ${year} UTC`) / 86_400_000;
}

function statusDay(row: Row): number {
  return Date.parse(`${field(row, 'reservation_status_date')} UTC`) / 86_400_000;
}

function number(row: Row, column: string): number {
  return Number(field(row, column));
}

function field(row: Row, column: string): string {
  return row[column] ?? '';
}

function sum(rows: readonly Row[], value: (row: Row) => number): number {
  return rows.reduce((total, row) => total + value(row), 0);
}
