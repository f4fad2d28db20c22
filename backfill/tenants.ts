/**
 * Whose rows there are to read. Row-level security shows no tenant the rows of another: the list comes
 * from `tenants`, which every role may read whole, and from the commands where nothing hides them.
 */
import type { Database } from '../database/connection.ts';
import { RollguardError } from '../kernel/errors.ts';
import { lifecycleTable } from '../topology/captured/lifecycle-row.ts';

/** One step of the index on tenant and creation for each tenant, whatever the number of rows. */
const ofCommands = `
  WITH RECURSIVE found AS (
    (SELECT tenant_id FROM ${lifecycleTable} ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT l.tenant_id FROM ${lifecycleTable} l WHERE l.tenant_id > found.tenant_id
            ORDER BY l.tenant_id LIMIT 1)
    FROM found WHERE found.tenant_id IS NOT NULL
  )
  SELECT tenant_id::text AS id FROM found WHERE tenant_id IS NOT NULL`;
const whatIsReadable = `
  SELECT coalesce(has_table_privilege(to_regclass('tenants'), 'SELECT'), false) AS tenants,
         row_security_active('${lifecycleTable}') AS hidden`;

/** In order. @throws CONFIG_INVALID when the role can see no tenant's rows, naming what to grant. */
export async function tenantsOf(platform: Database): Promise<readonly string[]> {
  const { rows } = await platform.query(whatIsReadable);
  const readable = rows[0] ?? {};
  const ids = new Set<string>();
  const add = async (text: string): Promise<void> => {
    for (const row of (await platform.query(text)).rows) ids.add(String(row['id']));
  };
  if (readable['tenants'] === true) await add('SELECT id::text AS id FROM tenants');
  if (readable['hidden'] !== true) await add(ofCommands);
  else if (readable['tenants'] !== true) {
    const message =
      'row-level security hides all commands from the role of PLATFORM_DATABASE_URL, and it may not read the table tenants: grant it SELECT on tenants, or BYPASSRLS, or name the tenant';
    throw new RollguardError('CONFIG_INVALID', message);
  }
  return [...ids].sort();
}
