/**
 * Looks every few seconds whether captured changes may be missing, tells it loudly (an error in the log, once;
 * a metric; readiness), and keeps it in the capture's log: a gap stays told, by every instance and after every
 * restart, until `rollguard connectors recover` has closed it.
 */
import { CaptureLog } from '../capture/capture-log.ts';
import {
  gapReasons,
  unknownStanding,
  type CaptureStanding,
  type Gap,
} from '../capture/capture-standing.ts';
import {
  judgeCapture,
  slotFill,
  type CaptureSeen,
  type CaptureVerdict,
} from '../capture/judge-capture.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Gauge, Metrics } from '../kernel/metrics.ts';
import type { KafkaPort } from '../streams/index.ts';
import type { CaptureHeartbeat } from './capture-heartbeat.ts';
import type { CaptureLook } from './capture-look.ts';
import type { HealthSource } from './routes/health.ts';

export interface CaptureGapWatchOptions {
  readonly look: Pick<CaptureLook, 'at' | 'close'>;
  readonly port: KafkaPort;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of the capture; runs beside it. */
  readonly heartbeat: Pick<CaptureHeartbeat, 'heardAtMs'>;
}

/** With a look that takes as long as it may, a gap is told well within 30 s. */
const lookIntervalMs = 5_000;

export class CaptureGapWatch implements HealthSource {
  readonly name = 'capture';
  readonly #options: CaptureGapWatchOptions;
  readonly #log: CaptureLog;
  readonly #gapGauge: Gauge;
  readonly #suspectGauge: Gauge;
  readonly #fillGauge: Gauge;
  readonly #stop = new AbortController();
  #standing: CaptureStanding = unknownStanding;
  /** Seen here, and not in the log yet. */
  #seenGap: Gap | undefined;
  #isLogRead = false;
  #told = '';
  #warning: string | undefined;
  #run: Promise<void> | undefined;

  constructor(options: CaptureGapWatchOptions) {
    this.#options = options;
    const { topicPrefix, port, metrics } = options;
    this.#log = new CaptureLog(port, topicPrefix);
    this.#gapGauge = metrics.gauge({
      name: 'rollguard_capture_gap',
      help: '1 while captured changes are missing, by why: rollguard connectors recover closes it.',
      labels: ['reason'],
    });
    this.#suspectGauge = metrics.gauge({
      name: 'rollguard_capture_suspect',
      help: '1 while the capture does not look as it should and nothing is known to be missing.',
    });
    this.#fillGauge = metrics.gauge({
      name: 'rollguard_capture_slot_fill_ratio',
      help: 'WAL that is kept for the capture, as a part of max_slot_wal_keep_size; 0 without a limit.',
    });
  }

  /** Starts in the background. */
  start(): void {
    this.#run ??= this.#untilStopped();
  }

  notReady(): string | undefined {
    const gap = this.#seenGap ?? this.#standing.gap;
    if (gap === undefined) return undefined;
    return `captured changes are missing (${gap.reason}): ${gap.detail}; run \`rollguard connectors recover\``;
  }

  /** Of what may mend itself: nothing is known to be missing yet. */
  warning(): string | undefined {
    return this.#warning;
  }

  /** True also until the log was read once: what it says of a gap is not known before. */
  mayMissChanges(): boolean {
    return !this.#isLogRead || this.#seenGap !== undefined || this.#standing.gap !== undefined;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#run;
  }

  async #untilStopped(): Promise<void> {
    const { clock, logger } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#turn();
      } catch (error) {
        logger.debug('the capture cannot be looked at', { error });
      }
      await clock.sleep(lookIntervalMs, signal);
    }
    await this.#options.look.close();
  }

  async #turn(): Promise<void> {
    // Kafka that is away must not keep a gap from being told.
    await this.#readLog();
    const { look, clock, heartbeat } = this.#options;
    const { heardAtMs } = heartbeat;
    const seen = await look.at(Number.isFinite(heardAtMs) ? clock.nowMs() - heardAtMs : undefined);
    const verdict = judgeCapture(seen, this.#standing);
    this.#tell(verdict, seen);
    await this.#keep(verdict, seen);
  }

  async #readLog(): Promise<void> {
    let standing = this.#standing;
    try {
      standing = await this.#log.read();
      this.#isLogRead = true;
    } catch (error) {
      // Of an event that it does not understand no instance may think nothing is missing.
      if (!isRollguardError(error) || error.row.reaction !== 'retry') throw error;
    }
    if (standing.epoch !== this.#standing.epoch) this.#seenGap = undefined;
    this.#standing = standing;
  }

  /** Once per change; the metrics always. */
  #tell(verdict: CaptureVerdict, seen: CaptureSeen): void {
    const reason = verdict.kind === 'gap' ? verdict.reason : undefined;
    for (const each of gapReasons) this.#gapGauge.set(Number(each === reason), { reason: each });
    this.#suspectGauge.set(Number(verdict.kind === 'suspect'));
    this.#fillGauge.set(slotFill(seen) ?? 0);
    const text = 'detail' in verdict ? `${verdict.reason}: ${verdict.detail}` : '';
    this.#warning = verdict.kind === 'suspect' ? text : undefined;
    if (text === this.#told) return;
    const { logger } = this.#options;
    this.#told = text;
    if (verdict.kind === 'gap') {
      const { detail } = verdict;
      logger.error('captured changes are missing', { reason, detail, remedy });
    } else if (verdict.kind === 'suspect') {
      const fields = { reason: verdict.reason, detail: verdict.detail };
      logger.warn('the capture does not look as it should', fields);
    } else {
      logger.info('the capture is as it should be again', {});
    }
  }

  /** Writes down what is new. */
  async #keep(verdict: CaptureVerdict, { server }: CaptureSeen): Promise<void> {
    const { epoch, gap, followed } = this.#standing;
    const atMs = this.#options.clock.nowMs();
    if (verdict.kind === 'gap' && gap === undefined) {
      const { reason, detail } = verdict;
      this.#seenGap ??= { reason, detail, atMs };
      this.#standing = await this.#log.append({ type: 'gap', epoch, ...this.#seenGap });
    } else if (verdict.kind === 'ok' && followed === undefined && server !== undefined) {
      const { system, timeline } = server;
      this.#standing = await this.#log.append({ type: 'following', epoch, atMs, system, timeline });
    }
  }
}

const remedy = 'rollguard connectors recover';
