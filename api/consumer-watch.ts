/** Keeps the consumer meter of the Roll Service looking: a look a second. */
import type { Clock } from '../kernel/clock.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { PartitionBacklog } from '../streams/index.ts';
import type { CaptureHeartbeat } from './capture-heartbeat.ts';
import { ConsumerMeter } from './consumer-meter.ts';

export interface ConsumerWatchOptions {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Of the capture; runs beside it. */
  readonly heartbeat: Pick<CaptureHeartbeat, 'heardAtMs'>;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  /** How far the partitions of this instance are read; none before it runs. */
  readonly backlog: () => readonly PartitionBacklog[];
}

const lookIntervalMs = 1_000;

export class ConsumerWatch {
  readonly meter: ConsumerMeter;
  readonly #options: ConsumerWatchOptions;
  readonly #stop = new AbortController();
  #run: Promise<void> | undefined;

  constructor(options: ConsumerWatchOptions) {
    this.#options = options;
    const { heartbeat } = options;
    this.meter = new ConsumerMeter({ ...options, heardAtMs: () => heartbeat.heardAtMs });
  }

  start(): void {
    this.#run ??= this.#look();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
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
