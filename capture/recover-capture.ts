/**
 * Closes a gap in the capture: slot and publication are made anew, every captured table is read again under
 * one snapshot by the connector itself, and rows that are gone are deleted by hand in its topics. So whoever
 * reads the topics sees what is so, by the way it always does.
 *
 *   begun ▸ connector stopped ▸ offsets and slot dropped ▸ new epoch ▸ connector runs: slot, snapshot, stream
 *         ▸ stopped again ▸ deletions written ▸ runs ▸ recovered
 *
 * The connector makes the slot and exports the snapshot it reads in one step: what commits later is streamed.
 * Killed anywhere, it is run again from the beginning, under the next epoch: everything of that one is newer
 * than all before, deletions included. Until "recovered" is in the capture's log the gap stays told.
 */
import type { ConnectClient } from '../connectors/connect-client.ts';
import { traceSummary, verdictOf } from '../connectors/connector-health.ts';
import {
  deployedEpoch,
  toConnect,
  type DebeziumPostgres,
} from '../connectors/debezium-postgres.ts';
import { stopConnector } from '../connectors/delete-connector.ts';
import { prepareDatabase } from '../connectors/prepare-database.ts';
import { applyConnectors } from '../connectors/reconcile.ts';
import { dropSlotWhenFree } from '../connectors/replication-slot.ts';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import { DebeziumEditor } from '../schemas/debezium-editor.ts';
import type { SchemaRegistryPort } from '../schemas/registry.ts';
import type { KafkaPort } from '../streams/index.ts';
import { wholeTopics } from '../streams/kafka/read-ranges.ts';
import { CaptureLog } from './capture-log.ts';
import type { CaptureStanding, DatabaseIdentity } from './capture-standing.ts';
import { deleteLostRows } from './delete-lost-rows.ts';
import { readIdentity } from './read-identity.ts';
import { TableFold, type TableDifference } from './table-fold.ts';

export interface RecoverOptions {
  readonly client: ConnectClient;
  /** As it is wanted; its epoch is given here. */
  readonly connector: DebeziumPostgres;
  /** A superuser on the platform's Postgres. */
  readonly adminDatabaseUrl: string;
  readonly port: KafkaPort;
  readonly registry: SchemaRegistryPort;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
  /** How long the reading of all tables may take. */
  readonly waitTimeoutMs: number;
  /** True: however many rows of a table are gone. */
  readonly allowDeletions: boolean;
}

export interface RecoveredTable extends TableDifference {
  readonly table: string;
}

export interface RecoverReport extends DatabaseIdentity {
  readonly epoch: number;
  /** What the gap had kept from capture. */
  readonly tables: readonly RecoveredTable[];
  readonly seconds: number;
}

/** What a recovery works with. */
interface Recovery extends RecoverOptions {
  readonly log: CaptureLog;
  readonly editor: DebeziumEditor;
  readonly epoch: number;
  /** Of the last reading that is complete. */
  readonly epochBefore: number;
}

const stopTimeoutMs = 60_000;
const pollIntervalMs = 250;
/** A reading that was begun twice cannot tell all that was deleted: it is done again. */
const readingsMax = 3;
/** More than half of a table, and so many rows, is more likely another database than deletions. */
const deletionsUnasked = 100;

/**
 * @throws CONNECTOR_FAILED, DATABASE_UNAVAILABLE, CONNECT_UNAVAILABLE and the like: run it again;
 * ILLEGAL_STATE when another recovery has begun meanwhile, or more is gone than may be without being asked.
 */
export async function recoverCapture(options: RecoverOptions): Promise<RecoverReport> {
  const { clock, progress, port, connector } = options;
  const startedMs = clock.monotonicMs();
  const log = new CaptureLog(port, connector.topicPrefix);
  const editor = new DebeziumEditor(options.registry);
  for (let reading = 1; ; reading += 1) {
    const standing = await log.read();
    const deployed = deployedEpoch(await options.client.config(connector.name));
    const epoch = Math.max(standing.lastEpoch, deployed) + 1;
    await log.append({ type: 'recovering', epoch, atMs: clock.nowMs() });
    const recovery = { ...options, log, editor, epoch, epochBefore: standing.epoch };
    const identity = await readAnew(recovery);
    const folds = await foldTables(recovery);
    const lsns = new Set(folds.flatMap(({ fold }) => [...fold.readingLsns]));
    if (lsns.size <= 1 || reading === readingsMax) {
      if (lsns.size > 1) throw interrupted();
      const [lsn = 0n] = lsns;
      const tables = await deleteLost(recovery, folds, lsn);
      await run(recovery);
      await finish(recovery, identity);
      const seconds = Math.round(clock.monotonicMs() - startedMs) / 1_000;
      return { ...identity, epoch, tables, seconds };
    }
    progress('recover: the reading of the tables was interrupted and begun anew: once more');
  }
}

/** Who is followed now, and what was missed; for a look before. */
export async function readStanding(port: KafkaPort, topicPrefix: string): Promise<CaptureStanding> {
  return new CaptureLog(port, topicPrefix).read();
}

/** From the stop of the connector until it has read all tables; it stands still then. */
async function readAnew(recovery: Recovery): Promise<DatabaseIdentity> {
  const { client, connector, adminDatabaseUrl, clock, progress, epoch } = recovery;
  const { name, slot, publication, tables, database } = connector;
  const identity = await readIdentity(adminDatabaseUrl);
  progress(`recover: stopping ${name}`);
  // Connect keeps the offsets of one that was deleted, and lets go only of those that it has.
  if ((await client.config(name)) === undefined) {
    await client.createStopped(toConnect({ ...connector, epoch }));
  }
  await stopConnector({ client, name, clock, waitTimeoutMs: stopTimeoutMs });
  await client.deleteOffsets(name);
  await prepareDatabase({ user: database.user, tables, publication, adminDatabaseUrl });
  await dropSlotWhenFree(adminDatabaseUrl, slot, clock);
  progress(`recover: reading ${tables.length} tables anew, as reading ${epoch}`);
  await assertLatest(recovery);
  await run(recovery);
  await untilStreaming(recovery);
  await stopConnector({ client, name, clock, waitTimeoutMs: stopTimeoutMs });
  return identity;
}

/** With the configuration of this epoch, whatever it was. */
async function run(recovery: Recovery): Promise<void> {
  const { client, connector, clock, signal, epoch } = recovery;
  const definition = toConnect({ ...connector, snapshot: 'initial', epoch });
  await client.putConfig(definition);
  await client.resume(definition.name);
  await applyConnectors({
    ...{ client, clock, signal, connectors: [definition], waitTimeoutMs: stopTimeoutMs },
    wasResumed: true,
  });
}

async function untilStreaming(recovery: Recovery): Promise<void> {
  const { client, connector, clock, signal, waitTimeoutMs } = recovery;
  const { name } = connector;
  const deadlineMs = clock.monotonicMs() + waitTimeoutMs;
  for (;;) {
    signal.throwIfAborted();
    const offset = await client.offset(name);
    if (offset?.isStreaming === true && offset.lsn !== undefined) return;
    const status = await client.status(name);
    if (verdictOf(status) === 'failed') {
      const traces = (status?.tasks ?? []).flatMap(({ trace = '' }) => traceSummary(trace));
      const message = `connector ${name} FAILED while it read the tables:\n  ${traces.join('\n  ')}`;
      throw new RollguardError('CONNECTOR_FAILED', message);
    }
    if (clock.monotonicMs() > deadlineMs) {
      const message = `connector ${name} has not read all tables within ${waitTimeoutMs / 1_000} s; run the recovery again with a longer --wait-timeout`;
      throw new RollguardError('CONNECTOR_FAILED', message);
    }
    await clock.sleep(pollIntervalMs, signal);
  }
}

interface FoldedTable {
  readonly table: string;
  readonly topic: string;
  readonly fold: TableFold;
}

async function foldTables(recovery: Recovery): Promise<readonly FoldedTable[]> {
  const { connector, port, editor, epoch, epochBefore, progress, signal } = recovery;
  const folded: FoldedTable[] = [];
  for (const table of connector.tables) {
    signal.throwIfAborted();
    const topic = `${connector.topicPrefix}.${table}`;
    const fold = new TableFold({ topic, epoch, epochBefore });
    await fold.readAll(port, editor, await wholeTopics(port, [topic]));
    progress(`recover: ${table}: ${describe(fold.difference())}`);
    folded.push({ table, topic, fold });
  }
  return folded;
}

async function deleteLost(
  recovery: Recovery,
  folds: readonly FoldedTable[],
  lsn: bigint,
): Promise<readonly RecoveredTable[]> {
  const { port, editor, epoch, clock, allowDeletions } = recovery;
  if (!allowDeletions) for (const folded of folds) assertFewDeletions(folded);
  await assertLatest(recovery);
  const seen = { lsn, atMs: clock.nowMs() };
  const producer = await port.openPlainProducer();
  try {
    for (const { topic, fold } of folds) {
      await deleteLostRows({ port, producer, editor, topic, epoch, rows: fold.lostRows(), seen });
    }
  } finally {
    await producer.close();
  }
  return folds.map(({ table, fold }) => ({ table, ...fold.difference() }));
}

function assertFewDeletions({ table, fold }: FoldedTable): void {
  const { rows, deleted } = fold.difference();
  if (deleted <= deletionsUnasked || deleted <= rows) return;
  const message = `${deleted} rows of ${table} are not in the database any more, ${rows} are: is it the right one? If so, run the recovery with --allow-deletions; until then the connector stands still`;
  throw new RollguardError('ILLEGAL_STATE', message);
}

/** Another server that took over meanwhile would be followed unseen. */
async function finish(recovery: Recovery, read: DatabaseIdentity): Promise<void> {
  const { log, epoch, clock, adminDatabaseUrl } = recovery;
  const now = await readIdentity(adminDatabaseUrl);
  if (now.system !== read.system || now.timeline !== read.timeline) {
    const message = 'another server took over while the tables were read: run the recovery again';
    throw new RollguardError('ILLEGAL_STATE', message);
  }
  await assertLatest(recovery);
  await log.append({ type: 'recovered', epoch, atMs: clock.nowMs(), ...read });
}

async function assertLatest({ log, epoch }: Recovery): Promise<void> {
  if ((await log.read()).lastEpoch === epoch) return;
  const message = 'another recovery of this capture has begun meanwhile: leave it to that one';
  throw new RollguardError('ILLEGAL_STATE', message);
}

function interrupted(): RollguardError {
  return new RollguardError(
    'CONNECTOR_FAILED',
    `the reading of the tables was interrupted ${readingsMax} times; see the Connect worker's log, and run the recovery again`,
  );
}

function describe({ rows, inserted, changed, deleted }: TableDifference): string {
  return `${rows} rows, ${inserted} new, ${changed} changed, ${deleted} gone`;
}
