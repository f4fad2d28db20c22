/**
 * The engine's settings: one object, checked by zod, defaults filled in, frozen. Names are Kafka
 * Streams' own in camelCase with the unit last (`commit.interval.ms` → `commitIntervalMs`).
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';

const positive = z.number().int().positive();

/** dead-letter: with its bytes to the dead-letter topic · continue: without effect · fail: stop. */
const failurePolicy = z.enum(['dead-letter', 'continue', 'fail']);
export type FailurePolicy = z.output<typeof failurePolicy>;

const schema = z.strictObject({
  /** Consumer group, prefix of transactional ids and internal topics, name of the state folder. */
  applicationId: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/),
  /**
   * at-least-once: no transactions; what is written is visible at once, and after a crash records since
   * the last commit are processed again. Kafka Streams' `processing.guarantee`.
   */
  processingGuarantee: z.enum(['exactly-once', 'at-least-once']).default('exactly-once'),
  /** host:port at which other instances reach this one; Kafka Streams' `application.server`. */
  applicationServer: z
    .string()
    .regex(/^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/)
    .optional(),
  /** Where records go that cannot be used; undefined: `<applicationId>-dlq`. */
  deadLetterTopic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/)
    .optional(),
  /** A transaction of a task nobody waits for is committed at least this often. */
  commitIntervalMs: positive.default(500),
  /** A transaction is full, and committed, at this many input records … */
  transactionRecordsMax: positive.default(5_000),
  /** … or this many bytes of changelog and output. */
  transactionBytesMax: positive.default(4 * 1024 * 1024),
  /** The coordinator aborts a transaction older than this; a hung owner blocks readers no longer. */
  transactionTimeoutMs: positive.default(30_000),
  /** An instance that the group does not hear of for so long has left it: `session.timeout.ms`. */
  sessionTimeoutMs: positive.default(10_000),
  heartbeatIntervalMs: positive.default(2_000),
  /** How long the group waits for its members while it gathers: `max.poll.interval.ms` of a consumer. */
  rebalanceTimeoutMs: positive.default(60_000),
  /**
   * A static member: what it had is kept for it until its session ends, so that a restart moves nothing.
   * Unique in the application, and the same after a restart: `group.instance.id`.
   */
  groupInstanceId: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/)
    .optional(),
  /** Other instances that follow each task's state: `num.standby.replicas`. */
  numStandbyReplicas: z.number().int().nonnegative().max(9).default(0),
  /** A task moves only to an instance whose state is at most so many offsets behind: `acceptable.recovery.lag`. */
  acceptableRecoveryLag: z.number().int().nonnegative().default(10_000),
  /** Tasks that warm up on another instance at a time, in the whole group: `max.warmup.replicas`. */
  maxWarmupReplicas: positive.default(2),
  /** A task that has warmed up asks to move at most this often: `probing.rebalance.interval.ms`. */
  probingRebalanceIntervalMs: positive.default(10_000),
  /** While the event loop is busy for less than this, the instance keeps its tasks: `max.poll.interval.ms`. */
  maxPollIntervalMs: positive.default(300_000),
  /** A partition is paused while this many of its records wait. */
  bufferedRecordsPerPartitionMax: positive.default(5_000),
  /** Records one task processes before the next task gets its turn. */
  processRecordsMax: positive.default(500),
  /** Calls that may wait for one task; more are refused. */
  waitingCallsMax: positive.default(10_000),
  /** Longest wait for a partition that has more on the broker before others' records are processed. */
  taskIdleMaxMs: positive.default(5_000),
  /** Longest wait for new records in one turn of the loop. */
  pollTimeoutMs: positive.default(100),
  /** An input record whose bytes cannot be read. */
  deserializationFailure: failurePolicy.default('dead-letter'),
  /** One on which a processor throws `processingAttemptsMax` times. */
  processingFailure: failurePolicy.default('dead-letter'),
  processingAttemptsMax: positive.default(2),
  /** One from which a record follows that its topic or changelog cannot take. */
  productionFailure: failurePolicy.default('dead-letter'),
  /** Back-off after a failure, doubled up to the maximum. */
  retryBackoffMs: positive.default(100),
  retryBackoffMaxMs: positive.default(5_000),
  /** Replication factor of internal topics; undefined: the broker's default. */
  replicationFactor: positive.optional(),
  /** Committed state not yet on disk, per task: records, bytes, age. */
  checkpointRecordsMax: positive.default(50_000),
  checkpointBytesMax: positive.default(32 * 1024 * 1024),
  checkpointIntervalMs: positive.default(30_000),
  /** State kept in memory by all tasks, whether or not it is on disk yet: `statestore.cache.max.bytes`. */
  cacheBytesMax: positive.default(64 * 1024 * 1024),
  /** While tasks restore, so much may be in memory and not on disk yet. */
  restoreBytesMax: positive.default(192 * 1024 * 1024),
  /**
   * Memory of all RocksDB stores together, block caches and write buffers, divided evenly over the tasks
   * there are; what a RocksDBConfigSetter with a shared cache is for in Kafka Streams. A checkpoint passes
   * through whole: while it is written its task takes up to `checkpointBytesMax` more, and that again.
   */
  rocksdbMemoryBytesMax: positive.default(128 * 1024 * 1024),
  /** Changelog tombstones are kept this long; an older local copy is set aside (see design §1). */
  changelogTombstoneRetentionMs: positive.default(24 * 3_600_000),
  /** How long `close` waits for the loop and the last commits, whether or not a broker answers. */
  closeTimeoutMs: positive.default(15_000),
});

export type StreamsOptions = z.input<typeof schema>;
export type StreamsConfig = Readonly<z.output<typeof schema>>;

/** A copy of a changelog older than this may lack tombstones that compaction has cleaned away since. */
export function stateAgeMaxMs({ changelogTombstoneRetentionMs }: StreamsConfig): number {
  return changelogTombstoneRetentionMs / 2;
}

/** @param completeAtMs when it last had everything that was in the changelog; as `nowMs` by the wall clock. */
export function isStateTooOld(config: StreamsConfig, completeAtMs: number, nowMs: number): boolean {
  return nowMs - completeAtMs > stateAgeMaxMs(config);
}

/** How long to wait after so many failures in a row, the last one not counted. */
export function retryDelayMs(
  { retryBackoffMs, retryBackoffMaxMs }: RetryBackoff,
  failures: number,
): number {
  return Math.min(retryBackoffMs * 2 ** failures, retryBackoffMaxMs);
}

export type RetryBackoff = Pick<StreamsConfig, 'retryBackoffMs' | 'retryBackoffMaxMs'>;

/** Checks the options; CONFIG_INVALID names the first wrong one. */
export function compileStreamsConfig(options: StreamsOptions): StreamsConfig {
  const result = schema.safeParse(options);
  if (!result.success) {
    const issue = result.error.issues[0];
    const path = issue?.path.join('.') ?? '';
    throw new RollguardError(
      'CONFIG_INVALID',
      `streams option '${path}': ${issue?.message ?? 'invalid'}`,
    );
  }
  const config = result.data;
  if (config.heartbeatIntervalMs * 3 > config.sessionTimeoutMs) {
    throw new RollguardError(
      'CONFIG_INVALID',
      'streams option heartbeatIntervalMs must be at most a third of sessionTimeoutMs',
    );
  }
  return Object.freeze(config);
}
