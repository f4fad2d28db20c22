/**
 * How far behind the platform the Roll Service is, in the predecessor's metric names. A pure observer:
 * the intake tells it each row that it read, once a second it looks at how far the partitions are read.
 * Nothing grows while a hotel is idle: a partition that is read to its end, with a capture that is heard,
 * is not behind, however old its last row. A partition that another instance has now says nothing here.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Gauge, Labels, Metrics } from '../kernel/metrics.ts';
import type { PartitionBacklog, RecordOrigin } from '../streams/index.ts';
import { partitionName } from '../streams/kafka/partition-name.ts';

export interface ConsumerMeterOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** When the capture was last heard of; milliseconds since 1970. */
  readonly heardAtMs: () => number;
  /** First part of the topics that are looked at. */
  readonly topicPrefix: string;
}

/** What was read of one partition. */
interface Reading {
  /** Of the newest row read: when the platform wrote it. */
  eventAtMs: number;
  /** The longest that a row read since the last look had been on its way; undefined: none was read. */
  lagMs: number | undefined;
}

/** The connector beats every few seconds; a beat may be late. */
const heartbeatFreshMs = 30_000;

export class ConsumerMeter {
  readonly #options: ConsumerMeterOptions;
  readonly #lag: Gauge;
  readonly #drift: Gauge;
  readonly #offset: Gauge;
  readonly #eventTimestamp: Gauge;
  readonly #readings = new Map<string, Reading>();
  #shown = new Map<string, Labels>();

  constructor(options: ConsumerMeterOptions) {
    this.#options = options;
    const gauge = (name: string, help: string): Gauge =>
      options.metrics.gauge({ name, help, labels: ['topic', 'partition'] });
    this.#lag = gauge(
      'roll_service_processing_lag_seconds',
      'Longest time from a row written by the platform to it being read here, of the last second.',
    );
    this.#drift = gauge(
      'roll_service_consumer_timestamp_drift_seconds',
      'How far what was read lies behind now; 0 while all is read and the capture is heard of.',
    );
    this.#offset = gauge('roll_service_consumer_offset', 'Offset of the next record to process.');
    this.#eventTimestamp = gauge(
      'roll_service_consumer_event_timestamp',
      'When the platform wrote the newest row read, in seconds since 1970.',
    );
  }

  /** A row was read. @param eventAtMs when the platform wrote it */
  read(origin: RecordOrigin, eventAtMs: number): void {
    const lagMs = Math.max(0, this.#options.clock.nowMs() - eventAtMs);
    const name = partitionName(origin);
    const reading = this.#readings.get(name);
    if (reading === undefined) {
      this.#readings.set(name, { eventAtMs, lagMs });
      return;
    }
    reading.eventAtMs = Math.max(reading.eventAtMs, eventAtMs);
    reading.lagMs = Math.max(reading.lagMs ?? 0, lagMs);
  }

  /** Looks at the partitions that are read here now. */
  look(partitions: readonly PartitionBacklog[]): void {
    const shown = new Map<string, Labels>();
    for (const each of partitions) {
      const { topic, partition, offset } = each;
      if (!topic.startsWith(`${this.#options.topicPrefix}.`) || offset < 0) continue;
      const labels = { topic, partition };
      shown.set(partitionName(each), labels);
      this.#offset.set(offset, labels);
      this.#show(each, labels);
    }
    for (const [name, labels] of this.#shown) {
      if (shown.has(name)) continue;
      for (const gauge of [this.#lag, this.#drift, this.#offset, this.#eventTimestamp]) {
        gauge.remove(labels);
      }
      this.#readings.delete(name);
    }
    this.#shown = shown;
  }

  #show(backlog: PartitionBacklog, labels: Labels): void {
    const { clock, heardAtMs } = this.#options;
    const { offset, stableOffset } = backlog;
    const nowMs = clock.nowMs();
    const reading = this.#readings.get(partitionName(backlog));
    const isReadUp = stableOffset >= 0 && offset >= stableOffset;
    if (reading !== undefined) this.#eventTimestamp.set(reading.eventAtMs / 1_000, labels);
    // Up to the last heartbeat nothing came that is not read.
    const knownAtMs = Math.max(reading?.eventAtMs ?? -Infinity, isReadUp ? heardAtMs() : -Infinity);
    const isIdle = isReadUp && nowMs - heardAtMs() <= heartbeatFreshMs;
    const behindMs = isIdle ? 0 : Math.max(0, nowMs - knownAtMs);
    if (Number.isFinite(behindMs)) this.#drift.set(behindMs / 1_000, labels);
    const lagMs = reading?.lagMs ?? (isReadUp ? 0 : behindMs);
    if (Number.isFinite(lagMs)) this.#lag.set(lagMs / 1_000, labels);
    if (reading !== undefined) reading.lagMs = undefined;
  }
}
