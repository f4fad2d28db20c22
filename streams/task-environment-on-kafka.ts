/** What tasks need, over the Kafka port and the state directory. */
import type { Clock } from '../kernel/clock.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import { MemoryEngine } from '../stores/memory-engine.ts';
import { StateCache } from '../stores/state-cache.ts';
import type { StateFolder } from '../stores/state-directory.ts';
import { TaskState } from '../stores/task-state.ts';
import type { KafkaPort, PartitionOffset, TopicPartition } from './kafka/port.ts';
import type { Membership } from './membership.ts';
import type { OutputTopics } from './output-topics.ts';
import { restoreState } from './restore.ts';
import { stateAgeMaxMs, type StreamsConfig } from './streams-config.ts';
import type { StreamsMetrics } from './streams-metrics.ts';
import type { TaskEnvironment } from './task-environment.ts';
import { formatTaskId, transactionalId } from './task-id.ts';
import { openAtLeastOnceProducer } from './task-producer.ts';

/** On disk, in memory, or in a folder of the caller's own making. */
export type StateKind = 'rocksdb' | 'memory' | { openFolder(): Promise<StateFolder> };

/** A restore that takes long says how far it is this often. */
const progressIntervalMs = 5_000;

export interface TaskStateOptions {
  readonly config: StreamsConfig;
  readonly clock: Clock;
  readonly failpoints: Failpoints;
  readonly topics: OutputTopics;
  /** Undefined: state is kept in memory and restored from the changelog at every start. */
  readonly directory: StateFolder | undefined;
}

type TaskStates = Pick<TaskEnvironment, 'openState' | 'setStateAside'>;

/** The states of an instance's tasks and standbys: one cache, one folder. */
export function openTaskState(options: TaskStateOptions): TaskStates {
  const { config, clock, failpoints, topics, directory } = options;
  const cache = new StateCache(config);
  return {
    openState: async (id, changelog) => {
      const engine =
        directory === undefined
          ? new MemoryEngine()
          : await directory.openEngine(formatTaskId(id), {
              topicId: changelog.topicId,
              ageMaxMs: stateAgeMaxMs(config),
            });
      const known = topics.find(changelog.topic);
      return new TaskState({
        engine,
        cache,
        checkpointRecordsMax: config.checkpointRecordsMax,
        checkpointBytesMax: config.checkpointBytesMax,
        checkpointIntervalMs: Math.min(
          config.checkpointIntervalMs,
          config.changelogTombstoneRetentionMs / 4,
        ),
        recordBytesMax: () => known.recordBytesMax,
        nowMs: clock.nowMs(),
        failpoints,
      });
    },
    setStateAside: async (id, reason, error) => {
      await directory?.setAside(formatTaskId(id), reason, error);
    },
  };
}

export interface TaskEnvironmentOptions extends TaskStates {
  readonly port: KafkaPort;
  readonly config: StreamsConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: StreamsMetrics;
  readonly failpoints: Failpoints;
  readonly topics: OutputTopics;
  readonly membership: Membership;
}

export function createTaskEnvironment(options: TaskEnvironmentOptions): TaskEnvironment {
  const { port, config, clock, logger, metrics, failpoints } = options;
  return {
    config,
    clock,
    logger,
    metrics,
    failpoints,
    topics: options.topics,
    openProducer: (id) =>
      config.processingGuarantee === 'at-least-once'
        ? openAtLeastOnceProducer(port)
        : port.openProducer({
            transactionalId: transactionalId(config.applicationId, id),
            transactionTimeoutMs: config.transactionTimeoutMs,
          }),
    startPositions: (partitions) => startPositions(options, partitions),
    openState: options.openState,
    setStateAside: options.setStateAside,
    restore: async (id, restore) => {
      const { progress } = restore;
      const task = formatTaskId(id);
      let toldMs = 0;
      // A standby that becomes the task's own has more in memory than on its disk.
      const stored = restore.state.storedOffset;
      const { from, to, records } = await restoreState({
        ...restore,
        ...{ port, clock, logger },
        progress: (restored, remaining) => {
          progress.update(restored, remaining);
          if (progress.elapsedMs - toldMs > progressIntervalMs) {
            toldMs = progress.elapsedMs;
            logger.info('restoring', { task, progress: progress.toString() });
          }
          failpoints.hit('during-restore');
        },
      });
      metrics.restored(id, records);
      const seconds = progress.elapsedMs / 1_000;
      logger.info('state restored', { task, stored, from, to, records, seconds });
    },
  };
}

/** Committed offsets; where none was committed, the start of the log. */
async function startPositions(
  { membership, port }: TaskEnvironmentOptions,
  partitions: readonly TopicPartition[],
): Promise<readonly PartitionOffset[]> {
  const committed = await membership.committedOffsets(partitions);
  const isCommitted = ({ topic, partition }: TopicPartition): boolean =>
    committed.some((each) => each.topic === topic && each.partition === partition);
  const fresh = partitions.filter((each) => !isCommitted(each));
  if (fresh.length === 0) return committed;
  return [...committed, ...(await port.admin.listOffsets(fresh, 'earliest'))];
}
