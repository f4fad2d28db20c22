/**
 * How far each tenant has been read, in our own Postgres. A checkpoint moves on only after its rows are
 * acknowledged by Kafka, and only from the state that its writer knows: one who was replaced meanwhile
 * moves nothing. The all-zero tenant's row is where tenants begin that have none.
 *
 * Three things are kept of a tenant, and each is a promise about what is published:
 *
 *   position   every command up to it, in some version
 *   seen       every version that this snapshot sees of commands up to the position, and of their
 *              reservations, if the command was created within the window before the snapshot
 *   swept      every version that this snapshot sees, of reservations without commands as well
 */
import type { Database, Row } from '../database/connection.ts';
import { sqlStateOf, undefinedTable } from '../database/sql-state.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { RowPosition, Seen } from './read-rows.ts';

export const everyTenant = '00000000-0000-0000-0000-000000000000';

export interface Checkpoint {
  readonly tenantId: string;
  readonly position: RowPosition | undefined;
  readonly seen: Seen | undefined;
  /** Without a time: reservations without commands are still to be read. */
  readonly swept: { readonly snapshot: string; readonly at: string | undefined } | undefined;
  /** Undefined: there is no row yet. */
  readonly revision: string | undefined;
}

const table = 'roll_service_backfill_checkpoint';
const columns = `tenant_id, last_event_id, last_event_created_at, updated_at, topic_id, seen_snapshot,
  seen_at, swept_snapshot, swept_at, revision`;

/** Where a tenant's backfill goes on. @throws CONFIG_INVALID without the table. */
export async function loadCheckpoint(
  database: Database,
  tenantId: string,
  topicId: string,
): Promise<Checkpoint> {
  const rows = await select(database, [tenantId, everyTenant]);
  const own = rows.find((row) => row['tenant_id'] === tenantId);
  const isOfTopic = (row: Row): boolean => row['topic_id'] === null || row['topic_id'] === topicId;
  if (own !== undefined && isOfTopic(own)) return checkpointOf(own);
  const start = rows.find((row) => row['tenant_id'] === everyTenant && isOfTopic(row));
  const position = start && checkpointOf(start).position;
  // The row of another topic is written over: nothing of it holds for this one.
  const revision = own && textOf(own, 'revision');
  return { tenantId, position, seen: undefined, swept: undefined, revision };
}

/** All rows, for people. */
export async function listCheckpoints(
  database: Database,
): Promise<
  readonly (Checkpoint & { readonly updatedAt: string; readonly topicId: string | undefined })[]
> {
  const rows = await select(database);
  return rows.map((row) => ({
    ...checkpointOf(row),
    updatedAt: String(row['updated_at']),
    topicId: textOf(row, 'topic_id'),
  }));
}

/**
 * Moves a checkpoint on from the revision that it was loaded with.
 * @returns it, as it is now.
 * @throws PRECONDITION_FAILED when another one has moved it.
 */
export async function saveCheckpoint(
  database: Database,
  checkpoint: Checkpoint,
  topicId: string,
): Promise<Checkpoint> {
  const { tenantId, position, seen, swept, revision } = checkpoint;
  const values = [
    ...[tenantId, position?.eventId, position?.createdAt, topicId],
    ...[seen?.snapshot, seen?.at, swept?.snapshot, swept?.at],
  ];
  const insert = `INSERT INTO ${table} (tenant_id, last_event_id, last_event_created_at, topic_id,
      seen_snapshot, seen_at, swept_snapshot, swept_at, revision)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT DO NOTHING RETURNING revision`;
  const update = `UPDATE ${table} SET last_event_id = $2, last_event_created_at = $3, topic_id = $4,
      seen_snapshot = $5, seen_at = $6, swept_snapshot = $7, swept_at = $8, updated_at = now(),
      revision = revision + 1
    WHERE tenant_id = $1 AND revision = $9 RETURNING revision`;
  const { rows } =
    revision === undefined
      ? await database.query(insert, values)
      : await database.query(update, [...values, revision]);
  const moved = rows[0] && textOf(rows[0], 'revision');
  if (moved !== undefined) return { ...checkpoint, revision: moved };
  const message = `the checkpoint of tenant ${tenantId} was moved by another backfill: this one is not its leader any more`;
  throw new RollguardError('PRECONDITION_FAILED', message);
}

/** @param tenantId undefined: of all, the global start included. @returns the rows taken away. */
export async function resetCheckpoints(
  database: Database,
  tenantId: string | undefined,
): Promise<number> {
  const { rowCount } =
    tenantId === undefined
      ? await database.query(`DELETE FROM ${table}`)
      : await database.query(`DELETE FROM ${table} WHERE tenant_id = $1`, [tenantId]);
  return rowCount;
}

async function select(database: Database, tenantIds?: readonly string[]): Promise<readonly Row[]> {
  const only = tenantIds === undefined ? '' : 'WHERE tenant_id = ANY($1::uuid[])';
  try {
    const values = tenantIds === undefined ? [] : [tenantIds];
    const text = `SELECT ${columns} FROM ${table} ${only} ORDER BY tenant_id`;
    return (await database.query(text, values)).rows;
  } catch (error) {
    if (sqlStateOf(error) !== undefinedTable) throw error;
    const message = `ROLLGUARD_DATABASE_URL has no table ${table}; run \`rollguard database migrate\``;
    throw new RollguardError('CONFIG_INVALID', message, { cause: error });
  }
}

function checkpointOf(row: Row): Checkpoint {
  const [eventId, createdAt] = [textOf(row, 'last_event_id'), textOf(row, 'last_event_created_at')];
  const [seen, seenAt] = [textOf(row, 'seen_snapshot'), textOf(row, 'seen_at')];
  const swept = textOf(row, 'swept_snapshot');
  return {
    tenantId: String(row['tenant_id']),
    position: eventId === undefined || createdAt === undefined ? undefined : { createdAt, eventId },
    seen: seen === undefined || seenAt === undefined ? undefined : { snapshot: seen, at: seenAt },
    swept: swept === undefined ? undefined : { snapshot: swept, at: textOf(row, 'swept_at') },
    revision: String(row['revision']),
  };
}

/** Numbers come as text, since they may be large. */
function textOf(row: Row, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' ? value : undefined;
}
