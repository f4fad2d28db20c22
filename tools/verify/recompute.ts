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
import type { FetchedRecord } from '../../streams/kafka/port.ts';
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

const pollMs = 100;
// With everything there at once, partitions must not run ahead of each other: a business date that
// closes before a departure of the day before is known costs nights that are voided again.
const sliceRecords = 50;
const sliceMs = 50;
const progressEveryRecords = 20_000;

/** @throws what stops the topology. */
export async function recompute(options: RecomputeOptions): Promise<Recomputed> {
  const { applicationId, topology, port, inputs, clock, signal, progress } = options;
  const kafka = new InProcessKafka(clock);
  createTopics(kafka, options);
  let count = 0;
  await readRanges(port, inputs, ({ key, value, timestampMs, headers }, { topic, partition }) => {
    // A copy: a slice would keep all of its fetch in memory.
    const record = { key: copy(key), value: copy(value), timestampMs, headers };
    kafka.append(topic, record, partition);
    count += 1;
    if (count % progressEveryRecords === 0) progress(`verify: ${count} input records read`);
    return !signal.aborted;
  });
  signal.throwIfAborted();
  progress(`verify: ${count} input records read; computing`);
  const streams = new KafkaStreams({
    topology,
    port: kafka.client(),
    options: { applicationId, processRecordsMax: sliceRecords, commitIntervalMs: sliceMs },
    ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
  });
  streams.start();
  const close = (): Promise<void> => streams.close();
  try {
    while (streams.notReady() !== undefined || !isDone(kafka, topology, applicationId)) {
      if (streams.status === 'error') await streams.done();
      signal.throwIfAborted();
      await clock.sleep(pollMs);
    }
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
