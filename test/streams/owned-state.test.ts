import { expect, test } from '@jest/globals';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import { OwnedState } from '../../streams/owned-state.ts';
import { compileStreamsConfig } from '../../streams/streams-config.ts';
import type { TaskEnvironment } from '../../streams/task-environment.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const changelogTombstoneRetentionMs = 6_000;
const { signal } = new AbortController();

function owned() {
  const cache = new StateCache({ cacheBytesMax: 1_000, restoreBytesMax: 1_000 });
  const clock = new ManualClock();
  const setAside: string[] = [];
  const environment = {
    clock,
    config: compileStreamsConfig({ applicationId: 'test', changelogTombstoneRetentionMs }),
    openState: () =>
      Promise.resolve(
        new TaskState({
          ...{ engine: new MemoryEngine(), cache, checkpointRecordsMax: 10 },
          ...{ checkpointBytesMax: 1_000, checkpointIntervalMs: 1_000_000 },
          ...{ recordBytesMax: () => Infinity, nowMs: clock.nowMs() },
        }),
      ),
    setStateAside: (_id: unknown, reason: string) => {
      setAside.push(reason);
      return Promise.resolve();
    },
    restore: () => Promise.resolve(),
  } as unknown as TaskEnvironment;
  const changelog = { topic: 'changelog', topicId: 'topic', partition: 0 };
  const state = new OwnedState({
    ...{ id: { subTopology: 'sub', partition: 0 }, changelog, environment },
  });
  return { clock, setAside, state };
}

test('what a task remembers is set aside when tombstones may have been cleaned away since: seed 210309', async () => {
  const { clock, setAside, state } = owned();
  await state.restore(signal);
  const remembered = state.content;
  await clock.advance(changelogTombstoneRetentionMs);
  await state.restore(signal);

  expect(setAside).toEqual(['too-old']);
  expect(state.content).not.toBe(remembered);
});

test('what a task remembers is kept while the group confirms that it is here', async () => {
  const { clock, setAside, state } = owned();
  await state.restore(signal);
  const remembered = state.content;
  await clock.advance(changelogTombstoneRetentionMs);
  state.confirmed(clock.nowMs());
  await state.restore(signal);

  expect(setAside).toEqual([]);
  expect(state.content).toBe(remembered);
});
