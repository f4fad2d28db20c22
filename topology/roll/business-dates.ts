/**
 * Which business dates of a property are closed, from its captured `business_dates` rows. A platform
 * may write a row per date or move one row on, so each row is read as what it implies: CLOSED at D
 * closes D, and so does any row that is OPEN or IN_AUDIT at a later date. The last closed date only
 * grows: duplicates, late rows and a date that is opened again change nothing.
 */
import { addDays, utcDayOf } from '../calendar/calendar-date.ts';
import { ColumnReader, type DateColumn } from '../captured/column-reader.ts';
import { rowProblem, type Read } from '../captured/row-problem.ts';

const statuses = ['OPEN', 'IN_AUDIT', 'CLOSED'] as const;

export interface BusinessDateRow {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly businessDate: string;
  readonly status: (typeof statuses)[number];
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
/** The columns that are read, as the captured row carries them; others are ignored. */
export interface BusinessDateColumns {
  readonly tenant_id: string;
  readonly property_id: string;
  readonly business_date: DateColumn;
  readonly date_status: BusinessDateRow['status'];
  readonly is_deleted?: boolean | null | undefined;
}

/** Reads a captured row; undefined as value: the row is deleted and says nothing. */
export function readBusinessDateRow(row: BusinessDateColumns): Read<BusinessDateRow | undefined> {
  const columns = new ColumnReader(table, row);
  const read: BusinessDateRow = {
    tenantId: columns.id('tenant_id'),
    propertyId: columns.id('property_id'),
    businessDate: columns.date('business_date'),
    status: columns.oneOf('date_status', statuses),
  };
  return columns.read(columns.flag('is_deleted') ? undefined : read);
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
