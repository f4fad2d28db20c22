/**
 * Runs the role script on the platform's database, after looking whether capture can work there at
 * all. Everything happens in one transaction: it is prepared or untouched.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import { roleScript, type RoleScriptOptions } from './role-sql.ts';
import { scramVerifier } from './scram-verifier.ts';

const connectTimeoutMs = 10_000;
const statementTimeoutMs = 30_000;
/** The first version whose `pgoutput` carries logical messages: the heartbeat is one. */
const serverVersionMin = 140_000;
const scramSaltBytes = 16;
const insufficientPrivilege = '42501';
const lockNotAvailable = '55P03';

export interface PrepareOptions extends RoleScriptOptions {
  /** A superuser, or an owner of the tables who may create roles with REPLICATION and BYPASSRLS. */
  readonly adminDatabaseUrl: string;
  /** Given to the role; without one the role's password stays as it is. */
  readonly password?: string;
}

/**
 * Makes the database ready for the connector; safe to run again.
 * @throws CONFIG_INVALID when the server or a table cannot be captured, naming what to change;
 * DATABASE_UNAVAILABLE when it does not answer.
 */
export async function prepareDatabase(options: PrepareOptions): Promise<void> {
  const client = await connect(options.adminDatabaseUrl);
  try {
    await client.query('BEGIN');
    await assertServerFit(client);
    await assertTablesFit(client, options.tables);
    for (const statement of roleScript(options)) await client.query(statement);
    if (options.password !== undefined) await setPassword(client, options.user, options.password);
    await client.query('COMMIT');
  } catch (error) {
    throw isRollguardError(error) ? error : explain(error);
  } finally {
    await client.end();
  }
}

async function connect(url: string): Promise<pg.Client> {
  try {
    const client = new pg.Client({
      connectionString: url,
      connectionTimeoutMillis: connectTimeoutMs,
      statement_timeout: statementTimeoutMs,
      application_name: 'rollguard connectors prepare',
    });
    // A connection that breaks while idle emits 'error'; the next query reports it.
    client.on('error', () => undefined);
    await client.connect();
    return client;
  } catch (error) {
    const message = `the platform's Postgres (PLATFORM_ADMIN_DATABASE_URL) does not answer: ${messageOf(error)}`;
    throw new RollguardError('DATABASE_UNAVAILABLE', message, { cause: error });
  }
}

async function assertServerFit(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('wal_level', 'server_version_num', 'max_replication_slots', 'max_wal_senders')`,
  );
  const settings = new Map(rows.map((row) => [row.name, row.setting]));
  const walLevel = settings.get('wal_level') ?? '';
  if (walLevel !== 'logical') {
    throw refuse(
      `wal_level is ${walLevel}: change data capture needs wal_level=logical; set it in postgresql.conf (or ALTER SYSTEM SET wal_level = 'logical') and restart Postgres`,
    );
  }
  if (Number(settings.get('server_version_num')) < serverVersionMin) {
    throw refuse('the server is older than PostgreSQL 14, the first that can carry heartbeats');
  }
  for (const name of ['max_replication_slots', 'max_wal_senders']) {
    if (Number(settings.get(name)) > 0) continue;
    throw refuse(`${name} is 0: set it to at least 1 in postgresql.conf and restart Postgres`);
  }
}

async function assertTablesFit(client: pg.Client, tables: readonly string[]): Promise<void> {
  const { rows } = await client.query<{ name: string; there: boolean; keyed: boolean }>(
    `SELECT t.name, c.oid IS NOT NULL AS there,
            EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS keyed
     FROM unnest($1::text[]) AS t (name)
     LEFT JOIN pg_class c ON c.relkind IN ('r', 'p') AND c.oid = to_regclass(t.name)`,
    [tables],
  );
  const missing = rows.filter((row) => !row.there).map((row) => row.name);
  if (missing.length > 0) {
    throw refuse(
      `the database has no table ${missing.join(', ')}; does PLATFORM_ADMIN_DATABASE_URL name the platform's database, and does it have its tables?`,
    );
  }
  const keyless = rows.filter((row) => !row.keyed).map((row) => row.name);
  if (keyless.length > 0) {
    throw refuse(
      `${keyless.join(', ')} has no primary key: its rows would have no key in Kafka; add one, or leave the table out`,
    );
  }
}

async function setPassword(client: pg.Client, user: string, password: string): Promise<void> {
  const verifier = scramVerifier(password, randomBytes(scramSaltBytes));
  const role = client.escapeIdentifier(user);
  await client.query(`ALTER ROLE ${role} PASSWORD ${client.escapeLiteral(verifier)}`);
}

function refuse(reason: string): RollguardError {
  return new RollguardError('CONFIG_INVALID', `the platform's database is not ready: ${reason}`);
}

function explain(error: unknown): RollguardError {
  const code = (error as { code?: unknown }).code;
  const remedies: Readonly<Record<string, string>> = {
    [insufficientPrivilege]:
      '; give PLATFORM_ADMIN_DATABASE_URL a superuser, or hand a DBA the script of `rollguard connectors prepare --print`',
    [lockNotAvailable]: '; a table is busy: try again, or at a quieter hour',
  };
  const remedy = typeof code === 'string' ? (remedies[code] ?? '') : '';
  const message = `the platform's database could not be prepared: ${messageOf(error)}${remedy}`;
  return new RollguardError('CONFIG_INVALID', message, { cause: error });
}
