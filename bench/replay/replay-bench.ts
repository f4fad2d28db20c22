/**
 * The Roll Service on captured rows: first through the whole line from Postgres, then everything once more
 * from Kafka by a new application, multiplied to as many rows as are wanted. Both times the totals must
 * be what the input says.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { readRanges, wholeTopics, type OffsetRange } from '../../streams/kafka/read-ranges.ts';
import type { FetchedRecord, KafkaPort } from '../../streams/kafka/port.ts';
import { compareWithApi } from '../../tools/start/comparison.ts';
import { atMostEvery, describeTotals, runLoad, type OnceResult } from '../../tools/start/once.ts';
import type { ApplicationProcess } from '../../tools/start/application-process.ts';
import { processUsage, type ProcessUsage } from '../../tools/start/process-usage.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import type { Expectation, Workload } from '../../tools/start/workload.ts';
import { benchPort } from '../bench-broker.ts';
import { rounded } from '../measure.ts';
import { untilCommitted, watchCommitted } from '../peers/committed-records.ts';
import { clonedBatches, clonesMax, type PartitionRows } from './cloned-rows.ts';

export interface ReplayOptions {
  /** Of the lifecycle, at least. */
  readonly rows: number;
  /** That share the replay. */
  readonly instances: number;
  readonly workload: Workload;
  readonly system: Omit<SystemOptions, 'settings'>;
}

export interface ReplayReport {
  /** Through Postgres, Debezium and Kafka. */
  readonly captured: OnceResult;
  readonly replayed: {
    readonly instances: number;
    readonly lifecycleRows: number;
    /** With those of `reservations`. */
    readonly rows: number;
    /** From the start of the process until every row had been taken in, to be derived under its reservation. */
    readonly intakeSeconds: number;
    /** Until the totals were right; figures of all instances together. */
    readonly seconds: number;
    readonly lifecycleRowsPerSecond: number;
    readonly rowsPerSecond: number;
    readonly cpuMicrosPerRow: number;
    readonly peakRssMb: number;
  };
}

const applicationSuffix = '-replay';
const applicationId = `roll-service${applicationSuffix}`;
const lifecycleTopic = 'platform.public.reservation_command_lifecycle';
const clonedTopics = [lifecycleTopic, 'platform.public.reservations'];
const batchRecords = 2_000;
const pollMs = 100;
const replayMsMax = 900_000;
const progressMs = 5_000;

export async function runReplayBench(options: ReplayOptions): Promise<ReplayReport> {
  const { workload, system: systemOptions } = options;
  const settings = { ROLLGUARD_SERVICES: 'roll' };
  const system = await startSystem({ ...systemOptions, settings });
  const brokers = system.stack.endpoints.kafkaBrokers.split(',');
  const processes: ApplicationProcess[] = [];
  const port = benchPort(systemOptions, { brokers, clientId: 'replay-bench' });
  try {
    const captured = await runLoad(system, { ...systemOptions, workload });
    await system.application.stop();
    const multiplied = await multiply(port, options);
    processes.push(...startReplay(system, options.instances));
    const replayed = await replay({ brokers, processes }, options, multiplied);
    return { captured, replayed };
  } finally {
    await Promise.all(processes.map((each) => each.stop()));
    await port.close();
    await system.stop();
  }
}

/** How often every captured row is there now, and how many that makes. */
interface Multiplied {
  readonly times: number;
  /** Of the lifecycle. */
  readonly lifecycle: number;
  readonly all: number;
  /** Where all of them are. */
  readonly ranges: readonly OffsetRange[];
}

async function multiply(
  port: KafkaPort,
  { rows, workload, system }: ReplayOptions,
): Promise<Multiplied> {
  const captured = await readRows(port);
  const all = countOf(captured);
  const lifecycle = countOf(captured.filter(({ topic }) => topic === lifecycleTopic));
  const clones = Math.min(clonesMax, Math.max(0, Math.ceil(rows / lifecycle) - 1));
  const kept = new Set(
    workload.expectations.flatMap(({ tenantId, propertyId }) => [tenantId, propertyId]),
  );
  const producer = await port.openPlainProducer();
  for (let clone = 1; clone <= clones; clone += 1) {
    system.progress(`replay: copy ${clone} of ${clones} of ${all} rows`);
    for (const batch of clonedBatches(captured, { clone, kept, size: batchRecords })) {
      system.signal.throwIfAborted();
      await producer.produce([batch]);
    }
  }
  await producer.close();
  const times = clones + 1;
  const ranges = await wholeTopics(port, clonedTopics);
  return { times, lifecycle: lifecycle * times, all: all * times, ranges };
}

async function readRows(port: KafkaPort): Promise<readonly PartitionRows[]> {
  const rows = new Map<string, PartitionRows & { readonly records: FetchedRecord[] }>();
  await readRanges(port, await wholeTopics(port, clonedTopics), (record, { topic, partition }) => {
    const name = `${topic}-${partition}`;
    const known = rows.get(name) ?? { topic, partition, records: [] };
    rows.set(name, known);
    known.records.push(record);
    return true;
  });
  return [...rows.values()];
}

function countOf(rows: readonly PartitionRows[]): number {
  return rows.reduce((sum, { records }) => sum + records.length, 0);
}

interface Parts {
  readonly brokers: readonly string[];
  /** One at least; they were started a moment ago. */
  readonly processes: readonly ApplicationProcess[];
}

async function replay(
  { brokers, processes }: Parts,
  { workload, instances, system: options }: ReplayOptions,
  { times, lifecycle, all, ranges }: Multiplied,
): Promise<ReplayReport['replayed']> {
  const { clock, signal, progress } = options;
  const startedMs = clock.monotonicMs();
  const [application] = processes;
  const tell = atMostEvery(progressMs, clock, progress);
  for (const topic of clonedTopics) {
    // Of all partitions together; the markers of Debezium's transactions are counted too.
    const end = ranges.reduce((sum, each) => sum + (each.topic === topic ? each.to : 0), 0);
    const committed = await watchCommitted(brokers, applicationId, topic);
    await untilCommitted(committed, {
      ...{ records: end, timeoutMs: replayMsMax, context: options },
      assertAlive: () => processes.forEach((each) => each.assertAlive()),
      late: (count) => late(`${topic}: ${count} of ${end} are committed`),
      progress: (count) =>
        tell(`replay: ${Math.floor((100 * count) / end)} % of ${topic} taken in`),
    }).finally(() => committed.close());
  }
  const intakeSeconds = (clock.monotonicMs() - startedMs) / 1_000;
  await application?.ready(signal);
  await untilTotals(application?.url ?? '', { workload, times }, options);
  const seconds = (clock.monotonicMs() - startedMs) / 1_000;
  const usages = processes.map(({ pid }) => processUsage(pid));
  return {
    instances,
    ...{ lifecycleRows: lifecycle, rows: all },
    ...{ intakeSeconds: rounded(intakeSeconds), seconds: rounded(seconds) },
    lifecycleRowsPerSecond: Math.round(lifecycle / seconds),
    rowsPerSecond: Math.round(all / seconds),
    cpuMicrosPerRow: rounded((sumOf(usages, 'cpuSeconds') * 1e6) / all),
    peakRssMb: Math.round(sumOf(usages, 'peakRssMb')),
  };
}

function startReplay(system: System, instances: number): readonly ApplicationProcess[] {
  const settings = { KAFKA_CONSUMER_GROUP_SUFFIX: applicationSuffix };
  system.startApplication(settings);
  const others = Array.from({ length: instances - 1 }, (_, i) =>
    system.startBeside(`instance-${i + 2}`, { ...settings, GRPC_PORT: '0' }),
  );
  return [system.application, ...others];
}

function sumOf(
  usages: readonly (ProcessUsage | undefined)[],
  figure: 'cpuSeconds' | 'peakRssMb',
): number {
  return usages.reduce((sum, usage) => sum + (usage?.[figure] ?? 0), 0);
}

/** What was taken in is derived later. */
export async function untilTotals(
  url: string,
  { workload, times }: { readonly workload: Workload; readonly times: number },
  { clock, signal, progress }: ReplayOptions['system'],
): Promise<void> {
  const multiplied = {
    ...workload,
    expectations: workload.expectations.map((each) => multipliedBy(each, times)),
  };
  const deadlineMs = clock.monotonicMs() + replayMsMax;
  const tell = atMostEvery(progressMs, clock, (line) => progress(`replay: ${line}`));
  for (;;) {
    signal.throwIfAborted();
    const { differences, totals } = await compareWithApi(url, multiplied);
    if (differences.length === 0) return;
    if (clock.monotonicMs() > deadlineMs) throw late(differences.join('; '));
    tell(describeTotals(totals));
    await clock.sleep(pollMs);
  }
}

function multipliedBy(
  { tenantId, propertyId, name, totals }: Expectation,
  times: number,
): Expectation {
  return {
    ...{ tenantId, propertyId, name },
    totals: {
      checkout: totals.checkout * times,
      cancel: totals.cancel * times,
      no_show: totals.no_show * times,
      nights: totals.nights * times,
      revenue_cents: totals.revenue_cents * times,
    },
  };
}

function late(what: string): RollguardError {
  return new RollguardError('CHECK_FAILED', `the replay is not what it must be: ${what}`);
}
