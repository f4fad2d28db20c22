/**
 * A captured row of `reservations`, reduced to what the ledger is computed from. Amounts are minor
 * units of the row's currency, instants microseconds since 1970.
 */
import { ColumnReader, type DateColumn, type InstantColumn } from '../captured/column-reader.ts';
import { parseMinorUnits } from './money.ts';
import type { Read } from '../captured/row-problem.ts';

export const reservationStatuses = [
  'INQUIRY',
  'QUOTED',
  'PENDING',
  'CONFIRMED',
  'WAITLISTED',
  'CHECKED_IN',
  'CHECKED_OUT',
  'CANCELLED',
  'NO_SHOW',
  'EXPIRED',
] as const;
export type ReservationStatus = (typeof reservationStatuses)[number];

export interface ReservationRow {
  readonly propertyId: string;
  readonly status: ReservationStatus;
  /** The booked arrival, a date of the property's calendar. */
  readonly arrivalDate: string;
  readonly departureDate: string;
  readonly checkedInMicros: number | undefined;
  readonly checkedOutMicros: number | undefined;
  /** What one night costs. */
  readonly rateMinor: number;
  readonly currency: string;
  /** When it was cancelled, or expired. */
  readonly cancelledMicros: number | undefined;
  readonly cancellationFeeMinor: number;
  readonly noShowMicros: number | undefined;
  readonly noShowFeeMinor: number;
  /** When the row of a cancelled, expired or no-show reservation was written: the last resort of dating it. */
  readonly endedMicros: number | undefined;
}

/** Every field of it. */
export const reservationFields = Object.keys({
  propertyId: true,
  status: true,
  arrivalDate: true,
  departureDate: true,
  checkedInMicros: true,
  checkedOutMicros: true,
  rateMinor: true,
  currency: true,
  cancelledMicros: true,
  cancellationFeeMinor: true,
  noShowMicros: true,
  noShowFeeMinor: true,
  endedMicros: true,
} satisfies Record<keyof ReservationRow, true>) as readonly (keyof ReservationRow)[];

/** Whose row it is, and what it says; null: the reservation is deleted. */
export interface ReservationReading {
  readonly tenantId: string;
  readonly reservationId: string;
  readonly row: ReservationRow | null;
}

/** True when the stay did not take place, whoever wrote that. */
export function hasEndedEarly(status: ReservationStatus): boolean {
  return status === 'CANCELLED' || status === 'EXPIRED' || status === 'NO_SHOW';
}

/** The columns that are read, as the captured row carries them; others are ignored. */
export interface ReservationColumns {
  readonly id: string;
  readonly tenant_id: string;
  readonly property_id: string;
  readonly status: ReservationStatus;
  readonly check_in_date: DateColumn;
  readonly check_out_date: DateColumn;
  readonly actual_check_in?: InstantColumn | null | undefined;
  readonly actual_check_out?: InstantColumn | null | undefined;
  /** Decimals, as text. */
  readonly room_rate: string;
  readonly currency: string;
  readonly cancellation_date?: InstantColumn | null | undefined;
  readonly cancellation_fee?: string | null | undefined;
  readonly expired_at?: InstantColumn | null | undefined;
  readonly no_show_date?: InstantColumn | null | undefined;
  readonly no_show_fee?: string | null | undefined;
  readonly created_at?: InstantColumn | null | undefined;
  readonly updated_at?: InstantColumn | null | undefined;
  readonly is_deleted?: boolean | null | undefined;
}

/** Reads a captured row; the problem names the first column that cannot be used. */
export function readReservationRow(row: ReservationColumns): Read<ReservationReading> {
  const columns = new ColumnReader('reservations', row);
  const owner = { tenantId: columns.id('tenant_id'), reservationId: columns.id('id') };
  // What is deleted says nothing else, not even what is wrong with it.
  if (columns.flag('is_deleted')) return columns.read({ ...owner, row: null });
  return columns.read({ ...owner, row: presentRow(columns) });
}

function presentRow(columns: ColumnReader): ReservationRow {
  const status = columns.oneOf('status', reservationStatuses);
  const arrivalDate = columns.date('check_in_date');
  const departureDate = columns.date('check_out_date');
  if (departureDate < arrivalDate) {
    columns.refuse('check_out_date', `is before check_in_date ${arrivalDate}`, 'impossible');
  }
  const currency = columns.textThat('currency', isCurrency, 'is no currency of three letters');
  const expiredMicros = columns.optionalInstant('expired_at');
  const cancelledMicros = columns.optionalInstant('cancellation_date');
  return {
    ...{ propertyId: columns.id('property_id'), status, arrivalDate, departureDate },
    ...actualStay(columns),
    rateMinor: amount(columns, 'room_rate', currency),
    currency,
    cancelledMicros: status === 'EXPIRED' ? (expiredMicros ?? cancelledMicros) : cancelledMicros,
    cancellationFeeMinor: optionalAmount(columns, 'cancellation_fee', currency),
    noShowMicros: columns.optionalInstant('no_show_date'),
    noShowFeeMinor: optionalAmount(columns, 'no_show_fee', currency),
    endedMicros: endedMicros(columns, status),
  };
}

function actualStay(
  columns: ColumnReader,
): Pick<ReservationRow, 'checkedInMicros' | 'checkedOutMicros'> {
  const checkedInMicros = columns.optionalInstant('actual_check_in');
  const checkedOutMicros = columns.optionalInstant('actual_check_out');
  if ((checkedOutMicros ?? Infinity) < (checkedInMicros ?? -Infinity)) {
    columns.refuse('actual_check_out', 'is before actual_check_in', 'impossible');
  }
  return { checkedInMicros, checkedOutMicros };
}

/** The table leaves updated_at empty until the first update. */
function endedMicros(columns: ColumnReader, status: ReservationStatus): number | undefined {
  const createdMicros = columns.optionalInstant('created_at');
  const writtenMicros = columns.optionalInstant('updated_at') ?? createdMicros;
  if (!hasEndedEarly(status)) return undefined;
  if (writtenMicros === undefined) {
    columns.refuse('updated_at', `is missing in a row that is ${status}`);
  }
  return writtenMicros;
}

function optionalAmount(columns: ColumnReader, name: string, currency: string): number {
  return columns.optionalText(name) === undefined ? 0 : amount(columns, name, currency);
}

function amount(columns: ColumnReader, name: string, currency: string): number {
  const text = columns.text(name);
  const minor = parseMinorUnits(text, currency);
  if (minor === undefined) columns.refuse(name, `"${text}" is not an exact amount of ${currency}`);
  return minor ?? 0;
}

function isCurrency(text: string): boolean {
  return /^[A-Z]{3}$/.test(text);
}
