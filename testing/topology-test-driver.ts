/**
 * Runs a topology without a broker: the same engine, over the in-process Kafka and a manual clock.
 * Pipe records in, advance the time, read what was committed.
 */
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import { silentLogger } from '../kernel/logger.ts';
import { noMetrics, type Metrics } from '../kernel/metrics.ts';
import type { StreamsOptions } from '../streams/streams-config.ts';
import {
  KafkaStreams,
  type FetchedRecord,
  type StoreQuery,
  type StoreView,
  type Topology,
} from '../streams/index.ts';
import { InProcessKafka } from './in-process-kafka.ts';
import { ManualClock } from './manual-clock.ts';

export interface TestDriverOptions {
  readonly topology: Topology;
  /** Topics that are not the engine's own, with their partition counts. */
  readonly topics: Readonly<Record<string, number>>;
  readonly options?: Partial<StreamsOptions>;
  /** A cluster and clock to share with another driver, or to start again on. */
  readonly kafka?: InProcessKafka;
  readonly clock?: ManualClock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  readonly failpoints?: Failpoints;
  /** Keeps state in RocksDB in this folder; by default it is kept in memory. */
  readonly stateDir?: string;
}

export interface PipedRecord {
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  /** By default the clock's time. */
  readonly timestampMs?: number;
  readonly partition?: number;
}

// Longer than a poll, a commit interval and a heartbeat: what was piped has been processed and committed.
const settleMs = 3_000;

export class TopologyTestDriver {
  readonly kafka: InProcessKafka;
  readonly clock: ManualClock;
  readonly streams: KafkaStreams;
  readonly #read = new Map<string, number>();

  private constructor(options: TestDriverOptions) {
    this.clock = options.clock ?? new ManualClock();
    this.kafka = options.kafka ?? new InProcessKafka(this.clock);
    for (const [name, partitionCount] of Object.entries(options.topics)) {
      this.kafka.createTopic({ name, partitionCount, configs: {} });
    }
    this.streams = new KafkaStreams({
      topology: options.topology,
      port: this.kafka.client(),
      options: { applicationId: 'test', ...options.options },
      stateDir: options.stateDir ?? '',
      stateKind: options.stateDir === undefined ? 'memory' : 'rocksdb',
      clock: this.clock,
      logger: options.logger ?? silentLogger,
      metrics: options.metrics ?? noMetrics,
      failpoints: options.failpoints,
    });
  }

  /** Starts and waits until the topology runs. */
  static async start(options: TestDriverOptions): Promise<TopologyTestDriver> {
    const driver = new TopologyTestDriver(options);
    driver.streams.start();
    await driver.advance();
    return driver;
  }

  pipe(
    topic: string,
    { key, value, timestampMs = this.clock.nowMs(), partition }: PipedRecord,
  ): void {
    this.kafka.append(topic, { key: bytesOf(key), value: bytesOf(value), timestampMs }, partition);
  }

  /** Moves the time on; by default far enough for everything piped to be processed and committed. */
  async advance(ms = settleMs): Promise<void> {
    await this.clock.advance(ms);
  }

  /** Records committed to a topic since the last call, partition by partition. */
  read(topic: string): FetchedRecord[] {
    const partitions = this.kafka.topic(topic)?.partitions ?? [];
    return partitions.flatMap((log, partition) => {
      const name = `${topic}-${partition}`;
      const { records, nextOffset } = log.readCommitted(this.#read.get(name) ?? 0, Infinity);
      this.#read.set(name, nextOffset);
      return records;
    });
  }

  store<Store>(query: StoreQuery): StoreView<Store> {
    return this.streams.query<Store>(query);
  }

  async close(): Promise<void> {
    const closed = this.streams.close();
    await this.advance();
    await closed;
  }
}

function bytesOf(value: string | Buffer | null): Buffer | null {
  return typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
}
