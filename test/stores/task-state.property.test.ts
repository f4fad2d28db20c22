/**
 * TaskState against a naive model: a log of committed changes and an open transaction. Checkpoints are
 * written in parts, fail and are interrupted while transactions commit; queries' reads come back late; the
 * process crashes at any point and restores the log's tail.
 */
/* eslint-disable jest/no-standalone-expect -- the simulation runs inside the test */
import { setImmediate } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import type { RangeQuery, StateEntry } from '../../stores/state-engine.ts';
import { StateCache } from '../../stores/state-cache.ts';
import { TaskState } from '../../stores/task-state.ts';
import { GatedEngine } from './gated-engine.ts';
import { pendingChanges } from '../support/pending-changes.ts';

type Content = Map<string, string>;
type Change = readonly [name: string, value: string | undefined];

const names = ['', '\x00', 'a', 'b', 'b\xff', '\xff'];
const name = fc.constantFrom(...names);
const value = fc.constantFrom('', '1', '22', '333');
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('put' as const), name, value, isCached: fc.boolean() }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('delete' as const), name, isCached: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('commit' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('abort' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('begin checkpoint' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('write a part' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('end checkpoint' as const), ok: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('get' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('load' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('query late' as const), name }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('answer queries' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('range' as const),
      from: name,
      to: fc.option(name, { nil: undefined }),
      limit: fc.integer({ min: 0, max: 4 }),
      reverse: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('crash' as const), written: fc.boolean() }),
  },
);
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const text = (buffer: Buffer | undefined): string | undefined => buffer?.toString('latin1');
const pairs = (entries: readonly StateEntry[]): (readonly [string, string])[] =>
  entries.map(([key, each]) => [key.toString('latin1'), each.toString('latin1')]);

class Simulation {
  readonly #disk = new MemoryEngine();
  readonly #log: Change[] = [];
  #overlay = new Map<string, string | undefined>();
  #engine = new GatedEngine(this.#disk);
  #state = this.#open();
  #checkpoint: Promise<unknown> | undefined;
  #queries: { readonly answer: Promise<Buffer | undefined>; readonly expected: unknown }[] = [];

  async run(each: Action): Promise<void> {
    switch (each.do) {
      case 'put':
        this.#overlay.set(each.name, each.value);
        this.#state.put(each.name, bytes(each.value), each.isCached);
        break;
      case 'delete':
        this.#overlay.set(each.name, undefined);
        this.#state.delete(each.name, each.isCached);
        break;
      case 'commit':
        this.#commit();
        break;
      case 'abort':
        this.#overlay.clear();
        this.#state.abort();
        break;
      case 'begin checkpoint':
        this.#beginCheckpoint();
        break;
      case 'write a part':
        await this.#writePart();
        break;
      case 'end checkpoint':
        await this.#endCheckpoint(each.ok);
        break;
      case 'get':
        expect(text(await this.#state.get(each.name))).toBe(this.#all().get(each.name));
        break;
      case 'load':
        await this.#state.load(names);
        break;
      case 'query late':
        this.#queryLate(each.name);
        break;
      case 'answer queries':
        await this.#answerQueries();
        break;
      case 'range':
        await this.#range(each);
        break;
      case 'crash':
        await this.#crash(each.written);
        break;
    }
    await this.#verify();
  }

  async end(): Promise<void> {
    await this.#endCheckpoint(true);
    await this.#answerQueries();
    await this.#state.close(0);
  }

  #open(): TaskState {
    return new TaskState({
      engine: this.#engine,
      // Three or four entries: evictions all the time.
      cache: new StateCache({ cacheBytesMax: 1_200, restoreBytesMax: 1_200 }),
      partRecordsMax: 2,
      checkpointRecordsMax: 1_000,
      checkpointBytesMax: 1_000_000,
      checkpointIntervalMs: 1_000,
      recordBytesMax: () => Infinity,
      nowMs: 0,
    });
  }

  #commit(): void {
    const changes = pendingChanges(this.#state);
    expect(changes.map((each) => [text(each.key), text(each.value)])).toEqual([...this.#overlay]);
    expect(this.#state.pendingCount).toBe(this.#overlay.size);
    const sizes = [...this.#overlay].map(([key, each]) => key.length + (each?.length ?? 0));
    expect(this.#state.pendingBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
    this.#log.push(...this.#overlay);
    this.#overlay.clear();
    this.#state.commit({ topicId: 'topic', offset: this.#log.length });
    expect(this.#state.pendingCount + this.#state.pendingBytes).toBe(0);
  }

  #beginCheckpoint(): void {
    this.#engine.holdsWrites = true;
    this.#checkpoint = this.#state.checkpoint(0).catch((error: unknown) => error);
  }

  /** The next part, if there is one, waits again. */
  async #writePart(): Promise<void> {
    this.#engine.releaseWrite();
    await setImmediate();
  }

  async #endCheckpoint(ok: boolean): Promise<void> {
    this.#engine.holdsWrites = false;
    if (ok) this.#engine.releaseWrite();
    else this.#engine.failWrite();
    await this.#checkpoint;
    this.#checkpoint = undefined;
  }

  #queryLate(key: string): void {
    const expected = this.#committed().get(key);
    this.#engine.holdsReads = true;
    const answer = this.#state.committedGet(key);
    this.#engine.holdsReads = false;
    if (answer instanceof Promise) this.#queries.push({ answer, expected });
    else expect(text(answer)).toBe(expected);
  }

  async #answerQueries(): Promise<void> {
    this.#engine.releaseReads();
    for (const { answer, expected } of this.#queries.splice(0)) {
      expect(text(await answer)).toBe(expected);
    }
  }

  async #range(query: Extract<Action, { do: 'range' }>): Promise<void> {
    const { from, to, limit, reverse } = query;
    const range: RangeQuery = {
      gte: bytes(from),
      lt: to === undefined ? undefined : bytes(to),
      limit,
      reverse,
    };
    const part = (content: Content): (readonly [string, string])[] => {
      const inside = [...content].filter(([key]) => key >= from && (to === undefined || key < to));
      const ordered = inside.sort(([left], [right]) => (left < right ? -1 : 1));
      return (reverse ? ordered.reverse() : ordered).slice(0, limit);
    };
    expect(pairs(await this.#state.range(range))).toEqual(part(this.#all()));
    expect(pairs(await this.#state.committedRange(range))).toEqual(part(this.#committed()));
  }

  /** What was in memory is gone; the part under way is on disk entirely or not at all. */
  async #crash(written: boolean): Promise<void> {
    if (written) await this.#writePart();
    this.#checkpoint = undefined;
    await this.#answerQueries();
    this.#overlay.clear();
    this.#engine = new GatedEngine(this.#disk);
    this.#state = this.#open();
    const offset = this.#state.position()?.offset ?? 0;
    for (let from = offset; from < this.#log.length; from += 3) {
      const tail = this.#log.slice(from, from + 3);
      this.#state.applyRestored(
        tail.map(([key, each]) => ({
          key: bytes(key),
          value: each === undefined ? undefined : bytes(each),
        })),
        { topicId: 'topic', offset: from + tail.length },
      );
      if (this.#state.restoredFullness === 'full') await this.#state.checkpointRestored();
    }
  }

  async #verify(): Promise<void> {
    // What the disk has, and the log from where it says on, are always everything.
    const offset = this.#disk.position()?.offset ?? 0;
    const stored = await this.#disk.range({ gte: bytes(''), limit: 100 });
    expect(fold([...pairs(stored), ...this.#log.slice(offset)])).toEqual(this.#committed());
    await this.#expectCommitted(this.#committed());
  }

  async #expectCommitted(content: Content): Promise<void> {
    for (const key of names) {
      expect(text(await this.#state.committedGet(key))).toBe(content.get(key));
    }
  }

  #committed(): Content {
    return fold(this.#log);
  }

  #all(): Content {
    return fold([...this.#log, ...this.#overlay]);
  }
}

function fold(changes: readonly Change[]): Content {
  const content: Content = new Map();
  for (const [key, each] of changes) {
    if (each === undefined) content.delete(key);
    else content.set(key, each);
  }
  return content;
}

test('remembers what a log and an open transaction say, whatever happens to its checkpoints', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 80, size: 'max' }), async (actions) => {
      const simulation = new Simulation();
      for (const each of actions) await simulation.run(each);
      await simulation.end();
    }),
    { numRuns: 200 },
  );
}, 60_000);
