/**
 * The reservations of a property that a range of dates concerns, in the order of their ids, page by page:
 * those with a stay, an ending or a lifecycle row in it, and those of which the table has an entry in it,
 * whatever the platform knows of them. Instants count with a day to either side, whatever the zone.
 */
import type { PlatformReservation, PlatformTables } from './platform-rows.ts';
import type { LedgerTable } from './table-side.ts';

export interface ReplayRange {
  readonly tenantId: string;
  /** Undefined: all of the tenant's. */
  readonly propertyId?: string | undefined;
  /** First and last date, both included; undefined: open on that side. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface RangePage {
  readonly reservations: readonly PlatformReservation[];
  /** The last id looked at; undefined: there are no more. */
  readonly next: string | undefined;
}

/** What is asked beside the platform; it gives the ids that it alone knows of. */
export interface OwnTables extends Pick<LedgerTable, 'query'> {
  readonly hasLedger: boolean;
  readonly hasHolds: boolean;
}

const [firstDate, lastDate] = ['1900-01-01', '2199-12-31'];
const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const isInRange = (instant: string): string =>
  `(${instant} >= $3::date - 1 AND ${instant} < $4::date + 2)`;
const isAnyProperty = '$2::uuid IS NULL';
const isAnyDate = '$3::date IS NULL';

/** Over `reservations r`; $1 tenant, $2 property, $3 and $4 the dates. */
const concerned = `r.tenant_id = $1 AND (${isAnyProperty} OR r.property_id = $2) AND (${isAnyDate}
  OR (r.check_in_date <= $4::date AND r.check_out_date >= $3::date)
  OR (r.actual_check_in < $4::date + 2 AND coalesce(r.actual_check_out, 'infinity') >= $3::date - 1)
  OR ${isInRange('r.cancellation_date')} OR ${isInRange('r.expired_at')} OR ${isInRange('r.no_show_date')}
  OR EXISTS (
    SELECT FROM reservation_command_lifecycle l
    WHERE l.reservation_id = r.id AND l.tenant_id = $1 AND ${isInRange('l.created_at')}))`;

/** Commands that name the property themselves, of reservations that have no row. */
const rowless = `l.tenant_id = $1
  AND (${isAnyProperty} OR lower(l.metadata #>> '{stay,property_id}') = $2::uuid::text)
  AND (${isAnyDate} OR ${isInRange('l.created_at')})
  AND NOT EXISTS (SELECT FROM reservations r WHERE r.id = l.reservation_id AND r.tenant_id = $1)`;

/** How many there are on the platform, for whoever waits. */
export async function countConcerned(tables: PlatformTables, range: ReplayRange): Promise<number> {
  const text = `SELECT count(*)::int AS count FROM reservations r WHERE ${concerned}`;
  const rows = await tables.query(text, valuesOf(range));
  return Number(rows[0]?.['count'] ?? 0);
}

/** The next ids after one, at most so many of each source. */
type IdSource = (after: string, upTo: string, limit: number) => Promise<readonly string[]>;

export async function readPage(
  tables: PlatformTables,
  own: OwnTables,
  page: ReplayRange & { readonly after: string | undefined; readonly size: number },
): Promise<RangePage> {
  const { ids, next } = await nextIds(
    idSources(tables, own, page),
    page.after ?? '00000000-0000-0000-0000-000000000000',
    page.size,
  );
  const reservations = ids.length === 0 ? [] : await tables.reservations(ids);
  return { reservations, next };
}

/** A full source ends the page for all: none may be ahead of another. */
export async function nextIds(
  sources: readonly IdSource[],
  after: string,
  size: number,
): Promise<{ readonly ids: readonly string[]; readonly next: string | undefined }> {
  const found = new Set<string>();
  let upTo = lastId;
  for (const source of sources) {
    const ids = await source(after, upTo, size);
    for (const id of ids) found.add(id);
    if (ids.length >= size) upTo = ids.at(-1) ?? upTo;
  }
  const ids = [...found].filter((id) => id <= upTo).sort();
  return { ids, next: upTo === lastId ? undefined : upTo };
}

function idSources(tables: PlatformTables, own: OwnTables, range: ReplayRange): IdSource[] {
  const source =
    (asked: Pick<PlatformTables, 'query'>, text: string): IdSource =>
    async (after, upTo, limit) => {
      const rows = await asked.query(text, [...valuesOf(range), after, upTo, limit]);
      return rows.map((row) => String(row['id']));
    };
  return [
    source(
      tables,
      `SELECT r.id FROM reservations r WHERE ${concerned} AND r.id > $5 AND r.id <= $6
       ORDER BY r.id LIMIT $7`,
    ),
    source(
      tables,
      `SELECT DISTINCT l.reservation_id AS id FROM reservation_command_lifecycle l
       WHERE ${rowless} AND l.reservation_id > $5 AND l.reservation_id <= $6
       ORDER BY 1 LIMIT $7`,
    ),
    ...(own.hasLedger
      ? [
          source(
            own,
            `SELECT DISTINCT reservation_id AS id FROM roll_service_shadow_ledgers
             WHERE tenant_id = $1 AND (${isAnyProperty} OR property_id = $2)
               AND (${isAnyDate} OR business_date BETWEEN $3 AND $4)
               AND reservation_id > $5 AND reservation_id <= $6
             ORDER BY 1 LIMIT $7`,
          ),
        ]
      : []),
    ...(own.hasHolds
      ? [
          source(
            own,
            `SELECT DISTINCT reservation_id AS id FROM inventory_locks_shadow
             WHERE tenant_id = $1 AND status IN ('ACTIVE', 'CONFIRMED')
               AND (${isAnyProperty} OR property_id = $2)
               AND (${isAnyDate} OR (stay_start < $4::date + 2 AND stay_end >= $3::date - 1))
               AND reservation_id > $5 AND reservation_id <= $6
             ORDER BY 1 LIMIT $7`,
          ),
        ]
      : []),
  ];
}

function valuesOf({ tenantId, propertyId, from, to }: ReplayRange): readonly (string | null)[] {
  if (from === undefined && to === undefined) return [tenantId, propertyId ?? null, null, null];
  return [tenantId, propertyId ?? null, from ?? firstDate, to ?? lastDate];
}
