/** One look at what captures the platform's tables: a query to its Postgres, and what Connect says. */
import type { ConnectClient, ConnectorOffset } from '../connectors/connect-client.ts';
import { verdictOf, type Verdict } from '../connectors/connector-health.ts';
import type { Database, Row } from '../database/connection.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { CaptureSeen, SlotSeen } from './judge-capture.ts';

export interface CaptureSource {
  /** Undefined: it could not be opened. */
  readonly database: Database | undefined;
  /** Undefined: nobody said where Connect is. */
  readonly connect: ConnectClient | undefined;
  readonly connectorName: string;
  readonly slotName: string;
}

/** Nothing here locks, writes or waits. The timeline is that of the log's end, a checkpoint may be older. */
const text = `
  SELECT s.system_identifier::text AS system, pg_is_in_recovery() AS standby,
         CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_lsn()), 8) END AS timeline,
         (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS kept_mb,
         r.slot_name, r.active, r.wal_status, r.confirmed_flush_lsn::text AS confirmed,
         CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.restart_lsn)::text END AS retained
  FROM pg_control_system() s LEFT JOIN pg_replication_slots r ON r.slot_name = $1`;

const bytesPerMegabyte = 1024 * 1024;

/**
 * The slot first, then what was delivered, then the end of the log: a slot never confirms more than was
 * delivered, unless it is another one; and what was delivered was in the log before.
 * @param heartbeatAgeMs undefined: not known.
 */
export async function observeCapture(
  source: CaptureSource,
  heartbeatAgeMs: number | undefined,
): Promise<CaptureSeen> {
  const server = await askServer(source);
  const { offset, connector } = await askConnect(source);
  const lsn = server === undefined || offset === undefined ? undefined : await askEnd(source);
  return {
    slotName: source.slotName,
    server: server && { ...server, lsn },
    // While the tables are read for the first time the slot is ahead of what is told of it.
    deliveredLsn: offset?.isStreaming === true ? offset.lsn : undefined,
    ...{ connector, heartbeatAgeMs },
  };
}

type Server = NonNullable<CaptureSeen['server']>;

async function askServer({
  database,
  slotName,
}: CaptureSource): Promise<Omit<Server, 'lsn'> | undefined> {
  if (database === undefined) return undefined;
  try {
    const { rows } = await database.query(text, [slotName]);
    return rows[0] === undefined ? undefined : serverIn(rows[0]);
  } catch (error) {
    if (isRollguardError(error, 'DATABASE_UNAVAILABLE')) return undefined;
    throw error;
  }
}

const endText = `SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn()::text END AS lsn`;

async function askEnd({ database }: CaptureSource): Promise<bigint | undefined> {
  try {
    const [row] = (await database?.query(endText))?.rows ?? [];
    return row && lsnOf(textIn(row, 'lsn'));
  } catch (error) {
    if (isRollguardError(error, 'DATABASE_UNAVAILABLE')) return undefined;
    throw error;
  }
}

interface Told {
  readonly offset: ConnectorOffset | undefined;
  readonly connector: Verdict | undefined;
}

async function askConnect({ connect, connectorName }: CaptureSource): Promise<Told> {
  if (connect === undefined) return { offset: undefined, connector: undefined };
  const [offset, connector] = await Promise.all([
    unlessAway(connect.offset(connectorName)),
    unlessAway(connect.status(connectorName).then(verdictOf)),
  ]);
  return { offset, connector };
}

/** Connect that is away says nothing about the slot. */
async function unlessAway<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isRollguardError(error)) return undefined;
    throw error;
  }
}

function serverIn(row: Row): Omit<Server, 'lsn'> {
  const keptMegabytes = Number(row['kept_mb'] ?? -1);
  return {
    system: textIn(row, 'system') ?? '',
    timeline: Number.parseInt(textIn(row, 'timeline') ?? '0', 16),
    isStandby: row['standby'] === true,
    keptBytesMax: keptMegabytes < 0 ? undefined : keptMegabytes * bytesPerMegabyte,
    slot: slotIn(row),
  };
}

function slotIn(row: Row): SlotSeen | undefined {
  if (row['slot_name'] === null) return undefined;
  return {
    isActive: row['active'] === true,
    walStatus: textIn(row, 'wal_status') ?? 'lost',
    confirmedLsn: lsnOf(textIn(row, 'confirmed')),
    retainedBytes: Number(row['retained'] ?? 0),
  };
}

/** Postgres's `X/Y` as a number. */
function lsnOf(text: string | undefined): bigint | undefined {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text ?? '');
  if (match === null) return undefined;
  const [, high = '0', low = '0'] = match;
  return BigInt(`0x${high}`) * 2n ** 32n + BigInt(`0x${low}`);
}

function textIn(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
}
