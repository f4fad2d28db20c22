/** A Roll Service of a test's own on the shared stack, with events and tables of its own, and its replays as processes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { KafkaStreams } from '../../streams/index.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { rollQueries } from '../../topology/roll/roll-queries.ts';
import type { ReplayReport } from '../../tools/replay-offsets/replay-offsets.ts';
import { rollService } from '../../tools/replay-offsets/roll/roll-of-settings.ts';
import type { Expectation } from '../../tools/start/workload.ts';
import { committedOffsets } from '../../streams/kafka/committed-offsets.ts';
import type { StackState } from '../../tools/stack/stack-state.ts';
import { projectorFor } from './projected.ts';
import { testSchema } from './test-schema.ts';
import { root } from './test-system.ts';

export interface EndedReplay {
  readonly exitCode: number | null;
  readonly err: string;
  /** Undefined: it printed none. */
  readonly report: ReplayReport | undefined;
}

export interface RunningReplay {
  readonly process: ChildProcess;
  readonly ended: Promise<EndedReplay>;
}

export interface ReplayedRoll {
  readonly applicationId: string;
  readonly eventsTopic: string;
  /** What its processes are started with. */
  readonly settings: Readonly<Record<string, string>>;
  /** Runs it until the totals are right and the tables have every event; then it is stopped. */
  liveUntilRight(expected: Wanted): Promise<void>;
  /** `replay offsets` of it, as a process. */
  replay(...args: readonly string[]): RunningReplay;
  /** Where its topics end, of all that is kept. */
  keptEnds(): Promise<readonly number[]>;
  /** Rows of the table, in order, with when they were written. */
  table(): Promise<readonly unknown[]>;
  close(): Promise<void>;
}

export interface Wanted {
  readonly from: string;
  readonly to: string;
  readonly expectations: readonly Expectation[];
}

const waitMs = 90_000;
const eventPartitions = 3;

export async function replayedRoll(
  { endpoints }: StackState,
  port: KafkaPort,
  name: string,
): Promise<ReplayedRoll> {
  const stateDir = mkdtempSync(path.join(tmpdir(), 'replayed-roll-'));
  const suffix = `-${name}-${process.pid}-${systemClock.nowMs()}`;
  const databaseUrl = await testSchema(name);
  const settings = {
    KAFKA_BROKERS: endpoints.kafkaBrokers,
    SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
    KAFKA_CONSUMER_GROUP_SUFFIX: suffix,
    ROLLGUARD_STATE_DIR: stateDir,
  };
  const eventsTopic = `roll-service${suffix}.events`;
  await port.admin.createTopics([
    { name: eventsTopic, partitionCount: eventPartitions, configs: {} },
  ]);
  const application = await rollService(parseSettings(settings), {
    ...{ port, clock: systemClock, eventsTopic },
  });
  const { applicationId, topology } = application;
  const database = await openDatabase({
    ...{ url: databaseUrl, setting: 'X', applicationName: 'test' },
  });
  await migrate(database);
  return {
    ...{ applicationId, eventsTopic, settings },
    liveUntilRight: async (wanted) => {
      const streams = new KafkaStreams({
        ...{ topology, port, stateDir, stateKind: 'rocksdb', clock: systemClock },
        ...{ logger: silentLogger, metrics: noMetrics },
        options: { applicationId, commitIntervalMs: 100 },
      });
      const registry = createRegistryClient({
        ...{ url: endpoints.schemaRegistryUrl, clock: systemClock },
      });
      const projector = projectorFor({
        ...{ topic: eventsTopic, registry, port, databaseUrl, metrics: noMetrics },
      });
      streams.start();
      projector.start();
      await until(() => isRight(streams, wanted));
      await until(() => isIdle(streams));
      await until(() => isProjected(port, eventsTopic));
      await streams.close();
      await projector.close();
    },
    replay: (...args) => {
      const command = [
        ...['replay', 'offsets', '--application', 'roll-service', '--events-topic', eventsTopic],
        ...[...args, '--json'],
      ];
      return started(command, settings);
    },
    keptEnds: async () => {
      const kept = ['ticks', 'closed-dates', 'backfill', 'dlq'].map(
        (each) => `${applicationId}-${each}`,
      );
      return (await wholeTopics(port, [eventsTopic, ...kept])).map(({ to }) => to);
    },
    table: () => rowsOf(database),
    close: async () => {
      await database.close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

function started(
  args: readonly string[],
  settings: Readonly<Record<string, string>>,
): RunningReplay {
  const child = spawn(process.execPath, [path.join(root, 'tools/rollguard.mjs'), ...args], {
    ...{ cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
    env: { ...process.env, ...settings },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (text: Buffer) => (out += text.toString()));
  child.stderr.on('data', (text: Buffer) => (err += text.toString()));
  const ended = new Promise<EndedReplay>((resolve) => {
    child.once('close', (exitCode) => {
      const report = out === '' ? undefined : (JSON.parse(out) as ReplayReport);
      resolve({ exitCode, err, report });
    });
  });
  return { process: child, ended };
}

async function isRight(streams: KafkaStreams, wanted: Wanted): Promise<boolean> {
  if (streams.status === 'error') throw streams.error as Error;
  if (streams.notReady() !== undefined) return false;
  const { from, to, expectations } = wanted;
  for (const { tenantId, propertyId, totals } of expectations) {
    const { days } = await rollQueries(streams).property({ tenantId, propertyId, from, to });
    const sum = (pick: (day: (typeof days)[number]) => number): number =>
      days.reduce((total, day) => total + pick(day), 0);
    const isSame =
      sum((day) => day.roomsSold) === totals.nights &&
      sum((day) => day.departures) === totals.checkout &&
      sum((day) => day.cancellations) === totals.cancel &&
      sum((day) => day.noShows) === totals.no_show;
    if (!isSame) return false;
  }
  return true;
}

/** Nothing waits between the sub-topologies, three times in a row. */
async function isIdle(streams: KafkaStreams): Promise<boolean> {
  for (let look = 0; look < 3; look += 1) {
    if (streams.tasks().some(({ lag }) => lag > 0)) return false;
    await systemClock.sleep(300);
  }
  return true;
}

async function isProjected(port: KafkaPort, topic: string): Promise<boolean> {
  const ends = await wholeTopics(port, [topic]);
  const committed = await committedOffsets(port, `${topic}-projector`, ends);
  return ends.every((range) => committed(range) >= range.to);
}

async function rowsOf(database: Database): Promise<readonly unknown[]> {
  const { rows } = await database.query(
    'SELECT * FROM reservation_ledger_shadow ORDER BY ledger_id',
  );
  return rows;
}

export async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + waitMs;
  while (!(await condition())) {
    if (systemClock.monotonicMs() > deadlineMs) throw new Error('it does not come true');
    await systemClock.sleep(200);
  }
}
