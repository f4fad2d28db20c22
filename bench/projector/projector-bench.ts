/**
 * The projector alone: ledger events that lie in a topic, into an empty table and then once more over the
 * rows that are there. Kafka and Postgres are the stack's own, on this machine; the table is compared
 * with what was written.
 */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { createLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { ledgerProjection } from '../../projections/ledger-projection.ts';
import { sessionLimits } from '../../projections/projection-session.ts';
import { projectorMetrics } from '../../projections/projector-metrics.ts';
import { Projector } from '../../projections/projector.ts';
import { AvroDecoder } from '../../schemas/avro-decoder.ts';
import { contractText } from '../../schemas/contracts.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { stackDown, stackUp } from '../../tools/stack/stack.ts';
import type { StackState } from '../../tools/stack/stack-state.ts';
import { treeCpuSeconds } from '../../tools/start/process-usage.ts';
import { benchPort, type BenchContext } from '../bench-broker.ts';
import { rounded } from '../measure.ts';
import { firstRateMinor, revisedRateMinor, schemaId, writeRollEvents } from './roll-events.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const topic = 'bench.roll.events';
const groupId = 'bench-projector';
const pollMs = 20;
const stalledMs = 120_000;

export interface ProjectorBenchOptions {
  readonly rows: number;
  readonly partitions: number;
  readonly connections: number;
}

export interface ProjectorRun {
  readonly what: 'first inserts' | 'updates';
  readonly rows: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
  /** CPU seconds by process while it ran. */
  readonly cpuSeconds: { readonly projector: number; readonly postgres: number };
  /** What a whole core of the process that needs more would allow: on a busy machine, the figure to compare. */
  readonly rowsPerCpuSecond: number;
  readonly bound: string;
}

interface Bench {
  readonly stack: StackState;
  readonly port: KafkaPort;
  readonly database: Database;
  readonly options: ProjectorBenchOptions;
  readonly context: BenchContext;
}

/** @throws CHECK_FAILED when the table is not what was written. */
export async function runProjectorBench(
  options: ProjectorBenchOptions,
  context: BenchContext,
): Promise<readonly ProjectorRun[]> {
  const stackOptions = {
    root,
    ...context,
    stateDir: path.join(root, '.rollguard/bench-projector'),
  };
  await stackDown({ ...stackOptions, deleteData: true });
  const stack = await stackUp({ ...stackOptions, parts: ['postgres', 'kafka'] });
  const brokers = stack.endpoints.kafkaBrokers.split(',');
  const port = benchPort(context, { brokers, clientId: 'bench' });
  try {
    const database = await openDatabase(databaseOf(stack));
    await migrate(database);
    const configs = { 'retention.ms': '-1' };
    await port.admin.createTopics([{ name: topic, partitionCount: options.partitions, configs }]);
    const bench = { stack, port, database, options, context };
    return [
      await measured(bench, 'first inserts', firstRateMinor),
      await measured(bench, 'updates', revisedRateMinor),
    ];
  } finally {
    await port.close();
    await stackDown({ ...stackOptions, deleteData: true });
  }
}

async function measured(
  bench: Bench,
  what: ProjectorRun['what'],
  amountMinor: number,
): Promise<ProjectorRun> {
  const { port, options, context, stack } = bench;
  const { rows } = options;
  context.progress(`projector: writing ${rows} events (${what})`);
  const producer = await port.openPlainProducer();
  const to = { topic, partitionCount: options.partitions };
  await writeRollEvents(producer, to, { entries: rows, amountMinor });
  await producer.close();
  const postgres = stack.parts.find(({ name }) => name === 'postgres')?.pid ?? 0;
  const before = { ours: process.cpuUsage(), postgres: treeCpuSeconds(postgres) };
  const startedMs = context.clock.monotonicMs();
  const projector = projectorOf(bench);
  projector.start();
  try {
    await untilApplied(bench, await endsOf(bench));
  } finally {
    await projector.close();
  }
  const seconds = (context.clock.monotonicMs() - startedMs) / 1_000;
  const { user, system } = process.cpuUsage(before.ours);
  const cpuSeconds = {
    projector: rounded((user + system) / 1e6),
    postgres: rounded(treeCpuSeconds(postgres) - before.postgres),
  };
  await check(bench.database, { rows, amountMinor });
  const { projector: ours, postgres: theirs } = cpuSeconds;
  return {
    ...{ what, rows, seconds: rounded(seconds), rowsPerSecond: Math.round(rows / seconds) },
    ...{ cpuSeconds, rowsPerCpuSecond: Math.round(rows / Math.max(ours, theirs)) },
    bound: boundOf(cpuSeconds, seconds),
  };
}

function projectorOf({ port, stack, options, context }: Bench): Projector {
  const registry = {
    schemaById: () => Promise.resolve(contractText('roll.events')),
    register: () => Promise.resolve(schemaId),
  };
  const { clock } = context;
  const decoder = new AvroDecoder(registry);
  return new Projector({
    ...{ groupId, deadLetterTopic: `${groupId}-dlq`, port, clock },
    databaseUrl: stack.endpoints.rollguardDatabaseUrl,
    projections: [ledgerProjection({ topic, decoder, metrics: noMetrics })],
    limits: {
      ...{ ...sessionLimits, connections: options.connections },
      ...{ sessionTimeoutMs: 30_000, heartbeatIntervalMs: 3_000, maxPollIntervalMs: 300_000 },
    },
    logger: createLogger({ level: 'warn', clock, write: context.progress }),
    metrics: projectorMetrics(noMetrics, groupId),
  });
}

async function endsOf({ port, options }: Bench): Promise<number> {
  const partitions = Array.from({ length: options.partitions }, (_, partition) => ({
    ...{ topic, partition },
  }));
  const ends = await port.admin.listOffsets(partitions, 'latest');
  return ends.reduce((sum, { offset }) => sum + offset, 0);
}

async function untilApplied({ database, context }: Bench, end: number): Promise<void> {
  const { clock, signal } = context;
  const deadlineMs = clock.monotonicMs() + stalledMs;
  for (;;) {
    signal.throwIfAborted();
    const { rows } = await database.query(
      'SELECT coalesce(sum(offset_position), 0) AS sum FROM roll_service_consumer_offsets',
    );
    if (Number(rows[0]?.['sum']) >= end) return;
    if (clock.monotonicMs() > deadlineMs) {
      throw new RollguardError('CHECK_FAILED', 'the projector did not come to the end in time');
    }
    await clock.sleep(pollMs, signal);
  }
}

async function check(
  database: Database,
  expected: { readonly rows: number; readonly amountMinor: number },
): Promise<void> {
  const { rows } = await database.query(
    'SELECT count(*) AS count, sum(amount_minor) AS sum FROM roll_service_shadow_ledgers',
  );
  const found = `${String(rows[0]?.['count'])} rows, ${String(rows[0]?.['sum'])} minor units`;
  const wanted = `${expected.rows} rows, ${expected.rows * expected.amountMinor} minor units`;
  if (found === wanted) return;
  throw new RollguardError('CHECK_FAILED', `the table has ${found}, not ${wanted}`);
}

function boundOf({ projector, postgres }: ProjectorRun['cpuSeconds'], seconds: number): string {
  const most = projector > postgres ? 'this process' : 'Postgres';
  const share = Math.round((100 * Math.max(projector, postgres)) / seconds);
  return `${most}: ${share} % of a core`;
}

function databaseOf({ endpoints }: StackState) {
  const url = endpoints.rollguardDatabaseUrl;
  return { url, setting: 'ROLLGUARD_DATABASE_URL', applicationName: 'bench' };
}
