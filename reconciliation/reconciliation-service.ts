/**
 * The reconciliation of one instance: looks now and then whether a run is due, leads if no other one does,
 * and makes it. When the last one was is in our own Postgres, so one run is made whoever makes it. Nothing
 * that goes wrong here ends the instance.
 */
import { openDatabase, type Database } from '../database/connection.ts';
import { migrate } from '../database/migrations.ts';
import { SharedConnection } from '../database/shared-connection.ts';
import { sqlStateOf, undefinedTable } from '../database/sql-state.ts';
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { Random } from '../kernel/random.ts';
import type { Settings } from '../kernel/settings.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import { leadReconciliation } from './lead-reconciliation.ts';
import { reconciliationMetrics, type ReconciliationMetrics } from './reconciliation-metrics.ts';
import type { ReconciliationReport } from './reconciliation-report.ts';
import type { ReplaySources } from './replay-reservations.ts';
import { lastReport, lastScheduledMs } from './run-store.ts';
import { runReconciliation, type RunReconciliationOptions } from './run-reconciliation.ts';

export interface ReconciliationServiceOptions {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** False: no ledgers are written here. */
  readonly hasLedger: boolean;
  readonly serviceProperty: ReplaySources['serviceProperty'];
  readonly kafka: RunReconciliationOptions['kafka'];
  /** Told how long the oldest hold that differs has differed; 0: none does. */
  readonly onLockDrift: (seconds: number) => void;
}

const lookIntervalMs = 60_000;
const closeTimeoutMs = 5_000;
const setting = 'ROLLGUARD_DATABASE_URL';
/** Who asks for the last run: a page is read by a few, and a report has up to 10,000 rows. */
const readers = { usersMax: 16, timeoutMs: 5_000 };

export class ReconciliationService {
  readonly #options: ReconciliationServiceOptions;
  readonly #metrics: ReconciliationMetrics;
  readonly #stop = new AbortController();
  /** Of those who ask for the last run. */
  readonly #shared: SharedConnection;
  #lastComplaint = '';
  /** By this process's clock: without an earlier run the first one waits for the tables to be filled. */
  #firstDueMs = 0;
  #run: Promise<void> | undefined;

  constructor(options: ReconciliationServiceOptions) {
    this.#options = options;
    this.#metrics = reconciliationMetrics(options.metrics);
    const { clock, settings } = options;
    const applicationName = 'rollguard reconciliation, last run';
    this.#shared = new SharedConnection({
      ...{ url: settings.ROLLGUARD_DATABASE_URL, setting, applicationName, isReadOnly: true },
      ...{ clock, ...readers },
    });
  }

  /** Starts in the background; without both databases it says so and does nothing. */
  start(): void {
    const { settings, logger, clock } = this.#options;
    if (!settings.RECONCILIATION_ENABLED) return;
    const missing = (['ROLLGUARD_DATABASE_URL', 'PLATFORM_DATABASE_URL'] as const).filter(
      (name) => settings[name] === '',
    );
    if (missing.length > 0) {
      logger.info('no reconciliation without its databases', { missing });
      return;
    }
    this.#firstDueMs = clock.nowMs() + settings.RECONCILIATION_INTERVAL_MS;
    this.#run ??= this.#untilStopped();
  }

  async close(): Promise<void> {
    this.#stop.abort(new RollguardError('INTERRUPTED', 'the instance stops'));
    const ended = Promise.all([this.#run, this.#shared.close()]);
    const { clock, logger } = this.#options;
    if ((await settledWithin(clock, closeTimeoutMs, ended)) === late) {
      logger.warn('a reconciliation does not end; its connections end with the process');
    }
  }

  /**
   * The last run, with the rows of one tenant.
   * @throws NOT_FOUND; QUEUE_FULL when too many ask, DATABASE_UNAVAILABLE
   */
  async lastReport(tenantId: string): Promise<ReconciliationReport> {
    if (this.#options.settings.ROLLGUARD_DATABASE_URL === '') {
      throw new RollguardError('NOT_FOUND', `no reconciliation is kept: ${setting} is not set`);
    }
    const report = await this.#shared
      .use((database) => lastReport(database, tenantId))
      .catch((error: unknown) => {
        // No instance has made the tables yet.
        if (sqlStateOf(error) === undefinedTable) return undefined;
        throw error;
      });
    if (report !== undefined) return report;
    const message = 'there was no reconciliation yet; `rollguard reconcile run` makes one';
    throw new RollguardError('NOT_FOUND', message);
  }

  async #untilStopped(): Promise<void> {
    const { settings, clock } = this.#options;
    const { signal } = this.#stop;
    const waitMs = Math.min(lookIntervalMs, settings.RECONCILIATION_INTERVAL_MS);
    const isStopped = (): boolean => signal.aborted;
    while (!isStopped()) {
      await clock.sleep(waitMs, signal);
      if (isStopped()) return;
      try {
        await this.#runIfDue();
        this.#lastComplaint = '';
      } catch (error) {
        if (!isStopped()) this.#complain(error);
      }
    }
  }

  async #runIfDue(): Promise<void> {
    const { settings, clock, logger } = this.#options;
    if (!(await this.#isDue())) return;
    const leadership = await leadReconciliation({
      ...{ url: settings.ROLLGUARD_DATABASE_URL, clock },
      applicationName: 'rollguard reconciliation by schedule',
    });
    if (leadership === undefined) return;
    try {
      // Another one may have made it while this one asked to lead.
      if (!(await this.#isDueBy(leadership.database))) return;
      const report = await this.#reconcile(leadership.database);
      const { status, summary, runId, problem } = report;
      const say = status === 'clean' ? 'info' : 'warn';
      logger[say]('a reconciliation is over', {
        ...{ runId, status, drift: summary.drift, reservations: summary.reservations },
        ...(problem === null ? {} : { problem }),
      });
    } finally {
      await leadership.close();
    }
  }

  async #reconcile(database: Database): Promise<ReconciliationReport> {
    const { settings, clock, random, hasLedger, serviceProperty, kafka } = this.#options;
    const tenantIds = settings.RECONCILIATION_TENANTS;
    const report = await runReconciliation({
      ...{ settings, clock, random, database, serviceProperty, kafka },
      trigger: 'schedule',
      scope: {
        tenantIds: tenantIds.length === 0 ? null : tenantIds,
        ...{ propertyId: null, from: null, to: null },
      },
      wants: {
        ...{ ledger: hasLedger, locks: true },
        payments: hasLedger && settings.RECONCILIATION_PAYMENTS_ENABLED,
      },
      state: undefined,
      signal: this.#stop.signal,
      progress: () => undefined,
    });
    this.#metrics.ended(report);
    this.#options.onLockDrift(report.summary.lockDriftSeconds);
    return report;
  }

  async #isDue(): Promise<boolean> {
    const database = await this.#open();
    try {
      await migrate(database);
      return await this.#isDueBy(database);
    } finally {
      await database.close();
    }
  }

  async #isDueBy(database: Database): Promise<boolean> {
    const { settings, clock } = this.#options;
    const lastMs = await lastScheduledMs(database);
    const dueMs =
      lastMs === undefined ? this.#firstDueMs : lastMs + settings.RECONCILIATION_INTERVAL_MS;
    return clock.nowMs() >= dueMs;
  }

  #open(): Promise<Database> {
    const { ROLLGUARD_DATABASE_URL: url } = this.#options.settings;
    return openDatabase({ url, setting, applicationName: 'rollguard reconciliation' });
  }

  /** What is the same every time is told once. */
  #complain(error: unknown): void {
    this.#metrics.failed();
    const message = messageOf(error);
    if (message === this.#lastComplaint) return;
    this.#lastComplaint = message;
    this.#options.logger.warn('the reconciliation has failed; it tries again in a while', {
      error,
    });
  }
}
