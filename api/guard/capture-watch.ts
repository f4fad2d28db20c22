/**
 * Whether the platform's changes are still heard of. While they are not, a hold whose reservation was
 * sold long ago looks as if nobody had wanted it: so nothing expires then.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Gauge, Metrics } from '../../kernel/metrics.ts';
import type { KafkaPort } from '../../streams/index.ts';
import { CaptureHeartbeat } from '../capture-heartbeat.ts';

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

export class CaptureWatch {
  readonly #options: CaptureWatchOptions;
  readonly #silent: Gauge;
  readonly #heartbeat: CaptureHeartbeat;
  #wasSilent = false;

  constructor(options: CaptureWatchOptions) {
    this.#options = options;
    this.#heartbeat = new CaptureHeartbeat({ ...options, onTurn: () => this.#tell() });
    this.#silent = options.metrics.gauge({
      name: 'availability_guard_capture_silent',
      help: "1 while the platform's changes are not heard of: no hold expires then.",
      labels: [],
    });
  }

  start(): void {
    if (this.#options.maxLagSeconds > 0) this.#heartbeat.start();
  }

  /** True also until something is heard for the first time. */
  isSilent(): boolean {
    const { clock, maxLagSeconds } = this.#options;
    return maxLagSeconds > 0 && clock.nowMs() - this.#heartbeat.heardAtMs > maxLagSeconds * 1_000;
  }

  close(): Promise<void> {
    return this.#heartbeat.close();
  }

  #tell(): void {
    const isSilent = this.isSilent();
    this.#silent.set(Number(isSilent), {});
    if (isSilent === this.#wasSilent) return;
    this.#wasSilent = isSilent;
    const { logger, maxLagSeconds } = this.#options;
    const { heardAtMs } = this.#heartbeat;
    const heardAt = Number.isFinite(heardAtMs) ? new Date(heardAtMs) : undefined;
    const fields = { lastHeard: heardAt?.toISOString() ?? 'never', maxLagSeconds };
    if (isSilent) logger.warn('the capture is silent: no hold expires until it is heard', fields);
    else logger.info('the capture is heard again: holds expire', fields);
  }
}
