/** A captured row of `properties`, reduced to what ledgers and totals are computed with. */
import { z } from 'zod';
import { idColumn, problemOf } from '../captured/columns.ts';
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

const columns = z.object({
  id: idColumn,
  tenant_id: idColumn,
  timezone: z.string().refine(isTimeZone, 'is not a time zone of this runtime'),
  total_rooms: z.int().nonnegative().nullish(),
});

/** The columns that are read, as the captured row carries them; others are ignored. */
export type PropertyColumns = z.input<typeof columns>;

/** Reads a captured row; the problem names the first column that cannot be used. */
export function readPropertyRow(row: PropertyColumns): Read<PropertyReading> {
  const result = columns.safeParse(row);
  if (!result.success) return problemOf('properties', result.error);
  const { id, tenant_id, timezone, total_rooms } = result.data;
  const totalRooms = total_rooms ?? undefined;
  return { value: { tenantId: tenant_id, propertyId: id, row: { zone: timezone, totalRooms } } };
}
