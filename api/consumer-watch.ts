/** Keeps the consumer meter of the Roll Service looking: the heartbeat of the capture, and a look a second. */
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { KafkaPort, PartitionBacklog } from '../streams/index.ts';
import { CaptureHeartbeat } from './capture-heartbeat.ts';
import { ConsumerMeter } from './consumer-meter.ts';

export interface ConsumerWatchOptions {
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  /** How far the partitions of this instance are read; none before it runs. */
  readonly backlog: () => readonly PartitionBacklog[];
}

const lookIntervalMs = 1_000;

export class ConsumerWatch {
  readonly meter: ConsumerMeter;
  readonly #options: ConsumerWatchOptions;
  readonly #heartbeat: CaptureHeartbeat;
  readonly #stop = new AbortController();
  #run: Promise<void> | undefined;

  constructor(options: ConsumerWatchOptions) {
    this.#options = options;
    this.#heartbeat = new CaptureHeartbeat({ ...options, onTurn: () => undefined });
    this.meter = new ConsumerMeter({ ...options, heardAtMs: () => this.#heartbeat.heardAtMs });
  }

  start(): void {
    this.#heartbeat.start();
    this.#run ??= this.#look();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#heartbeat.close(), this.#run]);
  }

  async #look(): Promise<void> {
    const { clock, backlog } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.meter.look(backlog());
      await clock.sleep(lookIntervalMs, signal);
    }
  }
}
