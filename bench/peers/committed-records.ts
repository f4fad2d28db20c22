/**
 * How many input records an application has committed, from outside and for every side alike: its group's
 * offsets. Through kafkajs, whose request does not wait for transactions that are being committed.
 */
import kafkajs from 'kafkajs';
import type { BenchContext } from '../bench-broker.ts';

const { Kafka, KafkaJSError, logLevel } = kafkajs;

export interface CommittedRecords {
  count(): Promise<number>;
  /** Offsets by partition; what they were before while the coordinator moves. */
  byPartition(): Promise<ReadonlyMap<number, number>>;
  close(): Promise<void>;
}

export async function watchCommitted(
  brokers: readonly string[],
  groupId: string,
  topic: string,
): Promise<CommittedRecords> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'watch', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  let known: ReadonlyMap<number, number> = new Map();
  const ask = async (): Promise<ReadonlyMap<number, number>> => {
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
    // −1: nothing committed yet.
    return new Map(
      (offsets?.partitions ?? []).map(({ partition, offset }) => [
        partition,
        Math.max(0, Number(offset)),
      ]),
    );
  };
  const byPartition = async (): Promise<ReadonlyMap<number, number>> => {
    try {
      known = await ask();
    } catch (error) {
      // The coordinator is still loading, or moves.
      if (!(error instanceof KafkaJSError && error.retriable)) throw error;
    }
    return known;
  };
  return {
    byPartition,
    count: async () => [...(await byPartition()).values()].reduce((sum, count) => sum + count, 0),
    close: () => admin.disconnect(),
  };
}

export interface CommittedWait {
  readonly records: number;
  readonly timeoutMs: number;
  readonly context: Pick<BenchContext, 'clock' | 'signal'>;
  /** Throws when nobody is left who could commit. */
  readonly assertAlive: () => void;
  readonly late: (count: number) => Error;
  readonly progress?: (count: number) => void;
}

const pollIntervalMs = 50;

/** Once so many are committed. @throws what `late` makes when they are not in time. */
export async function untilCommitted(
  committed: CommittedRecords,
  { records, timeoutMs, context, assertAlive, late, progress }: CommittedWait,
): Promise<void> {
  const { clock, signal } = context;
  const deadlineMs = clock.monotonicMs() + timeoutMs;
  for (;;) {
    const count = await committed.count();
    if (count >= records) return;
    signal.throwIfAborted();
    assertAlive();
    if (clock.monotonicMs() > deadlineMs) throw late(count);
    progress?.(count);
    await clock.sleep(pollIntervalMs);
  }
}
