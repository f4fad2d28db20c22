/** What a task needs from the instance that runs it; `task-manager.ts` provides it, tests may too. */
import type { Clock } from '../kernel/clock.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import type { SetAsideReason } from '../stores/state-directory.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { ChangelogPartition } from './commit.ts';
import type { PartitionOffset, TopicPartition } from './kafka/port.ts';
import type { OutputTopics } from './output-topics.ts';
import type { RestoreProgress } from './restore-progress.ts';
import type { StreamsConfig } from './streams-config.ts';
import type { StreamsMetrics } from './streams-metrics.ts';
import type { TaskId } from './task-id.ts';
import type { TaskProducer } from './task-producer.ts';

export interface TaskEnvironment {
  readonly config: StreamsConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: StreamsMetrics;
  readonly failpoints: Failpoints;
  /** Every topic the topology writes, changelogs included. */
  readonly topics: OutputTopics;
  /** Fences the previous owner of the task, if the guarantee is exactly-once. */
  openProducer(id: TaskId): Promise<TaskProducer>;
  /** Committed offsets, pending transactions waited for; the log's start where none was committed. */
  startPositions(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]>;
  openState(id: TaskId, changelog: ChangelogPartition): Promise<TaskState>;
  /** Puts a closed store that cannot be trusted out of the way: the next `openState` begins with none. */
  setStateAside(id: TaskId, reason: SetAsideReason, error?: unknown): Promise<void>;
  restore(id: TaskId, restore: TaskRestore): Promise<void>;
}

export interface TaskRestore {
  readonly state: TaskState;
  readonly changelog: ChangelogPartition;
  readonly progress: RestoreProgress;
  readonly signal: AbortSignal;
}
