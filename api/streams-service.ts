/**
 * One service of an instance: prepares what its topology needs (contracts, topics), for as long as the
 * registry and Kafka are away, then runs it. Answers NOT_READY until then.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Histogram, Metrics } from '../kernel/metrics.ts';
import type { Settings } from '../kernel/settings.ts';
import {
  KafkaStreams,
  type KafkaPort,
  type StreamsOptions,
  type TaskReport,
  type Topology,
} from '../streams/index.ts';
import { checkNoReplay } from '../streams/replay-mark.ts';
import { retryDelayMs } from '../streams/streams-config.ts';
import type { ClockCheck } from './clock-check.ts';
import type { HealthSource } from './routes/health.ts';

/**
 * All is well long before. Where a broker does not answer it takes all of that, after three seconds of draining
 * and before five of the windows: together less than the twenty that an orchestrator may grant.
 */
const closeTimeoutMs = 6_000;
const startBackoff = { retryBackoffMs: 250, retryBackoffMaxMs: 5_000 };

export interface StreamsServiceOptions {
  /** As health and logs name it. */
  readonly name: string;
  readonly applicationId: string;
  /** Tried again while it throws errors whose reaction is 'retry'. */
  readonly prepare: () => Promise<Topology>;
  readonly options: Partial<StreamsOptions>;
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told the seconds that each batch of records took. */
  readonly batchDuration?: Histogram;
  readonly failpoints?: Failpoints | undefined;
  /** Where something is decided by the clock: while it is off, others do that. */
  readonly clockCheck?: ClockCheck | undefined;
}

export class StreamsService implements HealthSource {
  readonly name: string;
  readonly #options: StreamsServiceOptions;
  readonly #stop = new AbortController();
  #streams: KafkaStreams | undefined;
  #applicationServer: string | undefined;
  #waitsFor = 'not started';
  #run: Promise<void> | undefined;

  constructor(options: StreamsServiceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Where other instances reach this one, host:port; undefined: they do not. */
  get applicationServer(): string | undefined {
    return this.#applicationServer;
  }

  get applicationId(): string {
    return this.#options.applicationId;
  }

  /** Of this instance; none before it runs. */
  taskReports(): readonly TaskReport[] {
    return this.#streams?.taskReports() ?? [];
  }

  /** How far the partitions of this instance are read; none before it runs. */
  backlog(): ReturnType<KafkaStreams['backlog']> {
    return this.#streams?.backlog() ?? [];
  }

  /** Of all instances; none before it runs. */
  plannedTasks(): ReturnType<KafkaStreams['plannedTasks']> {
    return this.#streams?.plannedTasks() ?? [];
  }

  /** Starts in the background. */
  start(applicationServer?: string): void {
    this.#applicationServer = applicationServer;
    this.#run ??= this.#runUntilStopped();
  }

  notReady(): string | undefined {
    return this.#streams === undefined ? this.#whyNot : this.#streams.notReady();
  }

  /** Resolves when it has stopped; rejects with what stopped it. */
  async done(): Promise<void> {
    await this.#run;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#streams?.close({ drainMs: this.#options.settings.CLOSE_DRAIN_MS });
    // One that hangs on a broker that is away ends with its connections, which are closed after this.
    if (this.#streams === undefined) await this.#run?.catch(() => undefined);
  }

  /** The engine that runs it. @throws NOT_READY before that */
  streams(): KafkaStreams {
    if (this.#streams !== undefined) return this.#streams;
    throw new RollguardError(
      'NOT_READY',
      `the ${this.name} service does not run yet (${this.#whyNot}); try again shortly`,
    );
  }

  /** Why it does not run: as it is now, whatever it has waited for before. */
  get #whyNot(): string {
    return this.#options.clockCheck?.complaint ?? this.#waitsFor;
  }

  async #runUntilStopped(): Promise<void> {
    const { clockCheck } = this.#options;
    const { signal } = this.#stop;
    do {
      await clockCheck?.until('right', signal);
      const topology = await this.#prepare();
      if (topology === undefined) return;
      await this.#runWhileRight(this.#open(topology));
    } while (!signal.aborted);
  }

  /** Until it has ended, which it does when it is stopped, or until the clock is off. */
  async #runWhileRight(streams: KafkaStreams): Promise<void> {
    const { clockCheck } = this.#options;
    this.#streams = streams;
    streams.start();
    const running = new AbortController();
    const { signal } = running;
    const isOff = clockCheck?.until('off', signal).then(() => !signal.aborted);
    const ended = streams.done().then(() => false);
    const hasToLeave = await Promise.race(isOff === undefined ? [ended] : [ended, isOff]).finally(
      () => running.abort(),
    );
    if (!hasToLeave) return;
    await streams.close({ leavesGroup: true });
    this.#streams = undefined;
  }

  #open(topology: Topology): KafkaStreams {
    const { settings, applicationId, options, port, clock, logger, metrics, failpoints } =
      this.#options;
    return new KafkaStreams({
      topology,
      port,
      options: {
        applicationId,
        ...(this.#applicationServer && { applicationServer: this.#applicationServer }),
        ...groupOptions(settings),
        closeTimeoutMs,
        commitIntervalMs: settings.COMMIT_INTERVAL_MS,
        deserializationFailure: settings.DESERIALIZATION_FAILURE,
        processingFailure: settings.PROCESSING_FAILURE,
        processingAttemptsMax: settings.PROCESSING_ATTEMPTS_MAX,
        productionFailure: settings.PRODUCTION_FAILURE,
        rocksdbMemoryBytesMax: rocksdbMemoryBytesMax(settings),
        ...options,
      },
      stateDir: settings.ROLLGUARD_STATE_DIR,
      stateKind: 'rocksdb',
      clock,
      logger,
      metrics,
      batchDuration: this.#options.batchDuration,
      failpoints,
    });
  }

  /** What has to be there before the topology can run; tried until it is. */
  async #prepare(): Promise<Topology | undefined> {
    const { signal } = this.#stop;
    const { name, prepare, applicationId, port, clock, logger } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        await checkNoReplay(port, applicationId);
        return await prepare();
      } catch (error) {
        if (!isRollguardError(error) || error.row.reaction !== 'retry') throw error;
        this.#waitsFor = messageOf(error);
        logger.warn(`the ${name} service cannot start yet`, { error });
        await clock.sleep(retryDelayMs(startBackoff, attempt), signal);
      }
    }
    return undefined;
  }
}

/** How long a group waits for a member, whatever it is a member of. */
export function groupTimes(
  settings: Settings,
): Record<'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'maxPollIntervalMs', number> {
  return {
    sessionTimeoutMs: settings.SESSION_TIMEOUT_MS,
    heartbeatIntervalMs: settings.HEARTBEAT_INTERVAL_MS,
    maxPollIntervalMs: settings.MAX_POLL_INTERVAL_MS,
  };
}

function groupOptions(settings: Settings): Partial<StreamsOptions> {
  const { GROUP_INSTANCE_ID: groupInstanceId } = settings;
  return {
    ...(groupInstanceId === '' ? {} : { groupInstanceId }),
    ...groupTimes(settings),
    numStandbyReplicas: settings.NUM_STANDBY_REPLICAS,
    acceptableRecoveryLag: settings.ACCEPTABLE_RECOVERY_LAG,
    maxWarmupReplicas: settings.MAX_WARMUP_REPLICAS,
  };
}

/** The services of a process share its memory. */
function rocksdbMemoryBytesMax(settings: Settings): number {
  const { ROCKSDB_MEMORY_MB, ROLLGUARD_SERVICES } = settings;
  return Math.floor((ROCKSDB_MEMORY_MB * 1024 * 1024) / ROLLGUARD_SERVICES.length);
}
