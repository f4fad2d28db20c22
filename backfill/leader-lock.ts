/**
 * One backfill, or one reconciliation, among many instances: whoever holds an advisory lock in our own
 * Postgres. The lock belongs to the session that also moves the checkpoints, so leadership ends with it: when the connection breaks,
 * the process dies, or says nothing for too long (Postgres then ends the session).
 */
import { openDatabase, type Database } from '../database/connection.ts';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';

/** Any numbers that nobody else takes for an advisory lock; the other half is the schema's. */
const lockClasses = { backfill: 7_602_114, reconciliation: 7_602_115 } as const;
/** What there is one leader for. */
export type LedWork = keyof typeof lockClasses;
const lockOfSchema = 'hashtext(current_schema())';
/** A process that stands still, or whose machine is gone, must not lead for long. */
const silenceMaxMs = 60_000;
const signOfLifeMs = 15_000;

/** Being the leader. */
export interface Leadership {
  /** The session that has the lock. */
  readonly database: Database;
  /** @throws DATABASE_UNAVAILABLE when it is over. */
  check(): void;
  /** Gives the lock up. */
  close(): Promise<void>;
}

export interface LeaderInfo {
  readonly applicationName: string;
  /** Undefined: the local machine's socket. */
  readonly address: string | undefined;
  readonly since: string;
}

export interface LeaderOptions {
  /** ROLLGUARD_DATABASE_URL. */
  readonly url: string;
  /** As `pg_stat_activity` and `backfill status` show it. */
  readonly applicationName: string;
  /** By default the backfill. */
  readonly work?: LedWork;
  readonly clock: Clock;
}

const setting = 'ROLLGUARD_DATABASE_URL';

/** @returns undefined while another one leads. @throws DATABASE_UNAVAILABLE */
export async function becomeLeader(options: LeaderOptions): Promise<Leadership | undefined> {
  const { url, applicationName, clock, work = 'backfill' } = options;
  const database = await openDatabase({ url, setting, applicationName });
  const stop = new AbortController();
  const close = async (): Promise<void> => {
    stop.abort();
    await database.close();
  };
  try {
    await database.query(`SET idle_session_timeout = ${silenceMaxMs}`);
    const ask = `SELECT pg_try_advisory_lock($1, ${lockOfSchema}) AS leads`;
    const { rows } = await database.query(ask, [lockClasses[work]]);
    if (rows[0]?.['leads'] !== true) {
      await close();
      return undefined;
    }
  } catch (error) {
    await close();
    throw error;
  }
  void giveSignsOfLife(database, clock, stop.signal);
  return {
    database,
    check: () => {
      if (database.isOpen) return;
      const message = `Postgres (${setting}) ended the leading session: another instance may go on`;
      throw new RollguardError('DATABASE_UNAVAILABLE', message);
    },
    close,
  };
}

/** Who leads now; undefined: nobody. */
export async function currentLeader(
  database: Database,
  work: LedWork = 'backfill',
): Promise<LeaderInfo | undefined> {
  const { rows } = await database.query(
    `SELECT a.application_name, host(a.client_addr) AS address, a.backend_start
     FROM pg_locks k JOIN pg_stat_activity a USING (pid)
     WHERE k.locktype = 'advisory' AND k.granted AND k.classid = $1
       AND k.objid = (${lockOfSchema}::bigint & 4294967295)::oid
       AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [lockClasses[work]],
  );
  const [leader] = rows;
  if (leader === undefined) return undefined;
  const address = leader['address'];
  return {
    applicationName: String(leader['application_name']),
    address: typeof address === 'string' ? address : undefined,
    since: String(leader['backend_start']),
  };
}

export function describeLeader({ applicationName, address, since }: LeaderInfo): string {
  return `${applicationName} (${address ?? 'local'}, since ${since})`;
}

async function giveSignsOfLife(
  database: Database,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const isOver = (): boolean => signal.aborted || !database.isOpen;
  while (!isOver()) {
    await clock.sleep(signOfLifeMs, signal);
    // One that fails closes the database, and `check` tells.
    if (!isOver()) await database.query('SELECT 1').catch(() => undefined);
  }
}
