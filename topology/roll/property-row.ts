/** A captured row of `properties`, reduced to what ledgers and totals are computed with. */
import { ColumnReader } from '../captured/column-reader.ts';
import { isTimeZone } from '../calendar/property-time.ts';
import type { Read } from '../captured/row-problem.ts';

export interface PropertyRow {
  /** IANA name, e.g. `Europe/Helsinki`. */
  readonly zone: string;
  /** Rooms that occupancy is measured against; undefined when the platform does not say. */
  readonly totalRooms: number | undefined;
}

export interface PropertyReading {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly row: PropertyRow;
}

/** The columns that are read, as the captured row carries them; others are ignored. */
export interface PropertyColumns {
  readonly id: string;
  readonly tenant_id: string;
  readonly timezone: string;
  readonly total_rooms?: number | null | undefined;
}

/** Reads a captured row; the problem names the first column that cannot be used. */
export function readPropertyRow(row: PropertyColumns): Read<PropertyReading> {
  const columns = new ColumnReader('properties', row);
  return columns.read({
    tenantId: columns.id('tenant_id'),
    propertyId: columns.id('id'),
    row: {
      zone: columns.textThat('timezone', isTimeZone, 'is not a time zone of this runtime'),
      totalRooms: columns.optionalCount('total_rooms'),
    },
  });
}
