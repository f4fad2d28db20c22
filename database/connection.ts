/**
 * One connection to a Postgres, with transactions. Values come as Postgres writes them: dates, instants
 * (in UTC), big integers and JSON are text, since a JavaScript date would lose microseconds and zones.
 * A connection that fails or breaks is DATABASE_UNAVAILABLE; errors of statements pass through.
 */
import pg from 'pg';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import { sqlStateOf, statementCancelled } from './sql-state.ts';

const connectionTimeoutMs = 10_000;
const statementTimeoutMs = 60_000;
/** Whatever the server's own settings are: what is read means the same everywhere. */
const session = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'";

/** Postgres's type ids of what is read as it is written: jsonb and json, int8, date, time stamps. */
const asText = new Set([20, 114, 1082, 1114, 1184, 3802]);
const identity = (value: string): string => value;

export interface DatabaseOptions {
  readonly url: string;
  /** Named in errors, e.g. ROLLGUARD_DATABASE_URL. */
  readonly setting: string;
  /** As `pg_stat_activity` shows it. */
  readonly applicationName: string;
  /** True: whatever is asked, nothing can be written. */
  readonly isReadOnly?: boolean;
  readonly statementTimeoutMs?: number;
}

export type Row = Readonly<Record<string, unknown>>;

export interface QueryResult {
  readonly rows: readonly Row[];
  /** Rows returned, inserted, updated or deleted. */
  readonly rowCount: number;
}

export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

export interface Database {
  /** Statements are answered in their order. @throws DATABASE_UNAVAILABLE */
  query(text: string, values?: readonly unknown[]): Promise<QueryResult>;
  /** Runs `work` between BEGIN and COMMIT, or ROLLBACK when it throws. Not for nesting. */
  transaction<T>(work: () => Promise<T>, isolation?: Isolation): Promise<T>;
  /** False once the connection broke: open another. */
  readonly isOpen: boolean;
  close(): Promise<void>;
}

/** @throws DATABASE_UNAVAILABLE naming the setting. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const client = new pg.Client({
    connectionString: options.url,
    connectionTimeoutMillis: connectionTimeoutMs,
    statement_timeout: options.statementTimeoutMs ?? statementTimeoutMs,
    application_name: options.applicationName,
    types: { getTypeParser: textParser as pg.CustomTypesConfig['getTypeParser'] },
  });
  let isOpen = true;
  const broke = (): void => void (isOpen = false);
  // A connection that breaks while idle emits 'error'; the next query reports it.
  client.on('error', broke);
  client.on('end', broke);
  try {
    await client.connect();
    await client.query(session);
    if (options.isReadOnly === true) await client.query('SET default_transaction_read_only = on');
  } catch (error) {
    await client.end().catch(() => undefined);
    throw unavailable(options, error);
  }
  const query: Database['query'] = async (text, values = []) => {
    try {
      const result = await client.query<Record<string, unknown>>(text, [...values]);
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    } catch (error) {
      if (!connectionBroke(error)) throw error;
      broke();
      throw unavailable(options, error);
    }
  };
  return {
    query,
    transaction: async (work, isolation = 'READ COMMITTED') => {
      await query(`BEGIN ISOLATION LEVEL ${isolation}`);
      try {
        const result = await work();
        await query('COMMIT');
        return result;
      } catch (error) {
        await query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
    get isOpen() {
      return isOpen;
    },
    close: () => client.end().catch(() => undefined),
  };
}

/** The library's own table, which takes any number. */
const usualParser = pg.types.getTypeParser as (typeId: number) => unknown;

function textParser(typeId: number): (value: string) => unknown {
  return asText.has(typeId) ? identity : (usualParser(typeId) as typeof identity);
}

function unavailable({ setting }: DatabaseOptions, cause: unknown): RollguardError {
  const message = `Postgres (${setting}) does not answer: ${messageOf(cause)}`;
  return new RollguardError('DATABASE_UNAVAILABLE', message, { cause });
}

/** An error without SQLSTATE comes from the socket; classes 08 and 57 are Postgres going away. */
function connectionBroke(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === undefined || (/^(08|57)/.test(state) && state !== statementCancelled);
}
