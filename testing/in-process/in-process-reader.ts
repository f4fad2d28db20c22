/** Reads assigned partitions of the in-process Kafka, committed records only. */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type {
  FetchedPartition,
  PartitionOffset,
  PartitionReader,
  TopicPartition,
} from '../../streams/kafka/port.ts';
import type { InProcessKafka } from '../in-process-kafka.ts';
import type { Send } from './in-process-client.ts';

const recordsPerPollMax = 1_000;
/** A reason of our own: without one every abort makes an exception with its stack. */
const woken = 'woken';

interface Assigned extends TopicPartition {
  offset: number;
  isPaused: boolean;
  /** What the last poll reported, to report only what moved. */
  reported: string;
}

/** What one request brought of one partition, and from where it was asked for. */
interface Fetched {
  readonly assigned: Assigned;
  readonly from: number;
  readonly fetched: FetchedPartition;
}

export class InProcessReader implements PartitionReader {
  readonly #cluster: InProcessKafka;
  readonly #send: Send;
  readonly #assigned = new Map<string, Assigned>();
  #wake = new AbortController();

  constructor(cluster: InProcessKafka, send: Send) {
    this.#cluster = cluster;
    this.#send = send;
  }

  assign(positions: readonly PartitionOffset[]): void {
    for (const { topic, partition, offset } of positions) {
      this.#assigned.set(nameOf({ topic, partition }), {
        topic,
        partition,
        offset,
        isPaused: false,
        reported: '',
      });
    }
  }

  unassign(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.#assigned.delete(nameOf(partition));
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.#setPaused(partitions, false);
  }

  async poll(maxWaitMs: number): Promise<readonly FetchedPartition[]> {
    const deadline = this.#wake;
    const { signal } = deadline;
    const timer = this.#cluster.clock.sleep(maxWaitMs, signal).then(() => deadline.abort(woken));
    let goOn = (): void => undefined;
    const onAbort = (): void => goOn();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        const change = new Promise<void>((resolve) => {
          goOn = resolve;
          this.#cluster.onNextChange(resolve);
        });
        const fetched = this.#accept(await this.#send('Fetch', () => this.#fetch()));
        if (fetched.length > 0 || isAborted(signal)) return fetched;
        await change;
      }
    } finally {
      deadline.abort(woken);
      await timer;
      this.#wake = new AbortController();
    }
  }

  wakeUp(): void {
    this.#wake.abort(woken);
  }

  close(): Promise<void> {
    this.#assigned.clear();
    return Promise.resolve();
  }

  #fetch(): readonly Fetched[] {
    return [...this.#assigned.values()]
      .filter(({ isPaused }) => !isPaused)
      .map((assigned) => ({
        assigned,
        from: assigned.offset,
        fetched: this.#fetchOne(assigned),
      }));
  }

  /** The answer is here: positions move, unless they were moved meanwhile. */
  #accept(answer: readonly Fetched[]): readonly FetchedPartition[] {
    return answer.flatMap(({ assigned, from, fetched }) => {
      const isCurrent = this.#assigned.get(nameOf(assigned)) === assigned;
      if (!isCurrent || assigned.offset !== from || assigned.isPaused) return [];
      assigned.offset = fetched.nextOffset;
      const { nextOffset, highWatermark, lastStableOffset, error } = fetched;
      const report = [nextOffset, highWatermark, lastStableOffset, error?.message].join();
      const isNews = report !== assigned.reported;
      assigned.reported = report;
      return isNews || fetched.records.length > 0 ? [fetched] : [];
    });
  }

  #fetchOne({ topic, partition, offset }: Assigned): FetchedPartition {
    const nothing = { topic, partition, records: [], nextOffset: offset };
    try {
      const log = this.#cluster.log({ topic, partition });
      const { highWatermark, lastStableOffset, startOffset: logStartOffset } = log;
      const marks = { highWatermark, lastStableOffset, logStartOffset };
      if (offset < logStartOffset || offset > highWatermark) {
        const message = `${topic}-${partition} holds ${logStartOffset} to ${highWatermark}, not ${offset}`;
        return { ...nothing, ...marks, error: new RollguardError('OFFSET_OUT_OF_RANGE', message) };
      }
      return { ...nothing, ...marks, ...log.readCommitted(offset, recordsPerPollMax) };
    } catch (error) {
      if (!isRollguardError(error, 'TOPIC_MISSING')) throw error;
      return { ...nothing, highWatermark: 0, lastStableOffset: 0, logStartOffset: 0, error };
    }
  }

  #setPaused(partitions: readonly TopicPartition[], isPaused: boolean): void {
    for (const partition of partitions) {
      const assigned = this.#assigned.get(nameOf(partition));
      if (assigned !== undefined) assigned.isPaused = isPaused;
    }
  }
}

/** A call, since the compiler takes what it saw before an await for what still holds. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
