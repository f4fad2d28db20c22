/** What of a standby may be read. */
import { describe, expect, test } from '@jest/globals';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import type { FetchedPartition } from '../../streams/kafka/port.ts';
import { StandbyTask } from '../../streams/standby-task.ts';

const changelog = { topic: 'changelog', topicId: 'id', partition: 0 };

/** As it lies on the disk of an instance that was stopped there. */
async function opened(offset: number): Promise<StandbyTask> {
  const engine = new MemoryEngine();
  await engine.write([], { topicId: 'id', offset, writtenAtMs: 0 });
  const state = new TaskState({
    ...{ engine, cache: new StateCache({ cacheBytesMax: 1_000, restoreBytesMax: 1_000 }) },
    ...{ checkpointRecordsMax: 100, checkpointBytesMax: 1_000, checkpointIntervalMs: 1_000 },
    ...{ recordBytesMax: () => 1_000, nowMs: 0 },
  });
  return new StandbyTask({ name: 'task_0', changelog, state });
}

function fetched(nextOffset: number, lastStableOffset: number): FetchedPartition {
  const end = { highWatermark: lastStableOffset, lastStableOffset, logStartOffset: 0 };
  return { topic: 'changelog', partition: 0, records: [], nextOffset, ...end };
}

describe('a standby', () => {
  test('that was just opened behind its changelog is not read before it has caught up', async () => {
    const standby = await opened(5);
    standby.endsAt({ ...changelog, offset: 9 }, 1);
    const [seen, lag] = [standby.readableState, standby.lag];
    await standby.apply(fetched(9, 9), 2);

    expect([seen, lag]).toEqual([undefined, 4]);
    expect(standby.readableState).toBeDefined();
  });

  test('that has everything is read, though nothing comes', async () => {
    const standby = await opened(5);
    standby.endsAt({ ...changelog, offset: 5 }, 1);

    expect(standby.readableState).toBeDefined();
    expect(standby.completeAtMs).toBe(1);
  });

  test('in the middle of a transaction is not read', async () => {
    const standby = await opened(0);
    await standby.apply(fetched(4, 4), 1);
    await standby.apply(fetched(6, 8), 2);

    expect(standby.readableState).toBeUndefined();
    expect(standby.completeAtMs).toBe(1);
  });
});
