/**
 * The business dates of properties, read once: a date that is closed stays closed, so of a property that was
 * asked for before only what is after its last closed date can say anything new. A platform keeps a row for
 * each date for ever, and every page of reservations asks for the dates of all of its properties.
 */
import type { Database } from '../database/connection.ts';
import type { BusinessDateColumns, PropertyDates } from '../topology/roll/business-dates.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import { groupBy } from './group-by.ts';

/** Properties that are remembered; then all are forgotten, and read anew. */
const propertiesMax = 10_000;

export interface DatesRead {
  /** By property, in the order of their dates. */
  readonly rowsOf: ReadonlyMap<string, readonly BusinessDateColumns[]>;
  readonly before: ReadonlyMap<string, PropertyDates>;
}

const columns = capturedColumns.business_dates.map((column) => `d.${column}`).join(', ');
const text = `SELECT ${columns}
  FROM unnest($2::uuid[], $3::date[]) AS known (id, last_closed)
    JOIN LATERAL (
      SELECT * FROM business_dates
      WHERE tenant_id = $1 AND property_id = known.id
        AND business_date > coalesce(known.last_closed, '-infinity')) d ON true
  ORDER BY d.business_date`;

export class KnownDates {
  /** By tenant and property. */
  readonly #known = new Map<string, PropertyDates>();

  async read(
    database: Database,
    tenantId: string,
    propertyIds: readonly string[],
  ): Promise<DatesRead> {
    if (!(await hasBusinessDates(database))) return { rowsOf: new Map(), before: new Map() };
    const before = new Map<string, PropertyDates>();
    for (const id of propertyIds) {
      const known = this.#known.get(keyOf(tenantId, id));
      if (known !== undefined) before.set(id, known);
    }
    const last = propertyIds.map((id) => before.get(id)?.lastClosedDate ?? null);
    const { rows } = await database.query(text, [tenantId, propertyIds, last]);
    const dates = rows as unknown as readonly BusinessDateColumns[];
    return { rowsOf: groupBy(dates, (row) => row.property_id), before };
  }

  /** What the rows came to. */
  remember(tenantId: string, propertyId: string, dates: PropertyDates): void {
    if (this.#known.size >= propertiesMax) this.#known.clear();
    this.#known.set(keyOf(tenantId, propertyId), dates);
  }
}

function keyOf(tenantId: string, propertyId: string): string {
  return `${tenantId}|${propertyId}`;
}

/** A platform may do without them: the dates are closed by a clock then. */
async function hasBusinessDates(database: Database): Promise<boolean> {
  const { rows } = await database.query("SELECT to_regclass('business_dates') AS found");
  return rows[0]?.['found'] !== null;
}
