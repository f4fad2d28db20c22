/** The connector's replication slot as Postgres sees it: how much WAL it holds back, and its end. */
import pg from 'pg';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';

const timeoutMs = 3_000;
const undefinedObject = '42704';
const freeAttempts = 20;
const freePauseMs = 500;

export interface SlotStatus {
  /** A connection reads from it. */
  readonly active: boolean;
  /** WAL written and not confirmed by the connector, bytes. */
  readonly lagBytes: number;
  /** WAL that the server keeps for the slot, bytes. */
  readonly retainedBytes: number;
  /** reserved, extended, unreserved or lost. */
  readonly walStatus: string;
}

/** Undefined: there is no such slot. @throws DATABASE_UNAVAILABLE */
export function readSlot(databaseUrl: string, slot: string): Promise<SlotStatus | undefined> {
  return onDatabase(databaseUrl, async (client) => {
    const { rows } = await client.query<{
      active: boolean;
      lag: string | null;
      retained: string | null;
      wal_status: string | null;
    }>(
      `SELECT active, wal_status,
              pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)::text AS lag,
              pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::text AS retained
       FROM pg_replication_slots WHERE slot_name = $1`,
      [slot],
    );
    const [row] = rows;
    return (
      row && {
        active: row.active,
        lagBytes: Number(row.lag ?? 0),
        retainedBytes: Number(row.retained ?? 0),
        walStatus: row.wal_status ?? 'lost',
      }
    );
  });
}

/**
 * Drops the slot; one that is not there is fine. Changes since its position are lost to capture.
 * @throws DATABASE_UNAVAILABLE, also while a connection still reads from it.
 */
export function dropSlot(adminDatabaseUrl: string, slot: string): Promise<void> {
  return onDatabase(adminDatabaseUrl, async (client) => {
    try {
      await client.query('SELECT pg_drop_replication_slot($1)', [slot]);
    } catch (error) {
      if ((error as { code?: string }).code !== undefinedObject) throw error;
    }
  });
}

/** The same, once the connection of a task that ends has let it go: that takes a moment. */
export async function dropSlotWhenFree(
  adminDatabaseUrl: string,
  slot: string,
  clock: Clock,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await dropSlot(adminDatabaseUrl, slot);
      return;
    } catch (error) {
      if (attempt === freeAttempts || !isRollguardError(error, 'DATABASE_UNAVAILABLE')) throw error;
      await clock.sleep(freePauseMs);
    }
  }
}

async function onDatabase<Result>(
  connectionString: string,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: timeoutMs,
    statement_timeout: timeoutMs,
    application_name: 'rollguard connectors',
  });
  // A connection that breaks while idle emits 'error'; the next query reports it.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } catch (error) {
    const message = `the platform's Postgres does not answer as it should: ${messageOf(error)}`;
    throw new RollguardError('DATABASE_UNAVAILABLE', message, { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}
