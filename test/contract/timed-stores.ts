/** What stores that forget must do, over any StateEngine; run against each from test/stores/. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { stringSerde } from '../../stores/serde.ts';
import type { StateEngine } from '../../stores/state-engine.ts';
import { TimedTask, kinds, lifetimeMs } from '../support/timed-task.ts';
import { TimedSimulation, timedAction } from '../support/timed-simulation.ts';

export interface EnginesUnderTest {
  /** A fresh engine. */
  readonly open: () => Promise<StateEngine>;
  /** Closes the engine as a crash does and opens what it left. */
  readonly reopen: (engine: StateEngine) => Promise<StateEngine>;
  /** Histories that the model is compared with. */
  readonly histories: number;
}

const all = { limit: 1_000 };
const session = (key: string, startMs: number, endMs: number) => ({ key, startMs, endMs });

export function describeTimedStores(name: string, engines: EnginesUnderTest): void {
  describe(`stores that forget, over ${name}`, () => {
    let task: TimedTask;

    beforeEach(async () => {
      task = await TimedTask.start(engines);
    });

    afterEach(async () => {
      await task.close();
    });

    test('a window is found by key and span of time, both ends included', async () => {
      await task.record(30);
      for (const startMs of [15, 20, 25]) task.windows.put('a', `a ${startMs}`, startMs);
      task.windows.put('a\0', 'another key', 20);
      task.windows.put('', 'no key', 20);

      expect(task.windows.get('a', 20)).toBe('a 20');
      expect(await task.windows.fetch('a', 15, 20, all)).toEqual([
        [15, 'a 15'],
        [20, 'a 20'],
      ]);
      expect(await task.windows.fetch('a', -Infinity, Infinity, { ...all, reverse: true })).toEqual(
        [
          [25, 'a 25'],
          [20, 'a 20'],
          [15, 'a 15'],
        ],
      );
      expect(await task.windows.fetch('a', 21, 24, all)).toEqual([]);
      expect(await task.windows.fetch('a', 25, 15, all)).toEqual([]);
    });

    test('windows of all keys come by key, then time, with the end of each', async () => {
      await task.record(30);
      task.windows.put('b', '1', 25);
      task.windows.put('a', '2', 25);
      task.windows.put('a', '3', 20);

      expect(await task.windows.fetchAll(20, 25, all)).toEqual([
        [{ key: 'a', startMs: 20, endMs: 25 }, '3'],
        [{ key: 'a', startMs: 25, endMs: 30 }, '2'],
        [{ key: 'b', startMs: 25, endMs: 30 }, '1'],
      ]);
      const ofB = { ...all, prefix: stringSerde.serialize('b') };
      expect(await task.windows.fetchAll(0, 100, ofB)).toHaveLength(1);
      expect(await task.windows.fetchAll(21, 24, all)).toEqual([]);
    });

    test('sessions are found by where they end and start', async () => {
      await task.record(40);
      const sessions = [session('a', 21, 22), session('a', 25, 30), session('a', 35, 40)];
      for (const each of sessions) task.sessions.put(each, `until ${each.endMs}`);
      task.sessions.put(session('ab', 25, 30), 'another key');

      const found = await task.sessions.findSessions('a', 26, 34, all);

      expect(found).toEqual([[session('a', 25, 30), 'until 30']]);
      expect(await task.sessions.findSessions('a', 30, 25, all)).toEqual(found);
      expect(task.sessions.fetchSession(session('a', 21, 22))).toBe('until 22');
      expect(await task.sessions.findSessions('a', 0, Infinity, { limit: 2 })).toHaveLength(2);
      task.sessions.remove(session('a', 25, 30));
      expect(await task.sessions.findSessions('a', 26, 34, all)).toEqual([]);
    });

    test('a record that is too late is not taken, and counted', async () => {
      await task.record(100);

      expect(task.windows.put('a', 'late', 100 - lifetimeMs)).toBe(false);
      expect(task.sessions.put(session('a', 70, 80), 'late')).toBe(false);
      expect(task.windows.put('a', 'in time', 101 - lifetimeMs)).toBe(true);
      expect(task.sessions.put(session('a', 70, 81), 'in time')).toBe(true);

      expect(task.lateRecords).toEqual({ windows: 1, sessions: 1 });
      expect(await task.windows.fetchAll(0, 200, all)).toHaveLength(1);
      expect(await task.sessions.fetchAll(all)).toHaveLength(1);
    });

    test('a put gives an entry its whole time again', async () => {
      await task.record(100);
      task.values.put('kept', '1');
      task.values.put('left', '1');
      await task.record(110);
      task.values.put('kept', '2');

      await task.record(100 + lifetimeMs);
      expect(task.values.get('left')).toBeUndefined();
      expect(task.values.get('kept')).toBe('2');

      await task.record(110 + lifetimeMs);
      expect(await task.values.range(undefined, undefined, all)).toEqual([]);
    });

    test('queries see committed content by committed time', async () => {
      await task.record(100);
      task.values.put('a', '1');
      task.windows.put('a', '1', 100);
      task.commit();
      await task.record(100 + lifetimeMs);

      expect(await task.views().values.get('a')).toBe('1');
      expect(await task.views().windows.fetch('a', 0, 200, all)).toEqual([[100, '1']]);
      task.commit();
      expect(await task.views().values.get('a')).toBeUndefined();
      expect(await task.views().windows.fetch('a', 0, 200, all)).toEqual([]);
    });

    test('a step takes a bounded number of entries away, and each leaves the answers as they were', async () => {
      const count = 300;
      await task.record(100);
      for (let n = 0; n < count; n += 1) {
        task.values.put(`key ${n}`, 'v');
        task.windows.put(`key ${n}`, 'v', 100);
        task.sessions.put(session(`key ${n}`, 90, 100), 'v');
      }
      task.commit();

      let steps = 0;
      for (let left = await task.entryCount(); left > 1; steps += 1) {
        await task.record(200);
        const changed = task.pendingCount;
        task.commit();
        expect(await task.windows.fetchAll(0, 300, all)).toEqual([]);
        expect(await task.values.range(undefined, undefined, all)).toEqual([]);
        expect(await task.sessions.fetchAll(all)).toEqual([]);
        expect(changed).toBeLessThanOrEqual(kinds * 128 + 1);
        const now = await task.entryCount();
        expect(now).toBeLessThan(left);
        left = now;
      }
      expect(steps).toBeGreaterThanOrEqual(4);
    });

    test('a page of expired entries does not end an answer', async () => {
      await task.record(20);
      for (const key of ['a', 'b', 'c']) {
        task.windows.put(key, 'v', 20);
        task.values.put(key, 'v');
      }
      await task.record(24);
      task.windows.put('d', 'v', 24);
      task.values.put('d', 'v');

      await task.record(20 + lifetimeMs);

      // Still there: their segment is not over.
      expect(await task.entryCount()).toBe(1 + 2 * 2 * 4);
      expect(await task.windows.fetchAll(0, 100, { limit: 1 })).toEqual([
        [{ key: 'd', startMs: 24, endMs: 29 }, 'v'],
      ]);
      expect(await task.values.range('a', undefined, { limit: 1 })).toEqual([['d', 'v']]);
    });

    test('nothing is taken away before its last moment, also by a task that has just started', async () => {
      await task.record(24);
      task.windows.put('a', 'v', 24);
      task.values.put('a', 'v');
      task.commit();
      await task.crash({ isDiskLost: false });

      await task.record(23 + lifetimeMs);

      expect(await task.windows.get('a', 24)).toBe('v');
      expect(await task.values.get('a')).toBe('v');
      await task.record(24 + lifetimeMs);
      expect(await task.entryCount()).toBe(1);
    });

    test('hot entries are noted once a segment, not at every put', async () => {
      await task.record(100);
      task.windows.put('hot', '1', 100);
      task.values.put('hot', '1');
      task.commit();

      task.windows.put('hot', '2', 100);
      task.values.put('hot', '2');

      expect(task.pendingCount).toBe(2);
    });

    test('what was put in an aborted transaction is noted again in the next', async () => {
      await task.record(100);
      task.commit();
      task.windows.put('a', '1', 100);
      await task.abort();
      task.windows.put('a', '1', 100);
      task.commit();

      for (let step = 0; step < 3; step += 1) await task.record(500);
      task.commit();

      expect(await task.entryCount()).toBe(1);
    });

    test('a late record is late after a crash too, whatever comes first', async () => {
      await task.record(100);
      task.windows.put('a', '1', 95);
      task.commit();
      await task.crash({ isDiskLost: true });

      await task.record(50);

      expect(task.windows.put('a', '2', 60)).toBe(false);
      expect(await task.windows.get('a', 95)).toBe('1');
    });

    test('a restored task forgets the same as one that never stopped', async () => {
      const other = await TimedTask.start(engines);
      for (const each of [task, other]) {
        await each.record(100);
        for (let n = 0; n < 100; n += 1) each.windows.put(`key ${n}`, 'v', 90 + (n % 10));
        each.commit();
        await each.record(115);
        each.commit();
      }
      await task.crash({ isDiskLost: true });
      for (const each of [task, other]) {
        for (let step = 0; step < 10; step += 1) await each.record(150);
        each.commit();
      }

      expect(await task.entryCount()).toBe(1);
      expect(await other.entryCount()).toBe(1);
      await other.close();
    });

    test('what is no time is refused', async () => {
      await task.record(10);

      for (const startMs of [-1, 0.5, NaN, 2 ** 60]) {
        expect(() => task.windows.put('a', '1', startMs)).toThrow('is no time');
      }
      expect(() => task.sessions.put(session('a', 9, 8), '1')).toThrow('ends before');
      await expect(task.record(2 ** 60)).rejects.toMatchObject({ code: 'ENCODE_FAILED' });
    });

    test('agree with maps that are filtered by time, whatever is committed, aborted, written and lost', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(timedAction, { maxLength: 60, size: 'max' }), async (actions) => {
          const simulation = await TimedSimulation.start(engines);
          try {
            for (const action of actions) await simulation.run(action);
            await simulation.verifyAllGoes();
          } finally {
            await simulation.close();
          }
        }),
        { numRuns: engines.histories },
      );
    }, 120_000);
  });
}
