/** Counts the events of one replay as they are committed: reads a topic from where it ended. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { KafkaPort, PartitionReader } from '../../streams/kafka/port.ts';
import { wholeTopics, type OffsetRange } from '../../streams/kafka/read-ranges.ts';
import { replayIdOf } from '../../topology/roll/replay-header.ts';

export interface ReplayCountOptions {
  readonly topic: string;
  readonly replayId: string;
  readonly clock: Clock;
}

const pollMs = 200;
const untilAtMsMax = 60_000;

export class ReplayCount {
  readonly #reader: PartitionReader;
  readonly #options: ReplayCountOptions;
  readonly #positions: Map<string, number>;
  #isStopped = false;
  events = 0;
  /** Monotonic; 0: there was none. */
  lastEventMs = 0;

  private constructor(
    reader: PartitionReader,
    options: ReplayCountOptions,
    positions: Map<string, number>,
  ) {
    this.#reader = reader;
    this.#options = options;
    this.#positions = positions;
  }

  /** @throws TOPIC_MISSING before the application has been started for the first time. */
  static async open(port: KafkaPort, options: ReplayCountOptions): Promise<ReplayCount> {
    const ranges = await wholeTopics(port, [options.topic]);
    if (ranges.length === 0) {
      const message = `topic ${options.topic} does not exist yet; start the application, which makes it`;
      throw new RollguardError('TOPIC_MISSING', message);
    }
    const reader = port.openReader();
    reader.assign(ranges.map(({ topic, partition, to }) => ({ topic, partition, offset: to })));
    const positions = new Map(ranges.map((range) => [partitionName(range), range.to]));
    return new ReplayCount(reader, options, positions);
  }

  /** Reads until it is stopped. */
  async run(): Promise<void> {
    const { replayId, clock } = this.#options;
    try {
      while (!this.#isStopped) {
        for (const fetched of await this.#reader.poll(pollMs)) {
          if (fetched.error !== undefined) throw fetched.error;
          let found = 0;
          for (const record of fetched.records) if (replayIdOf(record) === replayId) found += 1;
          this.events += found;
          if (found > 0) this.lastEventMs = clock.monotonicMs();
          this.#positions.set(partitionName(fetched), fetched.nextOffset);
        }
      }
    } finally {
      this.#isStopped = true;
      await this.#reader.close();
    }
  }

  stop(): void {
    this.#isStopped = true;
    this.#reader.wakeUp();
  }

  /** Resolves when everything below the ranges' ends is read. @throws KAFKA_TIMEOUT after a minute. */
  async untilAt(ranges: readonly OffsetRange[]): Promise<void> {
    const { clock, topic } = this.#options;
    const deadlineMs = clock.monotonicMs() + untilAtMsMax;
    const isThere = (range: OffsetRange): boolean =>
      (this.#positions.get(partitionName(range)) ?? 0) >= range.to;
    while (!ranges.every(isThere) && !this.#isStopped) {
      if (clock.monotonicMs() > deadlineMs) {
        const message = `${topic} could not be read to its end within ${untilAtMsMax / 1_000} s`;
        throw new RollguardError('KAFKA_TIMEOUT', message);
      }
      await clock.sleep(pollMs / 4);
    }
  }
}
