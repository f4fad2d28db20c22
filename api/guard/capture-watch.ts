/**
 * Whether the platform's changes are still heard of. While they are not, a hold whose reservation was
 * sold long ago looks as if nobody had wanted it: so nothing expires then. Nor does anything while changes
 * are missing, however well the heart beats: it does again before the rows are read anew.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Gauge, Metrics } from '../../kernel/metrics.ts';
import type { PartitionBacklog } from '../../streams/index.ts';
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { CaptureHeartbeat } from '../capture-heartbeat.ts';

export interface CaptureWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of the capture; runs beside it. */
  readonly heartbeat: Pick<CaptureHeartbeat, 'heardAtMs' | 'onTurn'>;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  /** GUARD_EXPIRY_MAX_CDC_LAG_SECONDS; 0: it is not asked for. */
  readonly maxLagSeconds: number;
  /** True while captured changes may be missing. */
  readonly isGapOpen: () => boolean;
  /** How far the partitions of this instance are read; none before it runs. */
  readonly backlog: () => readonly PartitionBacklog[];
}

export class CaptureWatch {
  readonly #options: CaptureWatchOptions;
  readonly #silent: Gauge;
  /** Partitions that were read to their end since a gap was closed; undefined: there was none. */
  #readUp: Set<string> | undefined;
  #wasSilent = false;

  constructor(options: CaptureWatchOptions) {
    this.#options = options;
    this.#silent = options.metrics.gauge({
      name: 'availability_guard_capture_silent',
      help: "1 while the platform's changes are not heard of: no hold expires then.",
      labels: [],
    });
    if (options.maxLagSeconds > 0) options.heartbeat.onTurn(() => this.#tell());
  }

  /**
   * True also until something is heard for the first time, while a gap is open, and until what closed it is
   * read here.
   */
  isSilent(): boolean {
    const { clock, heartbeat, maxLagSeconds, isGapOpen } = this.#options;
    if (maxLagSeconds <= 0) return false;
    const isLate = clock.nowMs() - heartbeat.heardAtMs > maxLagSeconds * 1_000;
    return isLate || isGapOpen() || this.#readUp !== undefined;
  }

  /** Partition by partition: under load they are hardly ever all read to their end at once. */
  #followGap(): void {
    const { isGapOpen, backlog, topicPrefix } = this.#options;
    if (isGapOpen()) this.#readUp = new Set();
    else if (this.#readUp !== undefined) {
      const captured = backlog().filter(({ topic }) => topic.startsWith(`${topicPrefix}.`));
      for (const each of captured) {
        const { offset, stableOffset } = each;
        if (stableOffset >= 0 && offset >= stableOffset) this.#readUp.add(partitionName(each));
      }
      const readUp = this.#readUp;
      if (captured.every((each) => readUp.has(partitionName(each)))) this.#readUp = undefined;
    }
  }

  #tell(): void {
    this.#followGap();
    const isSilent = this.isSilent();
    this.#silent.set(Number(isSilent), {});
    if (isSilent === this.#wasSilent) return;
    this.#wasSilent = isSilent;
    const { logger, maxLagSeconds, heartbeat } = this.#options;
    const { heardAtMs } = heartbeat;
    const heardAt = Number.isFinite(heardAtMs) ? new Date(heardAtMs) : undefined;
    const isGapOpen = this.#options.isGapOpen();
    const fields = { lastHeard: heardAt?.toISOString() ?? 'never', maxLagSeconds, isGapOpen };
    if (isSilent) logger.warn('the capture is silent: no hold expires until it is heard', fields);
    else logger.info('the capture is heard again: holds expire', fields);
  }
}
