/**
 * Commands that flow through the guard from Kafka all the time, and how far its group has committed
 * them, partition by partition: the topic of commands is what a source-fed task reads, the one behind
 * it what a task reads that another task writes to.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { KafkaPort, PlainProducer } from '../../streams/kafka/port.ts';
import { guardInternalTopics } from '../../topology/guard/guard-names.ts';
import { dateOf } from '../guard/side.ts';
import type { RoomType } from '../guard/wishes.ts';
import { watchCommitted, type CommittedRecords } from '../peers/committed-records.ts';

export interface StreamProbeOptions {
  readonly brokers: readonly string[];
  readonly port: KafkaPort;
  readonly applicationId: string;
  /** One for each partition of the guard. */
  readonly types: readonly RoomType[];
  readonly clock: Clock;
}

export type Fed = 'source' | 'repartition';

const commandsTopic = 'commands.primary';
const intervalMs = 50;
/** Nights that nobody else asks for, far ahead. */
const firstNight = 1_000;
const nightsMax = 700;

interface Watched {
  readonly committed: CommittedRecords;
  /** By partition: monotonic times at which more was committed than before. */
  readonly advancedMs: Map<number, number[]>;
  last: ReadonlyMap<number, number>;
}

export class StreamProbe {
  readonly #options: StreamProbeOptions;
  readonly #stop = new AbortController();
  readonly #producer: PlainProducer;
  readonly #watched: Readonly<Record<Fed, Watched>>;
  #running: Promise<unknown> = Promise.resolve();
  #count = 0;

  private constructor(
    options: StreamProbeOptions,
    producer: PlainProducer,
    watched: Readonly<Record<Fed, Watched>>,
  ) {
    this.#options = options;
    this.#producer = producer;
    this.#watched = watched;
  }

  static async start(options: StreamProbeOptions): Promise<StreamProbe> {
    const { brokers, applicationId, port } = options;
    const watch = async (topic: string): Promise<Watched> => ({
      committed: await watchCommitted(brokers, applicationId, topic),
      ...{ advancedMs: new Map<number, number[]>(), last: new Map<number, number>() },
    });
    const probe = new StreamProbe(options, await port.openPlainProducer(), {
      source: await watch(commandsTopic),
      repartition: await watch(`${applicationId}-${guardInternalTopics.commands}`),
    });
    probe.#running = Promise.all([probe.#write(), probe.#watch()]);
    return probe;
  }

  /** The longest time between two moments in which nothing of the partition was committed. */
  longestPauseMs(fed: Fed, partition: number, fromMs: number, toMs: number): number {
    const times = this.#watched[fed].advancedMs.get(partition) ?? [];
    const marks = [fromMs, ...times.filter((at) => at >= fromMs && at <= toMs), toMs];
    return Math.max(...marks.slice(1).map((at, index) => at - (marks[index] ?? at)));
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await this.#producer.close();
    await Promise.all(Object.values(this.#watched).map(({ committed }) => committed.close()));
  }

  /** To each partition a command, of which the guard's partitions take their turns. */
  async #write(): Promise<void> {
    const { types, clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      await this.#producer.produce(
        types.map((_, partition) => ({
          ...{ topic: commandsTopic, partition },
          records: [this.#command(types[(partition + this.#count) % types.length])],
        })),
      );
      this.#count += 1;
      await clock.sleep(intervalMs, this.#stop.signal);
    }
  }

  #command(type: RoomType | undefined): { key: Buffer; value: Buffer; timestampMs: number } {
    const { clock } = this.#options;
    const commandId = `probe-${clock.nowMs()}-${this.#count}-${type?.roomTypeId ?? ''}`;
    const night = firstNight + (this.#count % nightsMax);
    const envelope = {
      metadata: {
        ...{ commandId, commandName: 'inventory.lock.room', tenantId: type?.tenantId },
        ...{ targetService: 'availability-guard-service', issuedAt: clock.nowMs() },
      },
      payload: {
        ...{ roomTypeId: type?.roomTypeId, idempotencyKey: commandId, ttlSeconds: 60 },
        ...{ stayStart: dateOf(night), stayEnd: dateOf(night + 1), reason: 'BENCH' },
      },
    };
    const value = Buffer.from(JSON.stringify(envelope));
    return { key: Buffer.from(commandId), value, timestampMs: clock.nowMs() };
  }

  async #watch(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      for (const watched of Object.values(this.#watched)) {
        const now = await watched.committed.byPartition();
        const atMs = clock.monotonicMs();
        for (const [partition, offset] of now) {
          if (offset <= (watched.last.get(partition) ?? 0)) continue;
          const times = watched.advancedMs.get(partition);
          if (times === undefined) watched.advancedMs.set(partition, [atMs]);
          else times.push(atMs);
        }
        watched.last = now;
      }
      await clock.sleep(intervalMs, this.#stop.signal);
    }
  }
}
