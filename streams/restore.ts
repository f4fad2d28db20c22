/**
 * Brings a task's store up to its changelog: from the position stored with the data (or the log's
 * start) to the high watermark read *after* the previous owner was fenced. Waits while the last
 * stable offset is below it: a transaction of the old owner is still being settled, and what lies
 * behind it is not known yet.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { StateChange } from '../stores/state-engine.ts';
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

/** What was replayed: the changelog's offsets from where to where, and how many records lay there. */
export interface Restored {
  readonly from: number;
  readonly to: number;
  readonly records: number;
}

/**
 * @throws STATE_DAMAGED when the store is ahead of its changelog, CHANGELOG_TRUNCATED when records
 *   that it needs are gone.
 */
export async function restoreState(request: RestoreRequest): Promise<Restored> {
  const { port, state, changelog, signal } = request;
  const { topic, partition, topicId } = changelog;
  const from = state.position()?.offset ?? 0;
  const to = await checkedEnd(request, from);
  if (from >= to) return { from, to, records: 0 };
  const reader = port.openReader();
  const stuck = stuckAlarm(request);
  let position = from;
  let records = 0;
  try {
    reader.assign([{ topic, partition, offset: position }]);
    while (position < to && !signal.aborted) {
      for (const fetched of await reader.poll(pollMs)) {
        if (fetched.error !== undefined) throw fetched.error;
        applyFetched(state, fetched, topicId);
        await checkpointIfFull(state);
        position = fetched.nextOffset;
        records += fetched.records.length;
        request.progress(records, Math.max(0, to - position));
      }
      stuck(position);
    }
  } finally {
    await reader.close();
  }
  signal.throwIfAborted();
  return { from, to, records };
}

/** The high watermark, once it is certain that the log holds everything from the store's position on. */
async function checkedEnd({ port, changelog }: RestoreRequest, from: number): Promise<number> {
  const { topic, partition } = changelog;
  const [latest] = await port.admin.listOffsets([{ topic, partition }], 'latest');
  const [earliest] = await port.admin.listOffsets([{ topic, partition }], 'earliest');
  const end = latest?.offset ?? 0;
  const start = earliest?.offset ?? 0;
  if (from > end) {
    throw new RollguardError(
      'STATE_DAMAGED',
      `the store of ${topic}-${partition} stands at offset ${from}, its changelog ends at ${end}`,
      { context: { topic, partition, from, end } },
    );
  }
  if (from < start) {
    throw new RollguardError(
      'CHANGELOG_TRUNCATED',
      `changelog ${topic}-${partition} begins at offset ${start}, the store needs it from ${from} on: ` +
        'records were deleted that the state is made of; bring the state folder of a current owner, or ' +
        'start under a new application id and replay',
      { context: { topic, partition, from, start } },
    );
  }
  return end;
}

export function applyFetched(state: TaskState, fetched: FetchedPartition, topicId: string): void {
  const changes: StateChange[] = [];
  for (const { key, value } of fetched.records) {
    // A changelog record without a key is nobody's state; ours always have one.
    if (key !== null) changes.push({ key, value: value ?? undefined });
  }
  state.applyRestored(changes, { topicId, offset: fetched.nextOffset });
}

/** Memory is for the store to serve at once, not for all of a large one: the disk takes what comes meanwhile. */
export async function checkpointIfFull(state: TaskState): Promise<void> {
  const fullness = state.restoredFullness;
  // What one fails with the next one does too, and that is waited for.
  if (fullness === 'half') state.checkpointRestored().catch(() => undefined);
  else if (fullness === 'full') await state.checkpointRestored();
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
