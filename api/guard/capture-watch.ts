/**
 * Whether the platform's changes are still heard of. While they are not, a hold whose reservation was
 * sold long ago looks as if nobody had wanted it: so nothing expires then. Heard is the heartbeat that
 * goes through Postgres' log, the connector and Kafka, as every change does.
 */
import { heartbeatMessageTopic, heartbeatTopic } from '../../connectors/debezium-topics.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Gauge, Metrics } from '../../kernel/metrics.ts';
import type { KafkaPort } from '../../streams/index.ts';

export interface CaptureWatchOptions {
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  /** GUARD_EXPIRY_MAX_CDC_LAG_SECONDS; 0: it is not asked for. */
  readonly maxLagSeconds: number;
}

const pollMs = 1_000;
const retryMs = 2_000;
/** Transaction markers lie between the records. */
const tailOffsets = 20;

export class CaptureWatch {
  readonly #options: CaptureWatchOptions;
  readonly #silent: Gauge;
  readonly #stop = new AbortController();
  #heardAtMs = -Infinity;
  #wasSilent = false;
  #run: Promise<void> | undefined;

  constructor(options: CaptureWatchOptions) {
    this.#options = options;
    this.#silent = options.metrics.gauge({
      name: 'availability_guard_capture_silent',
      help: "1 while the platform's changes are not heard of: no hold expires then.",
      labels: [],
    });
  }

  start(): void {
    if (this.#options.maxLagSeconds > 0) this.#run ??= this.#listen();
  }

  /** True also until something is heard for the first time. */
  isSilent(): boolean {
    const { clock, maxLagSeconds } = this.#options;
    return maxLagSeconds > 0 && clock.nowMs() - this.#heardAtMs > maxLagSeconds * 1_000;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  async #listen(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#follow(signal);
      } catch (error) {
        logger.debug('the heartbeats of the capture cannot be read', { error });
      }
      this.#tell();
      await clock.sleep(retryMs, signal);
    }
  }

  /** Reads on until it is stopped, or the topic is not there (yet). */
  async #follow(signal: AbortSignal): Promise<void> {
    const { port, topicPrefix } = this.#options;
    const names = [heartbeatMessageTopic(topicPrefix), heartbeatTopic(topicPrefix)];
    const found = await port.admin.describeTopics(names);
    // That of the connector alone is second best: it beats while the database's log stands still.
    const topic = names.find((name) => found.some((each) => each.name === name));
    if (topic === undefined) return;
    const partition = { topic, partition: 0 };
    const [end] = await port.admin.listOffsets([partition], 'stable');
    const [start] = await port.admin.listOffsets([partition], 'earliest');
    const offset = Math.max(start?.offset ?? 0, (end?.offset ?? 0) - tailOffsets);
    const reader = port.openReader();
    try {
      reader.assign([{ ...partition, offset }]);
      while (!signal.aborted) {
        for (const { records, error } of await reader.poll(pollMs)) {
          if (error !== undefined) throw error;
          for (const { timestampMs } of records) {
            this.#heardAtMs = Math.max(this.#heardAtMs, timestampMs);
          }
        }
        this.#tell();
      }
    } finally {
      await reader.close();
    }
  }

  #tell(): void {
    const isSilent = this.isSilent();
    this.#silent.set(Number(isSilent), {});
    if (isSilent === this.#wasSilent) return;
    this.#wasSilent = isSilent;
    const { logger, maxLagSeconds } = this.#options;
    const heardAt = Number.isFinite(this.#heardAtMs) ? new Date(this.#heardAtMs) : undefined;
    const fields = { lastHeard: heardAt?.toISOString() ?? 'never', maxLagSeconds };
    if (isSilent) logger.warn('the capture is silent: no hold expires until it is heard', fields);
    else logger.info('the capture is heard again: holds expire', fields);
  }
}
