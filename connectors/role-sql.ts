/**
 * What the platform's database needs for change data capture, as SQL a DBA can read and run: a role
 * that may read the captured tables and nothing else, whole rows in the WAL, and the publication.
 * Every statement may be run again: what is as wanted is left alone, without locking a table.
 *
 * The slot is not made here: Debezium makes it together with its snapshot, so that the stream begins
 * exactly where the snapshot ends.
 */
export interface RoleScriptOptions {
  readonly user: string;
  /** `<schema>.<table>` each. */
  readonly tables: readonly string[];
  readonly publication: string;
}

/** How long an ALTER TABLE may wait for a busy table, and make others wait behind it. */
const lockTimeout = '5s';

export function roleScript(options: RoleScriptOptions): readonly string[] {
  const { user, tables, publication } = options;
  const role = identifier(user);
  const schemas = [...new Set(tables.map(schemaOf))];
  return [
    `SET LOCAL lock_timeout = '${lockTimeout}'`,
    whenMissing(
      `SELECT FROM pg_roles WHERE rolname = ${literal(user)}`,
      `CREATE ROLE ${role} LOGIN`,
    ),
    // BYPASSRLS: the snapshot is a SELECT, and a row security policy would silently leave rows out.
    // It widens nothing: SELECT on the captured tables is all this role is granted.
    `ALTER ROLE ${role} LOGIN REPLICATION BYPASSRLS NOSUPERUSER NOCREATEDB NOCREATEROLE`,
    ...schemas.map((schema) => `GRANT USAGE ON SCHEMA ${identifier(schema)} TO ${role}`),
    `GRANT SELECT ON ${tables.map(qualified).join(', ')} TO ${role}`,
    ...tables.map(replicaIdentity),
    ...publicationStatements(publication, tables),
  ];
}

/** The script as one text for psql. */
export function renderRoleScript(options: RoleScriptOptions): string {
  const body = roleScript(options).map((statement) => `${statement};`);
  const title =
    '-- Change data capture for Rollguard: run as a superuser on the platform database.';
  const password = `-- Then give the role a password: \\password ${options.user}`;
  return [title, 'BEGIN;', ...body, 'COMMIT;', password, ''].join('\n');
}

/** FULL puts the whole old row into the WAL: without it a large unchanged column does not arrive. */
function replicaIdentity(table: string): string {
  return whenMissing(
    `SELECT FROM pg_class WHERE oid = ${regclass(table)} AND relreplident = 'f'`,
    `ALTER TABLE ${qualified(table)} REPLICA IDENTITY FULL`,
  );
}

function publicationStatements(publication: string, tables: readonly string[]): readonly string[] {
  const name = identifier(publication);
  const members = `SELECT prrelid FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = ${literal(publication)}`;
  const wanted = `VALUES ${tables.map((table) => `(${regclass(table)}::oid)`).join(', ')}`;
  const list = tables.map(qualified).join(', ');
  return [
    whenMissing(
      `SELECT FROM pg_publication WHERE pubname = ${literal(publication)}`,
      `CREATE PUBLICATION ${name} FOR TABLE ${list} WITH (publish = 'insert, update, delete')`,
    ),
    whenMissing(
      `SELECT WHERE NOT EXISTS ((${members}) EXCEPT (${wanted})) AND NOT EXISTS ((${wanted}) EXCEPT (${members}))`,
      `ALTER PUBLICATION ${name} SET TABLE ${list}`,
    ),
    publishGeneratedColumns(publication),
  ];
}

/**
 * Since PostgreSQL 18 a table with REPLICA IDENTITY FULL whose generated columns are not published
 * refuses every UPDATE ("cannot update table"); before, they never were published and nothing minded.
 */
function publishGeneratedColumns(publication: string): string {
  const change = `ALTER PUBLICATION ${identifier(publication)} SET (publish_generated_columns = stored)`;
  const isWanted = `SELECT FROM pg_publication WHERE pubname = ${literal(publication)} AND to_jsonb(pg_publication) ->> 'pubgencols' = 'n'`;
  return `DO $do$ BEGIN IF current_setting('server_version_num')::int >= 180000 AND EXISTS (${isWanted}) THEN ${change}; END IF; END $do$`;
}

function whenMissing(query: string, statement: string): string {
  return `DO $do$ BEGIN IF NOT EXISTS (${query}) THEN ${statement}; END IF; END $do$`;
}

/** Names are checked to be plain before they come here; quoting keeps reserved words usable. */
function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function qualified(table: string): string {
  return table.split('.').map(identifier).join('.');
}

function regclass(table: string): string {
  return `${literal(qualified(table))}::regclass`;
}

function schemaOf(table: string): string {
  return table.slice(0, table.indexOf('.'));
}
