/**
 * Brings a task's store up to its changelog: from the position stored with the data (or the log's
 * start) to the high watermark read *after* the previous owner was fenced. Waits while the last
 * stable offset is below it: a transaction of the old owner is still being settled, and what lies
 * behind it is not known yet.
 */
import type { Clock } from '../kernel/clock.ts';
import type { Logger } from '../kernel/logger.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { ChangelogPartition } from './commit.ts';
import type { FetchedPartition, KafkaPort } from './kafka/port.ts';

// A last stable offset that stays behind this long is somebody's hanging transaction: say so, loudly.
const stuckWarningMs = 10_000;
const pollMs = 200;

export interface RestoreRequest {
  readonly port: KafkaPort;
  readonly state: TaskState;
  readonly changelog: ChangelogPartition;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called after every batch with the records restored so far and those still to come. */
  readonly progress: (restored: number, remaining: number) => void;
  readonly signal: AbortSignal;
}

/** @returns how many changelog records were applied. */
export async function restoreState(request: RestoreRequest): Promise<number> {
  const { port, state, changelog, signal } = request;
  const { topic, partition, topicId } = changelog;
  const [latest] = await port.admin.listOffsets([{ topic, partition }], 'latest');
  const end = latest?.offset ?? 0;
  const [earliest] = await port.admin.listOffsets([{ topic, partition }], 'earliest');
  let position = Math.max(state.position()?.offset ?? 0, earliest?.offset ?? 0);
  if (position >= end) return 0;
  const reader = port.openReader();
  const stuck = stuckAlarm(request);
  let restored = 0;
  try {
    reader.assign([{ topic, partition, offset: position }]);
    while (position < end && !signal.aborted) {
      for (const fetched of await reader.poll(pollMs)) {
        if (fetched.error !== undefined) throw fetched.error;
        await apply(state, fetched, topicId);
        position = fetched.nextOffset;
        restored += fetched.records.length;
        request.progress(restored, Math.max(0, end - position));
      }
      stuck(position);
    }
  } finally {
    await reader.close();
  }
  return restored;
}

async function apply(state: TaskState, fetched: FetchedPartition, topicId: string): Promise<void> {
  const changes = fetched.records.flatMap(({ key, value }) =>
    // A changelog record without a key is nobody's state; ours always have one.
    key === null ? [] : [{ key, value: value ?? undefined }],
  );
  await state.applyRestored(changes, { topicId, offset: fetched.nextOffset });
}

function stuckAlarm({ clock, logger, changelog }: RestoreRequest): (position: number) => void {
  let lastPosition = -1;
  let movedAtMs = clock.monotonicMs();
  return (position) => {
    const nowMs = clock.monotonicMs();
    if (position !== lastPosition) {
      lastPosition = position;
      movedAtMs = nowMs;
    } else if (nowMs - movedAtMs > stuckWarningMs) {
      movedAtMs = nowMs;
      const { topic, partition } = changelog;
      logger.warn('restore waits: the last stable offset is stuck behind an open transaction', {
        topic,
        partition,
        position,
      });
    }
  };
}
