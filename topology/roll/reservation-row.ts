/**
 * A captured row of `reservations`, reduced to what the ledger is computed from. Amounts are minor
 * units of the row's currency, instants microseconds since 1970.
 */
import { z } from 'zod';
import {
  currencyColumn,
  dateColumn,
  idColumn,
  instantColumn,
  problemOf,
} from '../captured/columns.ts';
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

const optionalInstant = instantColumn.nullish().transform((micros) => micros ?? undefined);
const amountText = z.string();
const optionalAmount = amountText.nullish().transform((text) => text ?? '0');

const columns = z.object({
  id: idColumn,
  tenant_id: idColumn,
  property_id: idColumn,
  status: z.enum(reservationStatuses),
  check_in_date: dateColumn,
  check_out_date: dateColumn,
  actual_check_in: optionalInstant,
  actual_check_out: optionalInstant,
  room_rate: amountText,
  currency: currencyColumn,
  cancellation_date: optionalInstant,
  cancellation_fee: optionalAmount,
  expired_at: optionalInstant,
  no_show_date: optionalInstant,
  no_show_fee: optionalAmount,
  created_at: optionalInstant,
  updated_at: optionalInstant,
  is_deleted: z.boolean().nullish(),
});
type Columns = z.output<typeof columns>;

/** The columns that are read, as the captured row carries them; others are ignored. */
export type ReservationColumns = z.input<typeof columns>;

const reservation = columns.transform((row, context): ReservationReading => {
  const owner = { tenantId: row.tenant_id, reservationId: row.id };
  if (row.is_deleted === true) return { ...owner, row: null };
  refuseContradictions(row, context);
  const amount = (field: 'room_rate' | 'cancellation_fee' | 'no_show_fee'): number => {
    const minor = parseMinorUnits(row[field], row.currency);
    if (minor !== undefined) return minor;
    const message = `"${row[field]}" is not an exact amount of ${row.currency}`;
    context.addIssue({ code: 'custom', path: [field], message });
    return z.NEVER;
  };
  const isExpired = row.status === 'EXPIRED';
  const value: ReservationRow = {
    propertyId: row.property_id,
    status: row.status,
    arrivalDate: row.check_in_date,
    departureDate: row.check_out_date,
    checkedInMicros: row.actual_check_in,
    checkedOutMicros: row.actual_check_out,
    rateMinor: amount('room_rate'),
    currency: row.currency,
    cancelledMicros: isExpired ? (row.expired_at ?? row.cancellation_date) : row.cancellation_date,
    cancellationFeeMinor: amount('cancellation_fee'),
    noShowMicros: row.no_show_date,
    noShowFeeMinor: amount('no_show_fee'),
    endedMicros: hasEndedEarly(row.status) ? writtenMicros(row) : undefined,
  };
  return { ...owner, row: value };
});

/** Reads a captured row; the problem names the first column that cannot be used. */
export function readReservationRow(row: ReservationColumns): Read<ReservationReading> {
  const result = reservation.safeParse(row);
  return result.success ? { value: result.data } : problemOf('reservations', result.error);
}

function refuseContradictions(row: Columns, context: z.RefinementCtx<Columns>): void {
  const refuse = (field: keyof Columns, message: string, impossible = true): void =>
    context.addIssue({ code: 'custom', path: [field], message, params: { impossible } });
  if (row.check_out_date < row.check_in_date) {
    refuse('check_out_date', `is before check_in_date ${row.check_in_date}`);
  }
  const { actual_check_in: arrived, actual_check_out: left } = row;
  if (arrived !== undefined && left !== undefined && left < arrived) {
    refuse('actual_check_out', 'is before actual_check_in');
  }
  if (hasEndedEarly(row.status) && writtenMicros(row) === undefined) {
    refuse('updated_at', `is missing in a row that is ${row.status}`, false);
  }
}

/** The table leaves updated_at empty until the first update. */
function writtenMicros(row: Columns): number | undefined {
  return row.updated_at ?? row.created_at;
}
