/** Stores that forget beside a naive model: maps of everything ever put, filtered by time when they are read. */
/* eslint-disable jest/no-standalone-expect -- the simulation runs inside the test */
import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { StateEngine } from '../../stores/state-engine.ts';
import { TimedTask, lifetimeMs, windowSizeMs } from './timed-task.ts';

const keys = ['', 'a', 'a\0', 'a\0\x01', 'ab', 'b'];
const key = fc.constantFrom(...keys);
const value = fc.constantFrom('', '1', '22');
const back = fc.integer({ min: 0, max: 30 });
const options = fc.record({ limit: fc.integer({ min: 0, max: 5 }), reverse: fc.boolean() });
const does = <T extends string>(what: T): fc.Arbitrary<T> => fc.constant(what);

export const timedAction = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: does('record'), later: fc.integer({ min: -40, max: 25 }) }),
  },
  { weight: 5, arbitrary: fc.record({ do: does('put value'), key, value }) },
  { weight: 1, arbitrary: fc.record({ do: does('delete value'), key }) },
  { weight: 5, arbitrary: fc.record({ do: does('put window'), key, value, back }) },
  { weight: 1, arbitrary: fc.record({ do: does('delete window'), key, back }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: does('put session'), key, value, back, length: fc.nat(8) }),
  },
  { weight: 1, arbitrary: fc.record({ do: does('remove session'), key, back }) },
  { weight: 4, arbitrary: fc.record({ do: does('commit') }) },
  { weight: 1, arbitrary: fc.record({ do: does('abort') }) },
  { weight: 2, arbitrary: fc.record({ do: does('checkpoint') }) },
  { weight: 1, arbitrary: fc.record({ do: does('crash'), isDiskLost: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: does('range'), from: key, to: key, options }) },
  { weight: 2, arbitrary: fc.record({ do: does('fetch'), key, back, span: fc.nat(20), options }) },
  { weight: 2, arbitrary: fc.record({ do: does('find'), key, back, span: fc.nat(20), options }) },
);
type TimedAction = typeof timedAction extends fc.Arbitrary<infer T> ? T : never;
type Query = Extract<TimedAction, { do: 'range' | 'fetch' | 'find' }>;
type Change = Extract<
  TimedAction,
  { do: `${'put' | 'delete' | 'remove'} ${'value' | 'window' | 'session'}` }
>;

interface Item {
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly value: string;
  /** What its lifetime counts from. */
  readonly timeMs: number;
}

type Kind = 'values' | 'windows' | 'sessions';
type Options = { readonly limit: number; readonly reverse: boolean };

/** Everything ever put and not deleted, live or not. */
class Model {
  nowMs = -1;
  readonly items: Record<Kind, Map<string, Item>> = {
    values: new Map(),
    windows: new Map(),
    sessions: new Map(),
  };

  copy(): Model {
    const copy = new Model();
    copy.nowMs = this.nowMs;
    for (const kind of ['values', 'windows', 'sessions'] as const) {
      for (const [id, item] of this.items[kind]) copy.items[kind].set(id, item);
    }
    return copy;
  }

  isExpired(timeMs: number): boolean {
    return timeMs + lifetimeMs <= this.nowMs;
  }

  put(kind: Kind, item: Item): void {
    this.items[kind].set(idOf(item), item);
  }

  /** By key, then time. */
  live(kind: Kind): Item[] {
    return [...this.items[kind].values()]
      .filter(({ timeMs }) => !this.isExpired(timeMs))
      .sort(byKeyAndTime);
  }
}

const idOf = (item: Pick<Item, 'key' | 'startMs' | 'endMs'>): string =>
  JSON.stringify([item.key, item.startMs, item.endMs]);

function byKeyAndTime(left: Item, right: Item): number {
  if (left.key !== right.key) return left.key < right.key ? -1 : 1;
  return left.endMs - right.endMs || left.startMs - right.startMs;
}

function part<T>(items: readonly T[], { limit, reverse }: Options): T[] {
  return (reverse ? items.toReversed() : items).slice(0, limit);
}

const asValue = (item: Item): unknown => [item.key, item.value];
const asWindowed = ({ key: itemKey, startMs, endMs, value: itemValue }: Item): unknown => [
  { key: itemKey, startMs, endMs },
  itemValue,
];

export class TimedSimulation {
  readonly #task: TimedTask;
  #open = new Model();
  #committed = new Model();

  private constructor(task: TimedTask) {
    this.#task = task;
  }

  static async start(engines: {
    readonly open: () => Promise<StateEngine>;
    readonly reopen: (engine: StateEngine) => Promise<StateEngine>;
  }): Promise<TimedSimulation> {
    return new TimedSimulation(await TimedTask.start(engines));
  }

  async run(action: TimedAction): Promise<void> {
    await this.#do(action);
    await this.#verify(this.#task, this.#open);
    await this.#verify(this.#task.views(), this.#committed);
  }

  /** When time has gone on far enough nothing is left but the time itself. */
  async verifyAllGoes(): Promise<void> {
    const untilMs = this.#open.nowMs + 1_000;
    for (let step = 0; step < 20; step += 1) await this.#task.record(untilMs);
    expect(await this.#task.entryCount()).toBe(1);
  }

  close(): Promise<void> {
    return this.#task.close();
  }

  async #do(action: TimedAction): Promise<void> {
    switch (action.do) {
      case 'record': {
        const timestampMs = Math.max(0, this.#open.nowMs + action.later);
        await this.#task.record(timestampMs);
        this.#open.nowMs = Math.max(this.#open.nowMs, timestampMs);
        break;
      }
      case 'commit':
        this.#task.commit();
        this.#committed = this.#open.copy();
        break;
      case 'abort':
        await this.#task.abort();
        this.#open = this.#committed.copy();
        break;
      case 'checkpoint':
        await this.#task.checkpoint();
        break;
      case 'crash':
        await this.#task.crash(action);
        this.#open = this.#committed.copy();
        break;
      case 'range':
      case 'fetch':
      case 'find':
        await this.#query(action);
        break;
      default:
        this.#change(action);
    }
  }

  #change(action: Change): void {
    const model = this.#open;
    const atMs = Math.max(0, model.nowMs - ('back' in action ? action.back : 0));
    switch (action.do) {
      case 'put value':
        this.#task.values.put(action.key, action.value);
        model.put('values', { ...action, startMs: 0, endMs: 0, timeMs: atMs });
        break;
      case 'delete value':
        this.#task.values.delete(action.key);
        model.items.values.delete(idOf({ key: action.key, startMs: 0, endMs: 0 }));
        break;
      case 'put window': {
        const taken = this.#task.windows.put(action.key, action.value, atMs);
        expect(taken).toBe(!model.isExpired(atMs));
        const endMs = atMs + windowSizeMs;
        if (taken) model.put('windows', { ...action, startMs: atMs, endMs, timeMs: atMs });
        break;
      }
      case 'delete window':
        this.#task.windows.delete(action.key, atMs);
        model.items.windows.delete(
          idOf({ key: action.key, startMs: atMs, endMs: atMs + windowSizeMs }),
        );
        break;
      case 'put session': {
        const item = { key: action.key, startMs: atMs, endMs: atMs + action.length };
        const taken = this.#task.sessions.put(item, action.value);
        expect(taken).toBe(!model.isExpired(item.endMs));
        if (taken) model.put('sessions', { ...item, value: action.value, timeMs: item.endMs });
        break;
      }
      case 'remove session': {
        const item = { key: action.key, startMs: atMs, endMs: atMs };
        this.#task.sessions.remove(item);
        model.items.sessions.delete(idOf(item));
        break;
      }
    }
  }

  async #query(action: Query): Promise<void> {
    const model = this.#open;
    if (action.do === 'range') {
      const { from, to } = action;
      const inside = model.live('values').filter((item) => item.key >= from && item.key < to);
      const found = await this.#task.values.range(from, to, action.options);
      expect(found).toEqual(part(inside, action.options).map(asValue));
      return;
    }
    const fromMs = model.nowMs - action.back;
    const toMs = fromMs + action.span;
    if (action.do === 'fetch') {
      const inside = model
        .live('windows')
        .filter(
          (item) => item.key === action.key && item.startMs >= fromMs && item.startMs <= toMs,
        );
      const found = await this.#task.windows.fetch(action.key, fromMs, toMs, action.options);
      expect(found).toEqual(part(inside, action.options).map((item) => [item.startMs, item.value]));
      return;
    }
    const inside = model
      .live('sessions')
      .filter((item) => item.key === action.key && item.endMs >= fromMs && item.startMs <= toMs);
    const found = await this.#task.sessions.findSessions(action.key, fromMs, toMs, action.options);
    expect(found).toEqual(part(inside, action.options).map(asWindowed));
  }

  async #verify(stores: Pick<ReturnType<TimedTask['views']>, Kind>, model: Model): Promise<void> {
    const all = { limit: 1_000 };
    expect(await stores.values.range(undefined, undefined, all)).toEqual(
      model.live('values').map(asValue),
    );
    expect(await stores.windows.fetchAll(0, Infinity, all)).toEqual(
      model.live('windows').map(asWindowed),
    );
    expect(await stores.sessions.fetchAll(all)).toEqual(model.live('sessions').map(asWindowed));
    for (const each of keys) {
      const item = model.live('values').find((other) => other.key === each);
      expect(await stores.values.get(each)).toBe(item?.value);
    }
  }
}
