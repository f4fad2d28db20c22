/**
 * Keeps tables what topics say, for as long as the service runs: begins a session, and another one after
 * whatever ended it. While Postgres or Kafka is away it holds no place in the group, so an instance that
 * reaches both has the partitions; nothing is passed over meanwhile.
 */
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { KafkaPort } from '../streams/index.ts';
import { retryDelayMs } from '../streams/streams-config.ts';
import { ProjectionSession, type SessionLimits } from './projection-session.ts';
import type { Projection } from './projection.ts';
import type { ProjectorMetrics } from './projector-metrics.ts';

const backoff = { retryBackoffMs: 250, retryBackoffMaxMs: 10_000 };

export interface ProjectorOptions {
  /** Consumer group on Kafka, and `consumer_group` of the offset rows. */
  readonly groupId: string;
  readonly projections: readonly Projection[];
  /** Where records go that no table can take. */
  readonly deadLetterTopic: string;
  readonly databaseUrl: string;
  readonly port: KafkaPort;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ProjectorMetrics;
}

export class Projector {
  readonly #options: ProjectorOptions;
  readonly #stop = new AbortController();
  #session: ProjectionSession | undefined;
  #run: Promise<void> | undefined;
  #isRunning = false;

  constructor(options: ProjectorOptions) {
    this.#options = options;
  }

  /** It has its share of the partitions and applies what comes. */
  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Begins in the background. */
  start(): void {
    this.#run ??= this.#runUntilStopped();
  }

  /** Ends the batch in work and leaves the group. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.#session?.stop();
    await this.#run;
  }

  async #runUntilStopped(): Promise<void> {
    const { clock, logger, metrics } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    this.#tell(false);
    while (!this.#stops()) {
      const session = new ProjectionSession(this.#options, () => {
        failures = 0;
        this.#tell(true);
      });
      this.#session = session;
      try {
        await session.run();
      } catch (error) {
        if (this.#stops()) break;
        const code = isRollguardError(error) ? error.code : 'PROCESSING_FAILED';
        metrics.failed(code);
        logger.warn('the tables are not written for the moment, trying again', { error });
        await clock.sleep(retryDelayMs(backoff, failures), signal);
        failures += 1;
      }
      this.#tell(false);
    }
  }

  #stops(): boolean {
    return this.#stop.signal.aborted;
  }

  #tell(isRunning: boolean): void {
    this.#isRunning = isRunning;
    this.#options.metrics.running(isRunning);
  }
}
