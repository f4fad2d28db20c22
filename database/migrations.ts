/**
 * Our own tables come from plain SQL files, `migrations/0001-….sql` and so on, run in the order of
 * their names, each once. One transaction takes them all: two instances that start at once wait for
 * each other, and a failure leaves nothing half done. A file that was run may not change afterwards.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type { Database } from './connection.ts';
import { sqlStateOf } from './sql-state.ts';

const folder = new URL('./migrations/', import.meta.url);
/** Any number that nobody else takes for an advisory lock of this database. */
const migrationLock = 7_602_113;

export interface Migration {
  /** Without `.sql`. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hex. */
  readonly checksum: string;
}

export interface MigrationStatus {
  readonly name: string;
  /** ISO time; undefined: it was not run yet. */
  readonly appliedAt: string | undefined;
}

/** Those that this version brings, in order. */
export function shippedMigrations(): readonly Migration[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.sql'));
  return files.sort().map((file) => {
    const sql = readFileSync(new URL(file, folder), 'utf8');
    const checksum = createHash('sha256').update(sql).digest('hex');
    return { name: file.slice(0, -'.sql'.length), sql, checksum };
  });
}

/**
 * Runs what was not run yet; safe to run again and beside others.
 * @returns the names of those it ran.
 * @throws CONFIG_INVALID when a file that was run has changed, or the role may not create tables.
 */
export async function migrate(
  database: Database,
  migrations = shippedMigrations(),
): Promise<readonly string[]> {
  return database.transaction(async () => {
    await database.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    await database.query(
      `CREATE TABLE IF NOT EXISTS rollguard_migrations (
         name text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const known = await appliedMigrations(database);
    const pending = migrations.filter((migration) => !isApplied(migration, known));
    for (const { name, sql, checksum } of pending) {
      await run(database, name, sql);
      const insert = 'INSERT INTO rollguard_migrations (name, checksum) VALUES ($1, $2)';
      await database.query(insert, [name, checksum]);
    }
    return pending.map(({ name }) => name);
  });
}

/** What was run and what was not; reads only. */
export async function migrationStatus(
  database: Database,
  migrations = shippedMigrations(),
): Promise<readonly MigrationStatus[]> {
  const { rows } = await database.query("SELECT to_regclass('rollguard_migrations') AS found");
  const isFirst = rows[0]?.['found'] === null;
  const known = isFirst ? new Map<string, Applied>() : await appliedMigrations(database);
  return migrations.map((migration) => ({
    name: migration.name,
    appliedAt: isApplied(migration, known) ? known.get(migration.name)?.appliedAt : undefined,
  }));
}

interface Applied {
  readonly checksum: string;
  readonly appliedAt: string;
}

async function appliedMigrations(database: Database): Promise<ReadonlyMap<string, Applied>> {
  const { rows } = await database.query(
    'SELECT name, checksum, applied_at FROM rollguard_migrations ORDER BY name',
  );
  return new Map(
    rows.map((row) => [
      String(row['name']),
      { checksum: String(row['checksum']), appliedAt: String(row['applied_at']) },
    ]),
  );
}

function isApplied(migration: Migration, known: ReadonlyMap<string, Applied>): boolean {
  const applied = known.get(migration.name);
  if (applied === undefined || applied.checksum === migration.checksum)
    return applied !== undefined;
  const message =
    `database/migrations/${migration.name}.sql is not what was run on ${applied.appliedAt}; ` +
    'put the file back and add another one with the change';
  throw new RollguardError('CONFIG_INVALID', message);
}

async function run(database: Database, name: string, sql: string): Promise<void> {
  try {
    await database.query(sql);
  } catch (error) {
    if (sqlStateOf(error) === undefined) throw error;
    const message = `database/migrations/${name}.sql failed: ${messageOf(error)}; nothing was changed`;
    throw new RollguardError('CONFIG_INVALID', message, { cause: error });
  }
}
