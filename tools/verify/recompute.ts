/**
 * Runs a topology once more over what it has read, beside the real one: the same engine on Kafka in
 * this process, with empty stores. What it ends with is what the real stores should hold.
 */
import type { Clock } from '../../kernel/clock.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { KafkaStreams, type KafkaPort, type Topology } from '../../streams/index.ts';
import { sourceTopics } from '../../streams/internal-topics.ts';
import { readRanges, type OffsetRange } from '../../streams/kafka/read-ranges.ts';
import type { FetchedRecord, TopicPartition } from '../../streams/kafka/port.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';

export interface RecomputeOptions {
  readonly topology: Topology;
  readonly applicationId: string;
  /** Kafka, where the input lies. */
  readonly port: KafkaPort;
  readonly inputs: readonly OffsetRange[];
  /** Topics the topology writes that are not its own, with their partition counts. */
  readonly outputs: Readonly<Record<string, number>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface Recomputed {
  readonly streams: KafkaStreams;
  /** Committed records of an output topic, partition after partition. */
  output(topic: string): readonly FetchedRecord[];
  close(): Promise<void>;
}

interface Input extends TopicPartition {
  readonly record: Pick<FetchedRecord, 'key' | 'value' | 'headers'> & { timestampMs: number };
}

const pollMs = 5;
// With everything there at once, partitions run ahead of each other: a business date that closes before
// a departure of the day before is known costs nights that are voided again. So the input comes in its
// order in time, a slice as soon as the one before is worked off.
const sliceRecords = 2_000;
const commitIntervalMs = 20;
const progressIntervalMs = 5_000;

/** @throws what stops the topology. */
export async function recompute(options: RecomputeOptions): Promise<Recomputed> {
  const { applicationId, topology, clock, signal } = options;
  const inputs = await inputsInTime(options);
  const kafka = new InProcessKafka(clock);
  createTopics(kafka, options);
  const streams = new KafkaStreams({
    topology,
    port: kafka.client(),
    options: { applicationId, commitIntervalMs },
    ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
  });
  streams.start();
  const close = (): Promise<void> => streams.close();
  const workedOff = async (): Promise<void> => {
    while (streams.notReady() !== undefined || !isDone(kafka, topology, applicationId)) {
      if (streams.status === 'error') await streams.done();
      signal.throwIfAborted();
      await clock.sleep(pollMs);
    }
  };
  const report = progressOf(options, inputs.length);
  try {
    for (let from = 0; from < inputs.length; from += sliceRecords) {
      for (const { topic, partition, record } of inputs.slice(from, from + sliceRecords)) {
        kafka.append(topic, record, partition);
      }
      await workedOff();
      report(Math.min(from + sliceRecords, inputs.length));
    }
    await workedOff();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    streams,
    output: (topic) =>
      (kafka.topic(topic)?.partitions ?? []).flatMap(
        (log) => log.readCommitted(0, Infinity).records,
      ),
    close,
  };
}

/** All input by time; the records of one partition keep their order, whatever their timestamps say. */
async function inputsInTime(options: RecomputeOptions): Promise<readonly Input[]> {
  const { port, inputs, signal } = options;
  const total = inputs.reduce((sum, { from, to }) => sum + to - from, 0);
  const report = progressOf(options, total, 'read');
  const latest = new Map<TopicPartition, number>();
  const read: (Input & { readonly timeMs: number })[] = [];
  await readRanges(port, inputs, ({ key, value, timestampMs, headers }, range) => {
    const timeMs = Math.max(timestampMs, latest.get(range) ?? 0);
    latest.set(range, timeMs);
    // A copy: a slice would keep all of its fetch in memory.
    const record = { key: copy(key), value: copy(value), timestampMs, headers };
    read.push({ topic: range.topic, partition: range.partition, timeMs, record });
    report(read.length);
    return !signal.aborted;
  });
  signal.throwIfAborted();
  return read.sort((one, other) => one.timeMs - other.timeMs);
}

function progressOf(
  { clock, progress }: RecomputeOptions,
  total: number,
  what = 'computed',
): (count: number) => void {
  let lastMs = clock.nowMs();
  return (count) => {
    if (count < total && clock.nowMs() - lastMs < progressIntervalMs) return;
    lastMs = clock.nowMs();
    progress(`verify: ${count} of ${total} input records ${what}`);
  };
}

function createTopics(kafka: InProcessKafka, { inputs, outputs }: RecomputeOptions): void {
  const counts = new Map(Object.entries(outputs));
  for (const { topic, partition } of inputs) {
    counts.set(topic, Math.max(counts.get(topic) ?? 0, partition + 1));
  }
  for (const [name, partitionCount] of counts) {
    // What was large enough for Kafka must not be too large here.
    kafka.createTopic({ name, partitionCount, configs: { 'max.message.bytes': '104857600' } });
  }
}

/** Every source of every task is read and committed to its end: nothing is under way. */
function isDone(kafka: InProcessKafka, topology: Topology, applicationId: string): boolean {
  const group = kafka.group(applicationId);
  return topology.subTopologies
    .flatMap((subTopology) => sourceTopics(subTopology, applicationId))
    .every((topic) =>
      (kafka.topic(topic)?.partitions ?? []).every((log, partition) => {
        const committed = group.stableOffsets([{ topic, partition }]);
        if (committed === undefined || log.lastStableOffset < log.highWatermark) return false;
        return log.readCommitted(committed[0]?.offset ?? 0, 1).records.length === 0;
      }),
    );
}

function copy(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes);
}
