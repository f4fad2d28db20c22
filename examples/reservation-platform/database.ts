/**
 * One connection to the platform's Postgres, with transactions. A connection that fails or breaks is
 * DATABASE_UNAVAILABLE; errors of statements pass through with their SQLSTATE.
 */
import pg from 'pg';
import { sqlStateOf } from '../../database/sql-state.ts';
import { RollguardError, messageOf } from '../../kernel/errors.ts';

const connectionTimeoutMs = 10_000;

export interface QueryResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** Rows inserted, updated or deleted. */
  readonly rowCount: number;
}

export interface PlatformDatabase {
  /** Queries are sent at once and answered in their order; nobody has to wait between them. */
  query(text: string, values?: readonly unknown[]): Promise<QueryResult>;
  /** Runs `work` between BEGIN and COMMIT, or ROLLBACK when it throws. Not for nesting. */
  transaction<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export async function connectPlatformDatabase(databaseUrl: string): Promise<PlatformDatabase> {
  const settings = {
    connectionString: databaseUrl,
    connectionTimeoutMillis: connectionTimeoutMs,
    application_name: 'reservation-platform',
    pipeline: true,
  };
  const client = new pg.Client(settings);
  try {
    await client.connect();
  } catch (error) {
    throw unavailable(error);
  }
  // A connection that breaks while idle emits 'error'; the next query reports it.
  client.on('error', () => undefined);

  const query: PlatformDatabase['query'] = async (text, values = []) => {
    try {
      const result = await client.query<Record<string, unknown>>({ text, values: [...values] });
      return { rows: result.rows, rowCount: result.rowCount ?? 0 };
    } catch (error) {
      throw connectionBroke(error) ? unavailable(error) : error;
    }
  };
  return {
    query,
    transaction: async (work) => {
      await query('BEGIN');
      try {
        const result = await work();
        await query('COMMIT');
        return result;
      } catch (error) {
        await query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    },
    close: () => client.end(),
  };
}

function unavailable(cause: unknown): RollguardError {
  const message = `the platform's Postgres (PLATFORM_DATABASE_URL) does not answer: ${messageOf(cause)}; is the stack up?`;
  return new RollguardError('DATABASE_UNAVAILABLE', message, { cause });
}

/** An error without SQLSTATE comes from the socket; classes 08 and 57 are Postgres going away. */
function connectionBroke(error: unknown): boolean {
  return /^(08|57)/.test(sqlStateOf(error) ?? '08');
}
