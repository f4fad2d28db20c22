/**
 * The backfill of one instance: waits to lead, then makes a pass every so often, and once a day a sweep.
 * Nothing that goes wrong here ends the instance: capture goes on, and the next pass goes on where the
 * last one was. Connections are opened for a pass and kept while they live.
 */
import { CaptureLog } from '../capture/capture-log.ts';
import { openDatabase, type Database } from '../database/connection.ts';
import { migrate } from '../database/migrations.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError, messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { Settings } from '../kernel/settings.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import type { KafkaPort } from '../streams/kafka/port.ts';
import { backfillMetrics, type BackfillMetrics } from './backfill-metrics.ts';
import { runPass } from './backfill-pass.ts';
import type { BackfillLimits } from './backfill-options.ts';
import { KnownVersions } from './known-versions.ts';
import { becomeLeader, type Leadership } from './leader-lock.ts';
import { lastSweepDueMs } from './nightly.ts';
import { openPublisher, type BackfillPublisher } from './publisher.ts';
import { tenantsOf } from './tenants.ts';

export interface BackfillServiceOptions {
  readonly settings: Settings;
  readonly applicationId: string;
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** A pass may read for minutes where nothing is found: the table is the platform's. */
const statementTimeoutMs = 600_000;

const closeTimeoutMs = 5_000;
/** After a failure; at a start the topics are not there yet. */
const retryAfterMs = 5_000;

/** What the settings say of limits. */
export function backfillLimits(settings: Settings): BackfillLimits {
  return {
    batchRows: settings.ROLL_SERVICE_BACKFILL_BATCH_SIZE,
    rowsPerSecond: settings.ROLL_SERVICE_BACKFILL_ROWS_PER_SECOND,
    lateWindowSeconds: settings.ROLL_SERVICE_BACKFILL_LATE_WINDOW_SECONDS,
  };
}

/** The platform's database, for reading only. */
export function openPlatform(url: string): Promise<Database> {
  return openDatabase({
    ...{ url, setting: 'PLATFORM_DATABASE_URL', applicationName: 'rollguard backfill' },
    ...{ isReadOnly: true, statementTimeoutMs },
  });
}

export class BackfillService {
  readonly #options: BackfillServiceOptions;
  readonly #metrics: BackfillMetrics;
  readonly #stop = new AbortController();
  #leadership: Leadership | undefined;
  #platform: Database | undefined;
  #publisher: BackfillPublisher | undefined;
  readonly #known = new KnownVersions();
  readonly #captureLog: CaptureLog;
  #lastComplaint = '';
  #run: Promise<void> | undefined;

  constructor(options: BackfillServiceOptions) {
    this.#options = options;
    this.#metrics = backfillMetrics(options.metrics);
    this.#captureLog = new CaptureLog(options.port, options.settings.PLATFORM_TOPIC_PREFIX);
  }

  /** Starts in the background; without both databases it says so and does nothing. */
  start(): void {
    const { settings, logger } = this.#options;
    if (!settings.ROLL_SERVICE_BACKFILL_ENABLED) return;
    const missing = (['ROLLGUARD_DATABASE_URL', 'PLATFORM_DATABASE_URL'] as const).filter(
      (name) => settings[name] === '',
    );
    if (missing.length > 0) logger.info('no backfill without its databases', { missing });
    else this.#run ??= this.#untilStopped();
  }

  /** Ends after the batch under way, or without it when it takes long. */
  async close(): Promise<void> {
    this.#stop.abort();
    const run = this.#run ?? Promise.resolve();
    if ((await settledWithin(this.#options.clock, closeTimeoutMs, run)) === late) {
      await this.#letGo();
    }
    await run;
  }

  async #untilStopped(): Promise<void> {
    const { settings, clock } = this.#options;
    const { signal } = this.#stop;
    const intervalMs = settings.ROLL_SERVICE_BACKFILL_INTERVAL_MS;
    while (!signal.aborted) {
      let waitMs = intervalMs;
      try {
        await this.#pass();
        this.#lastComplaint = '';
      } catch (error) {
        this.#complain(error);
        await this.#letGo();
        waitMs = Math.min(intervalMs, retryAfterMs);
      }
      await clock.sleep(waitMs, signal);
    }
    await this.#letGo();
  }

  async #pass(): Promise<void> {
    const { settings, applicationId, port, clock, logger } = this.#options;
    const leadership = (this.#leadership ??= await this.#lead());
    if (leadership === undefined) return;
    leadership.check();
    const platform = (this.#platform ??= await openPlatform(settings.PLATFORM_DATABASE_URL));
    const publisher = (this.#publisher ??= await openPublisher({ port, applicationId, clock }));
    const sweepDueMs = lastSweepDueMs(settings.ROLL_SERVICE_BACKFILL_NIGHTLY_AT, clock.nowMs());
    const beganMs = clock.monotonicMs();
    // What is read now is of the reading that capture is at.
    const { epoch } = await this.#captureLog.read();
    const parts = {
      ...{ platform, publisher, clock, logger, epoch, signal: this.#stop.signal },
      ...{ limits: backfillLimits(settings), metrics: this.#metrics, known: this.#known },
    };
    const tenantIds = await tenantsOf(platform);
    const { rows } = await runPass(parts, { leadership, tenantIds, sweepDueMs });
    if (rows === 0) return;
    const seconds = Math.round(clock.monotonicMs() - beganMs) / 1_000;
    logger.info('the backfill has made a pass', { rows, seconds, tenants: tenantIds.length });
  }

  async #lead(): Promise<Leadership | undefined> {
    const { settings, applicationId, clock } = this.#options;
    const leadership = await becomeLeader({
      ...{ url: settings.ROLLGUARD_DATABASE_URL, clock },
      applicationName: `rollguard backfill of ${applicationId}`,
    });
    try {
      if (leadership !== undefined) await migrate(leadership.database);
      return leadership;
    } catch (error) {
      await leadership?.close();
      throw error;
    }
  }

  /** What is the same every minute is told once. */
  #complain(error: unknown): void {
    const { logger } = this.#options;
    this.#metrics.errors.add();
    const message = messageOf(error);
    if (message === this.#lastComplaint) return;
    this.#lastComplaint = message;
    const isExpected =
      isRollguardError(error, 'TOPIC_MISSING') ||
      (isRollguardError(error) && error.row.reaction === 'retry');
    const say = isExpected ? 'info' : 'warn';
    logger[say]('the backfill waits; it tries again in a while', { error });
  }

  async #letGo(): Promise<void> {
    const parts = [this.#leadership, this.#platform, this.#publisher];
    this.#leadership = this.#platform = this.#publisher = undefined;
    // Another leader may do what this one remembers, or a topic that is made anew lacks it.
    this.#known.clear();
    for (const part of parts) await part?.close().catch(() => undefined);
  }
}
