/**
 * Which business dates of a property are closed, from its captured `business_dates` rows. A platform
 * may write a row per date or move one row on, so each row is read as what it implies: CLOSED at D
 * closes D, and so does any row that is OPEN or IN_AUDIT at a later date. The last closed date only
 * grows: duplicates, late rows and a date that is opened again change nothing.
 */
import { z } from 'zod';
import { addDays, utcDayOf } from '../calendar/calendar-date.ts';
import { dateColumn, idColumn, problemOf } from '../captured/columns.ts';
import { rowProblem, type Read } from '../captured/row-problem.ts';

export interface BusinessDateRow {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly businessDate: string;
  readonly status: 'OPEN' | 'IN_AUDIT' | 'CLOSED';
}

/** What is stored of a property's dates. */
export interface PropertyDates {
  /** Undefined: none was ever closed. */
  readonly lastClosedDate: string | undefined;
}

export interface DatesAdvance {
  readonly dates: PropertyDates;
  /** In order, each a tick; the first row of a property closes one date, which stands for all before. */
  readonly newlyClosed: readonly string[];
}

export const noDates: PropertyDates = { lastClosedDate: undefined };

/** Ten years: a property that was asleep. Further ahead is a mistyped year, and ticks are for ever. */
export const datesPerAdvanceMax = 3660;

const table = 'business_dates';
const columns = z.object({
  tenant_id: idColumn,
  property_id: idColumn,
  business_date: dateColumn,
  date_status: z.enum(['OPEN', 'IN_AUDIT', 'CLOSED']),
  is_deleted: z.boolean().nullish(),
});

/** The columns that are read, as the captured row carries them; others are ignored. */
export type BusinessDateColumns = z.input<typeof columns>;

/** Reads a captured row; undefined as value: the row is deleted and says nothing. */
export function readBusinessDateRow(row: BusinessDateColumns): Read<BusinessDateRow | undefined> {
  const result = columns.safeParse(row);
  if (!result.success) return problemOf(table, result.error);
  const read = result.data;
  if (read.is_deleted === true) return { value: undefined };
  return {
    value: {
      tenantId: read.tenant_id,
      propertyId: read.property_id,
      businessDate: read.business_date,
      status: read.date_status,
    },
  };
}

/** Takes one row; an advance by several days closes each of them. */
export function advanceDates(dates: PropertyDates, row: BusinessDateRow): Read<DatesAdvance> {
  const closed = row.status === 'CLOSED' ? row.businessDate : addDays(row.businessDate, -1);
  const { lastClosedDate } = dates;
  if (lastClosedDate === undefined) {
    return { value: { dates: { lastClosedDate: closed }, newlyClosed: [closed] } };
  }
  const days = utcDayOf(closed) - utcDayOf(lastClosedDate);
  if (days <= 0) return { value: { dates, newlyClosed: [] } };
  if (days > datesPerAdvanceMax) {
    const message = `closes ${days} dates after ${lastClosedDate} at once; at most ${datesPerAdvanceMax} are believed`;
    return rowProblem({ table, field: 'business_date', reason: 'impossible', message });
  }
  const newlyClosed = Array.from({ length: days }, (_, i) => addDays(lastClosedDate, i + 1));
  return { value: { dates: { lastClosedDate: closed }, newlyClosed } };
}
