import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type { ChangelogPosition } from '../../stores/state-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState, type TaskStateOptions } from '../../stores/task-state.ts';
import { GatedEngine } from './gated-engine.ts';
import { pendingChanges } from '../support/pending-changes.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const at = (offset: number): { topicId: string; offset: number } => ({ topicId: 'topic', offset });
const everything = { gte: Buffer.alloc(0), limit: 100 };

const cacheOf = (cacheBytesMax: number): StateCache =>
  new StateCache({ cacheBytesMax, restoreBytesMax: 0 });

let disk: MemoryEngine;
let engine: GatedEngine;

const openState = (options: Partial<TaskStateOptions> = {}): TaskState =>
  new TaskState({
    engine,
    cache: cacheOf(1_000_000),
    checkpointRecordsMax: 10,
    checkpointBytesMax: 1_000,
    checkpointIntervalMs: 5_000,
    recordBytesMax: () => Infinity,
    nowMs: 100,
    ...options,
  });
const stored = async (): Promise<string[]> =>
  (await disk.range(everything)).map(([key, value]) => `${key.toString()}=${value.toString()}`);
const put = (state: TaskState, key: string, value: string): void => state.put(key, bytes(value));

beforeEach(() => {
  disk = new MemoryEngine();
  engine = new GatedEngine(disk);
});

describe('reading', () => {
  const onDisk = async (...keys: string[]): Promise<void> => {
    const position: ChangelogPosition = { ...at(keys.length), writtenAtMs: 100 };
    await disk.write(
      keys.map((key) => ({ key: bytes(key), value: bytes('stored') })),
      position,
    );
  };

  test('answers at once from the open transaction, from committed content and from the cache', async () => {
    const state = openState();
    put(state, 'a', '1');
    expect(state.get('a')).toEqual(bytes('1'));

    state.commit(at(1));
    expect(state.get('a')).toEqual(bytes('1'));

    await state.checkpoint(200);
    expect(state.get('a')).toEqual(bytes('1'));
  });

  test('asks the engine once for a key, present or absent', async () => {
    await onDisk('a');
    const state = openState();

    expect(state.get('a')).toBeInstanceOf(Promise);
    expect(await state.get('a')).toEqual(bytes('stored'));
    expect(await state.get('x')).toBeUndefined();

    expect(state.get('a')).toEqual(bytes('stored'));
    expect(state.get('x')).toBeUndefined();
  });

  test('forgets what is not to be cached as soon as the engine has it', async () => {
    const state = openState();
    state.put('a', bytes('1'), false);
    state.commit(at(1));
    expect(state.get('a')).toEqual(bytes('1'));

    await state.checkpoint(200);

    expect(state.get('a')).toBeInstanceOf(Promise);
    expect(await state.get('a')).toEqual(bytes('1'));
  });

  test('loads many keys, so that each is answered at once', async () => {
    await onDisk('a', 'b');
    const state = openState();

    await state.load(['a', 'b', 'x', 'a']);

    expect(['a', 'b', 'x'].map((key) => state.get(key))).toEqual([
      bytes('stored'),
      bytes('stored'),
      undefined,
    ]);
  });

  test('goes back to the engine for what the cache had no room for', async () => {
    await onDisk('a', 'b', 'c');
    const state = openState({ cache: cacheOf(700) });

    await state.load(['a', 'b', 'c']);

    expect(state.get('a')).toBeInstanceOf(Promise);
    expect(state.get('c')).toEqual(bytes('stored'));
    expect(await state.get('a')).toEqual(bytes('stored'));
  });

  test('does not cache what a checkpoint overtook while it was read', async () => {
    await onDisk('a');
    const state = openState({ cache: cacheOf(0) });
    engine.holdsReads = true;
    const early = state.committedGet('a');
    engine.holdsReads = false;
    put(state, 'a', 'new');
    state.commit(at(2));
    await state.checkpoint(200);

    engine.releaseReads();

    expect(await early).toEqual(bytes('stored'));
    expect(await state.get('a')).toEqual(bytes('new'));
  });
});

describe('transactions', () => {
  test('shows queries nothing that is not committed', async () => {
    const state = openState();
    put(state, 'a', '1');

    expect(await state.committedGet('a')).toBeUndefined();
    expect(await state.committedRange(everything)).toEqual([]);
    expect(await state.range(everything)).toHaveLength(1);
  });

  test('gives the changelog one record a key, the last', () => {
    const state = openState();
    put(state, 'a', '1');
    put(state, 'b', '1');
    put(state, 'a', '22');
    state.delete('b');

    expect(pendingChanges(state)).toEqual([
      { key: bytes('a'), value: bytes('22') },
      { key: bytes('b'), value: undefined },
    ]);
    expect(state.pendingCount).toBe(2);
    expect(state.pendingBytes).toBe('a22b'.length);
  });

  test('forgets an aborted transaction', async () => {
    const state = openState();
    put(state, 'a', '1');

    state.abort();

    expect(state.pendingCount).toBe(0);
    expect(await state.get('a')).toBeUndefined();
    expect(state.position()).toBeUndefined();
  });
});

describe('checkpoints', () => {
  test('are due by keys, by bytes and by time since the last', async () => {
    const state = openState();
    expect(state.checkpointDue(1_000_000)).toBe(false);

    state.commit(at(1));
    expect(state.checkpointDue(5_099)).toBe(false);
    expect(state.checkpointDue(5_100)).toBe(true);

    await state.checkpoint(5_100);
    expect(state.checkpointDue(5_100)).toBe(false);
    put(state, 'big', 'x'.repeat(1_000));
    state.commit(at(2));
    expect(state.checkpointDue(5_100)).toBe(true);

    await state.checkpoint(5_100);
    expect(state.checkpointDue(5_100)).toBe(false);
    for (let key = 0; key < 10; key += 1) put(state, String(key), '');
    state.commit(at(12));
    expect(state.checkpointDue(5_100)).toBe(true);
  });

  test('write the position of an idle task again, with the time it was last known to be the newest', async () => {
    const state = openState();
    put(state, 'a', '1');
    state.commit(at(1));
    await state.checkpoint(200);

    expect(state.checkpointDue(5_199)).toBe(false);
    expect(state.checkpointDue(5_200)).toBe(true);
    await state.checkpoint(5_200);

    expect(disk.position()).toEqual({ ...at(1), writtenAtMs: 5_200 });
    expect(state.checkpointDue(5_200)).toBe(false);
  });

  test('neither lose nor claim what commits while they are written', async () => {
    const state = openState();
    put(state, 'a', '1');
    state.commit(at(1));
    engine.holdsWrites = true;
    const checkpoint = state.checkpoint(200);
    put(state, 'a', '2');
    put(state, 'b', '2');
    state.commit(at(3));

    engine.releaseWrite();
    await checkpoint;

    expect(disk.position()?.offset).toBe(1);
    expect(await stored()).toEqual(['a=1']);
    expect(state.get('a')).toEqual(bytes('2'));
    engine.holdsWrites = false;
    await state.checkpoint(300);
    expect(disk.position()?.offset).toBe(3);
    expect(await stored()).toEqual(['a=2', 'b=2']);
  });

  test('are shared by callers that come while one is written', async () => {
    const state = openState();
    state.commit(at(1));
    engine.holdsWrites = true;
    const first = state.checkpoint(200);

    expect(state.checkpoint(300)).toBe(first);
    expect(state.checkpointDue(1_000_000)).toBe(false);

    engine.releaseWrite();
    await first;
  });

  test('are done again after a failure, with what committed since', async () => {
    const state = openState();
    put(state, 'a', '1');
    put(state, 'b', '1');
    state.commit(at(2));
    engine.holdsWrites = true;
    const checkpoint = state.checkpoint(200);
    put(state, 'b', '2');
    state.commit(at(3));
    engine.failWrite();
    await expect(checkpoint).rejects.toMatchObject({ code: 'STORE_FAILED' });
    expect(state.get('a')).toEqual(bytes('1'));

    engine.holdsWrites = false;
    await state.checkpoint(300);

    expect(await stored()).toEqual(['a=1', 'b=2']);
    expect(disk.position()).toEqual({ ...at(3), writtenAtMs: 300 });
  });
});

describe('restoring', () => {
  test('goes into memory and from there to the engine, the last value of a key, with the position', async () => {
    const state = openState();

    state.applyRestored(
      [
        { key: bytes('a'), value: bytes('1') },
        { key: bytes('b'), value: bytes('1') },
        { key: bytes('a'), value: bytes('2') },
        { key: bytes('b'), value: undefined },
      ],
      at(4),
    );
    expect(state.get('a')).toEqual(bytes('2'));
    expect(disk.position()).toBeUndefined();
    await state.checkpointRestored();

    expect(await stored()).toEqual(['a=2']);
    expect(disk.position()?.offset).toBe(4);
    expect(state.position()).toEqual(at(4));
    expect(await state.get('a')).toEqual(bytes('2'));
  });

  test('replaces what the cache knew', async () => {
    const state = openState();
    await state.load(['a']);

    state.applyRestored([{ key: bytes('a'), value: bytes('1') }], at(1));

    expect(await state.get('a')).toEqual(bytes('1'));
  });

  test('lies over what was committed and not yet written', async () => {
    const state = openState();
    put(state, 'a', '1');
    put(state, 'b', '1');
    state.commit(at(2));

    state.applyRestored([{ key: bytes('a'), value: bytes('2') }], at(3));
    await state.checkpointRestored();

    expect(await stored()).toEqual(['a=2', 'b=1']);
  });

  test('does not make the engine look younger than the content it had', async () => {
    await disk.write([], { ...at(1), writtenAtMs: 42 });
    const state = openState({ nowMs: 9_000 });

    state.applyRestored([{ key: bytes('a'), value: bytes('1') }], at(2));
    await state.checkpointRestored();

    expect(disk.position()).toEqual({ ...at(2), writtenAtMs: 42 });
    expect(state.checkpointDue(9_000)).toBe(true);
  });

  test('of an empty engine is as old as its beginning', async () => {
    const state = openState({ nowMs: 9_000 });

    state.applyRestored([], at(2));
    await state.checkpointRestored();

    expect(disk.position()).toEqual({ ...at(2), writtenAtMs: 9_000 });
  });

  test('refuses an open transaction', () => {
    const state = openState();
    put(state, 'a', '1');

    expect(() => state.applyRestored([], at(1))).toThrow('no open transaction');
  });
});

describe('closing', () => {
  test('writes what is committed and nothing else', async () => {
    const state = openState();
    put(state, 'a', '1');
    state.commit(at(1));
    put(state, 'b', '1');
    let onClose: string[] = [];
    const close = disk.close.bind(disk);
    disk.close = async () => {
      onClose = await stored();
      await close();
    };

    await state.close(200);

    expect(onClose).toEqual(['a=1']);
    expect(disk.position()?.offset).toBe(1);
    await expect(state.get('x')).rejects.toMatchObject({ code: 'STORE_CLOSED' });
  });

  test('waits for the checkpoint under way and writes what came after it', async () => {
    const state = openState();
    put(state, 'a', '1');
    state.commit(at(1));
    engine.holdsWrites = true;
    const checkpoint = state.checkpoint(200);
    engine.holdsWrites = false;
    put(state, 'a', '2');
    state.commit(at(2));

    const closed = state.close(300);
    engine.releaseWrite();
    await Promise.all([checkpoint, closed]);

    expect(disk.position()?.offset).toBe(2);
  });

  test('dirty leaves the engine as it is', async () => {
    const state = openState();
    put(state, 'a', '1');
    state.commit(at(1));

    await state.closeDirty();

    expect(disk.position()).toBeUndefined();
  });
});
