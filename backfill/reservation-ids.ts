/** All reservations of a tenant, page by page, in the order of their ids: whose ledgers can be asked. */
import type { Database } from '../database/connection.ts';

interface Page {
  readonly tenantId: string;
  /** Last id of the page before; undefined: there was none. */
  readonly after: string | undefined;
  readonly limit: number;
}

/** The tenant is set for the platform's row-level security. @throws DATABASE_UNAVAILABLE. */
export function readReservationIds(
  database: Database,
  { tenantId, after, limit }: Page,
): Promise<readonly string[]> {
  const values = [tenantId, ...(after === undefined ? [] : [after])];
  const where = after === undefined ? '' : 'AND id > $2::uuid';
  return ofTenant(database, tenantId, async () => {
    const text = `SELECT id::text AS id FROM reservations WHERE tenant_id = $1 ${where} ORDER BY id LIMIT ${limit}`;
    const { rows } = await database.query(text, values);
    return rows.map((row) => String(row['id']));
  });
}

export function countReservations(database: Database, tenantId: string): Promise<number> {
  return ofTenant(database, tenantId, async () => {
    const text = 'SELECT count(*) AS rows FROM reservations WHERE tenant_id = $1';
    const { rows } = await database.query(text, [tenantId]);
    return Number(rows[0]?.['rows'] ?? 0);
  });
}

/** The setting's value ends with the transaction. */
function ofTenant<Result>(
  database: Database,
  tenantId: string,
  read: () => Promise<Result>,
): Promise<Result> {
  return database.transaction(async () => {
    await database.query(`SELECT set_config('app.current_tenant_id', $1, true)`, [tenantId]);
    return read();
  }, 'REPEATABLE READ');
}
