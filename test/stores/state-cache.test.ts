import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import { GatedEngine } from './gated-engine.ts';

// A cell of a short key and a value of 1,000 bytes takes about 1,300.
const value = Buffer.alloc(1_000);
const names = ['a', 'b', 'c', 'd', 'e', 'f'];

let cache: StateCache;

function openState(engine = new GatedEngine(new MemoryEngine())): TaskState {
  return new TaskState({
    ...{ engine, cache, checkpointRecordsMax: 1_000, checkpointBytesMax: 1_000_000 },
    ...{ checkpointIntervalMs: 1_000, recordBytesMax: () => Infinity, nowMs: 0 },
  });
}

function fill(state: TaskState, keys: readonly string[], offset = keys.length): void {
  for (const key of keys) state.put(key, value);
  state.commit({ topicId: 'topic', offset });
}

const inMemory = (state: TaskState, keys: readonly string[]): string[] =>
  keys.filter((key) => !(state.committedGet(key) instanceof Promise));

beforeEach(() => {
  cache = new StateCache({ cacheBytesMax: 4_000, restoreBytesMax: 8_000 });
});

describe('the memory of all states of a process', () => {
  test('has one bound: what one state reads evicts what another has not used since', async () => {
    const one = openState();
    const other = openState();
    fill(one, ['a', 'b']);
    await one.checkpoint(0);
    fill(other, ['c', 'd']);
    await other.checkpoint(0);

    expect(inMemory(one, ['a', 'b'])).toEqual(['b']);
    expect(inMemory(other, ['c', 'd'])).toEqual(['c', 'd']);
  });

  test('gives what was used a second chance', async () => {
    const state = openState();
    fill(state, ['a', 'b', 'c']);
    await state.checkpoint(0);
    void state.get('a');
    fill(state, ['d'], 4);
    await state.checkpoint(0);

    expect(inMemory(state, ['a', 'b', 'c', 'd'])).toEqual(['a', 'c', 'd']);
  });

  test('never evicts what the engine has not: a checkpoint is due instead, early', async () => {
    const state = openState();
    fill(state, names);

    expect(inMemory(state, names)).toEqual(names);
    expect(state.checkpointDue(0)).toBe(true);

    await state.checkpoint(0);
    expect(inMemory(state, names)).toHaveLength(3);
    expect(state.checkpointDue(0)).toBe(false);
  });

  test('is given back by a state that is closed', async () => {
    const closed = openState();
    fill(closed, ['a', 'b', 'c']);
    await closed.close(0);
    const state = openState();
    fill(state, ['d', 'e', 'f']);
    await state.checkpoint(0);

    expect(inMemory(state, ['d', 'e', 'f'])).toEqual(['d', 'e', 'f']);
  });

  test('counts an aborted transaction no longer', async () => {
    const state = openState();
    for (const key of names) state.put(key, value);
    state.abort();
    fill(state, ['a', 'b', 'c']);
    await state.checkpoint(0);

    expect(inMemory(state, ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
  });
});

describe('a restore', () => {
  const restored = (state: TaskState, keys: readonly string[], offset: number): void =>
    state.applyRestored(
      keys.map((key) => ({ key: Buffer.from(key), value })),
      { topicId: 'topic', offset },
    );

  test('serves from memory before its engine has anything', async () => {
    const engine = new GatedEngine(new MemoryEngine());
    const state = openState(engine);
    engine.holdsWrites = true;
    restored(state, names, names.length);
    const checkpoint = state.checkpointRestored();

    expect(engine.isWriting).toBe(true);
    expect(engine.position()).toBeUndefined();
    expect(inMemory(state, names)).toEqual(names);
    expect(await state.committedRange({ gte: Buffer.from('b'), limit: 2 })).toEqual([
      [Buffer.from('b'), value],
      [Buffer.from('c'), value],
    ]);

    engine.releaseWrite();
    await checkpoint;
  });

  test('keeps nothing in memory of what its engine has: it would keep whole answers of the broker', async () => {
    const state = openState();
    restored(state, ['a'], 1);
    await state.checkpointRestored();

    expect(inMemory(state, ['a'])).toEqual([]);
    expect(await state.committedGet('a')).toEqual(value);
  });

  test('says when its engine should be written, and when that has to be waited for', () => {
    const state = openState();
    restored(state, ['a', 'b', 'c'], 3);
    expect(state.restoredFullness).toBe('low');

    restored(state, ['d'], 4);
    expect(state.restoredFullness).toBe('half');

    restored(state, ['e', 'f', 'g'], 7);
    expect(state.restoredFullness).toBe('full');
  });

  test('has nothing to write for the memory that others take', () => {
    fill(openState(), [...names, 'g', 'h']);

    expect(openState().restoredFullness).toBe('low');
  });
});
