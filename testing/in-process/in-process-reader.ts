/** Reads assigned partitions of the in-process Kafka, committed records only. */
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type {
  FetchedPartition,
  PartitionOffset,
  PartitionReader,
  TopicPartition,
} from '../../streams/kafka/port.ts';
import type { InProcessKafka } from '../in-process-kafka.ts';
import type { Send } from './in-process-client.ts';
import type { PartitionLog } from './partition-log.ts';

const uncancelledMaxMs = 2_000;
/** A reason of our own: without one every abort makes an exception with its stack. */
const over = 'over';

interface Assigned extends TopicPartition {
  offset: number;
  isPaused: boolean;
  /** What the last poll reported, to report only what moved. */
  reported: FetchedPartition | undefined;
  seen: Seen | undefined;
}

/** The log that the last answer was read from, and how often that had changed. */
interface Seen {
  readonly log: PartitionLog | undefined;
  readonly changes: number | undefined;
}

/** What one request brought of one partition, and from where it was asked for. */
interface Fetched {
  readonly assigned: Assigned;
  readonly from: number;
  readonly seen: Seen;
  readonly fetched: FetchedPartition;
}

export class InProcessReader implements PartitionReader {
  readonly #cluster: InProcessKafka;
  readonly #send: Send;
  readonly #assigned = new Map<string, Assigned>();
  /** Somebody woke it while no poll waited. */
  #isWoken = false;
  readonly #wakeNext = (): void => {
    this.#isWoken = true;
  };
  #wake = this.#wakeNext;

  constructor(cluster: InProcessKafka, send: Send) {
    this.#cluster = cluster;
    this.#send = send;
  }

  assign(positions: readonly PartitionOffset[]): void {
    for (const { topic, partition, offset } of positions) {
      this.#assigned.set(partitionName({ topic, partition }), {
        ...{ topic, partition, offset, isPaused: false, reported: undefined, seen: undefined },
      });
    }
  }

  unassign(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assigned.delete(partitionName(partition));
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
  }

  async poll(maxWaitMs: number): Promise<readonly FetchedPartition[]> {
    let isOver = this.#isWoken;
    this.#isWoken = false;
    let goOn = (): void => undefined;
    const end = (): void => {
      isOver = true;
      goOn();
    };
    const waits = (): boolean => !isOver && !this.#hasNews();
    this.#wake = end;
    // A short wait ends by itself, which costs less than to cancel it; too late, it ends nothing.
    const stop = maxWaitMs > uncancelledMaxMs ? new AbortController() : undefined;
    if (!isOver) void this.#cluster.clock.sleep(maxWaitMs, stop?.signal).then(end);
    try {
      for (;;) {
        const fetched = this.#accept(await this.#send('Fetch', () => this.#fetch()));
        if (fetched.length > 0 || isOver) return fetched;
        while (waits()) {
          await new Promise<void>((resolve) => {
            goOn = resolve;
            this.#cluster.onNextChange(resolve);
          });
        }
      }
    } finally {
      this.#wake = this.#wakeNext;
      stop?.abort(over);
    }
  }

  wakeUp(): void {
    this.#wake();
  }

  close(): Promise<void> {
    this.#assigned.clear();
    return Promise.resolve();
  }

  /** There is something that the last answer did not show, as a broker that holds a fetch back knows. */
  #hasNews(): boolean {
    for (const { topic, partition, offset, isPaused, seen } of this.#assigned.values()) {
      const log = this.#cluster.topic(topic)?.partitions[partition];
      const isSeen = seen?.log === log && seen?.changes === log?.changes;
      if (!isPaused && (!isSeen || offset < (log?.lastStableOffset ?? 0))) return true;
    }
    return false;
  }

  #fetch(): readonly Fetched[] {
    const answer: Fetched[] = [];
    for (const assigned of this.#assigned.values()) {
      if (!assigned.isPaused) answer.push(this.#fetchOne(assigned));
    }
    return answer;
  }

  /** The answer is here: positions move, unless they were moved meanwhile. */
  #accept(answer: readonly Fetched[]): readonly FetchedPartition[] {
    const accepted: FetchedPartition[] = [];
    for (const { assigned, from, seen, fetched } of answer) {
      const isCurrent = this.#assigned.get(partitionName(assigned)) === assigned;
      if (!isCurrent || assigned.offset !== from || assigned.isPaused) continue;
      const isNews = fetched.records.length > 0 || hasMoved(assigned.reported, fetched);
      if (isNews) accepted.push(fetched);
      assigned.offset = fetched.nextOffset;
      assigned.reported = fetched;
      assigned.seen = seen;
    }
    return accepted;
  }

  #fetchOne(assigned: Assigned): Fetched {
    const { topic, partition, offset } = assigned;
    const log = this.#cluster.topic(topic)?.partitions[partition];
    const seen = { log, changes: log?.changes };
    const { fetchRecordsMax } = this.#cluster;
    const fetched = fetchedOf({ topic, partition, offset }, log, fetchRecordsMax);
    return { assigned, from: offset, seen, fetched };
  }

  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const assigned = this.#assigned.get(partitionName(partition));
      if (assigned !== undefined) assigned.isPaused = isPaused;
    }
  }
}

function fetchedOf(
  { topic, partition, offset }: PartitionOffset,
  log: PartitionLog | undefined,
  recordsMax: number,
): FetchedPartition {
  const nothing = { topic, partition, records: [], nextOffset: offset };
  if (log === undefined) {
    const error = new RollguardError('TOPIC_MISSING', `${topic}-${partition} does not exist`);
    return { ...nothing, highWatermark: 0, lastStableOffset: 0, logStartOffset: 0, error };
  }
  const { highWatermark, lastStableOffset, startOffset: logStartOffset } = log;
  if (offset < logStartOffset || offset > highWatermark) {
    const message = `${topic}-${partition} holds ${logStartOffset} to ${highWatermark}, not ${offset}`;
    const error = new RollguardError('OFFSET_OUT_OF_RANGE', message);
    return { ...nothing, highWatermark, lastStableOffset, logStartOffset, error };
  }
  const { records, nextOffset } = log.readCommitted(offset, recordsMax);
  const marks = { highWatermark, lastStableOffset, logStartOffset };
  return { topic, partition, records, nextOffset, ...marks };
}

function hasMoved(before: FetchedPartition | undefined, after: FetchedPartition): boolean {
  return (
    before?.nextOffset !== after.nextOffset ||
    before.highWatermark !== after.highWatermark ||
    before.lastStableOffset !== after.lastStableOffset ||
    before.error?.message !== after.error?.message
  );
}
