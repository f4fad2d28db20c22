import { beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import { BackgroundCheckpoint } from '../../streams/background-checkpoint.ts';
import { GatedEngine } from '../stores/gated-engine.ts';
import { errorCodeOf } from '../support/error-code.ts';

const checkpointRecordsMax = 3;
const nowMs = 100;

let engine: GatedEngine;
let state: TaskState;
let checkpoints: BackgroundCheckpoint;
let commits = 0;

const openState = (): TaskState =>
  new TaskState({
    engine,
    cache: new StateCache({ cacheBytesMax: 1_000_000, restoreBytesMax: 1_000_000 }),
    checkpointRecordsMax,
    checkpointBytesMax: 1_000_000,
    checkpointIntervalMs: 1_000_000,
    recordBytesMax: () => Infinity,
    nowMs,
  });

const commitKeys = (count: number): void => {
  for (let key = 0; key < count; key += 1) {
    commits += 1;
    state.put(`key-${commits}`, Buffer.from('x'));
  }
  state.commit({ topicId: 'topic', offset: commits });
};

/** True when it is still waiting after everything that can run has run. */
const isWaiting = async (work: Promise<void>): Promise<boolean> => {
  let settled = false;
  void work.finally(() => (settled = true)).catch(() => undefined);
  await new Promise((resolve) => setImmediate(resolve));
  return !settled;
};

beforeEach(() => {
  engine = new GatedEngine(new MemoryEngine());
  engine.holdsWrites = true;
  state = openState();
  checkpoints = new BackgroundCheckpoint();
  commits = 0;
});

describe('a checkpoint that is due', () => {
  test('is written beside the next transactions', async () => {
    commitKeys(checkpointRecordsMax);
    await checkpoints.ifDue(state, nowMs);
    commitKeys(checkpointRecordsMax - 1);
    await checkpoints.ifDue(state, nowMs);

    expect(engine.isWriting).toBe(true);
    expect(state.position()?.offset).toBe(2 * checkpointRecordsMax - 1);
  });

  test('is waited for when the next one is full before it is written: the tail stays bounded', async () => {
    commitKeys(checkpointRecordsMax);
    await checkpoints.ifDue(state, nowMs);
    commitKeys(checkpointRecordsMax);
    const full = checkpoints.ifDue(state, nowMs);

    expect(await isWaiting(full)).toBe(true);
    engine.releaseWrite();
    expect(await isWaiting(full)).toBe(false);
  });

  test('that fails fails the task at its next turn, once; its content goes with the next one', async () => {
    commitKeys(checkpointRecordsMax);
    await checkpoints.ifDue(state, nowMs);
    engine.failWrite();
    await new Promise((resolve) => setImmediate(resolve));
    engine.holdsWrites = false;

    expect(await errorCodeOf(checkpoints.ifDue(state, nowMs))).toBe('STORE_FAILED');
    expect(engine.position()).toBeUndefined();
    await checkpoints.ifDue(state, nowMs);
    expect(engine.position()?.offset).toBe(checkpointRecordsMax);
  });

  test('that failed for a state which was set aside meanwhile is nobody’s concern', async () => {
    commitKeys(checkpointRecordsMax);
    await checkpoints.ifDue(state, nowMs);
    engine.failWrite();
    await new Promise((resolve) => setImmediate(resolve));

    await expect(checkpoints.ifDue(openState(), nowMs)).resolves.toBeUndefined();
  });
});
