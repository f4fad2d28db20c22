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
import { observeCapture } from '../capture/observe-capture.ts';
import { ConnectClient } from '../connectors/connect-client.ts';
import { openDatabase, type Database } from '../database/connection.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Gauge, Metrics } from '../kernel/metrics.ts';
import type { Settings } from '../kernel/settings.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import type { KafkaPort } from '../streams/index.ts';
import type { CaptureHeartbeat } from './capture-heartbeat.ts';
import type { HealthSource } from './routes/health.ts';

export interface CaptureGapWatchOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of the capture; runs beside it. */
  readonly heartbeat: Pick<CaptureHeartbeat, 'heardAtMs'>;
}

/** With a look that takes as long as it may, a gap is told well within 30 s. */
const lookIntervalMs = 5_000;
const lookTimeoutMs = 8_000;
const statementTimeoutMs = 3_000;
const connectTimeoutMs = 2_000;

export class CaptureGapWatch implements HealthSource {
  readonly name = 'capture';
  readonly #options: CaptureGapWatchOptions;
  readonly #log: CaptureLog;
  readonly #gapGauge: Gauge;
  readonly #suspectGauge: Gauge;
  readonly #fillGauge: Gauge;
  readonly #stop = new AbortController();
  #database: Database | undefined;
  #standing: CaptureStanding = unknownStanding;
  /** Seen here, and not in the log yet. */
  #seenGap: Gap | undefined;
  #isLogRead = false;
  #told = '';
  #run: Promise<void> | undefined;

  constructor(options: CaptureGapWatchOptions) {
    this.#options = options;
    const { settings, port, metrics } = options;
    this.#log = new CaptureLog(port, settings.PLATFORM_TOPIC_PREFIX);
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
        await this.#look();
      } catch (error) {
        logger.debug('the capture cannot be looked at', { error });
      }
      await clock.sleep(lookIntervalMs, signal);
    }
    await this.#letGo();
  }

  async #look(): Promise<void> {
    // Kafka that is away must not keep a gap from being told.
    await this.#readLog();
    const seen = await this.#observe();
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

  async #observe(): Promise<CaptureSeen> {
    const { settings, clock, heartbeat } = this.#options;
    const { heardAtMs } = heartbeat;
    const slotName = settings.ROLLGUARD_CAPTURE_SLOT;
    const heartbeatAgeMs = Number.isFinite(heardAtMs) ? clock.nowMs() - heardAtMs : undefined;
    const look = async (): Promise<CaptureSeen> => {
      this.#database ??= await this.#open();
      const connectorName = settings.ROLLGUARD_CAPTURE_CONNECTOR;
      const { connect, database } = { connect: this.#connect(), database: this.#database };
      return observeCapture({ database, connect, connectorName, slotName }, heartbeatAgeMs);
    };
    const answered = look().catch((error: unknown) => {
      if (isRollguardError(error, 'DATABASE_UNAVAILABLE')) return undefined;
      throw error;
    });
    const found = await settledWithin(clock, lookTimeoutMs, answered);
    if (found !== late && found?.server !== undefined) return found;
    await this.#letGo();
    return { slotName, server: undefined, deliveredLsn: undefined, heartbeatAgeMs };
  }

  #open(): Promise<Database> {
    return openDatabase({
      ...{ url: this.#options.settings.PLATFORM_DATABASE_URL, setting: 'PLATFORM_DATABASE_URL' },
      ...{ applicationName: 'rollguard capture watch', isReadOnly: true, statementTimeoutMs },
    });
  }

  #connect(): ConnectClient | undefined {
    const { settings, clock } = this.#options;
    const url = settings.KAFKA_CONNECT_URL;
    if (url === '') return undefined;
    return new ConnectClient({ url, clock, signal: AbortSignal.timeout(connectTimeoutMs) });
  }

  /** Once per change; the metrics always. */
  #tell(verdict: CaptureVerdict, seen: CaptureSeen): void {
    const reason = verdict.kind === 'gap' ? verdict.reason : undefined;
    for (const each of gapReasons) this.#gapGauge.set(Number(each === reason), { reason: each });
    this.#suspectGauge.set(Number(verdict.kind === 'suspect'));
    this.#fillGauge.set(slotFill(seen) ?? 0);
    const text = 'detail' in verdict ? `${verdict.reason}: ${verdict.detail}` : '';
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

  async #letGo(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.close();
  }
}

const remedy = 'rollguard connectors recover';
