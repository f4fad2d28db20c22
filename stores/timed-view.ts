/**
 * Reads of a store that forgets: what is expired is never in an answer, whether or not it has been taken
 * away. The time an answer goes by is that of the moment its bytes are read, for each page of a long one.
 */
import { isExpired } from './expiry.ts';
import { keyName } from './key-name.ts';
import type { ScanOptions } from './key-value-store.ts';
import type { StateEntry } from './state-engine.ts';
import { committedStreamTimeMs, type StreamTime } from './stream-time.ts';
import type { TaskState } from './task-state.ts';
import type { Bounds } from './timed-keys.ts';

type MaybePromise<T> = T | Promise<T>;

export interface TimedReads {
  get(key: Buffer): MaybePromise<Buffer | undefined>;
  range(query: Bounds & ScanOptions): Promise<readonly StateEntry[]>;
  nowMs(): MaybePromise<number>;
}

/** With the open transaction's writes. */
export function taskReads(state: TaskState, time: StreamTime): TimedReads {
  return {
    get: (key) => state.get(keyName(key)),
    range: (query) => state.range(query),
    nowMs: () => time.nowMs,
  };
}

/** Committed content by committed time: what queries see. */
export function committedReads(state: TaskState): TimedReads {
  return {
    get: (key) => state.committedGet(keyName(key)),
    range: (query) => state.committedRange(query),
    nowMs: () => committedStreamTimeMs(state),
  };
}

export interface TimedViewOptions<V> {
  readonly reads: TimedReads;
  readonly lifetimeMs: number;
  /** The time that an entry's lifetime counts from. */
  readonly timeOf: (entry: StateEntry) => number;
  readonly valueOf: (bytes: Buffer) => V;
}

type ViewEntry<V> = readonly [entry: Buffer, value: V];

const pageEntriesMax = 1_000;

export class TimedView<V> {
  readonly #options: TimedViewOptions<V>;

  constructor(options: TimedViewOptions<V>) {
    this.#options = options;
  }

  get(key: Buffer): MaybePromise<V | undefined> {
    const { reads, valueOf } = this.#options;
    const nowMs = reads.nowMs();
    const found = reads.get(key);
    const live = (value: Buffer | undefined, atMs: number): V | undefined =>
      value !== undefined && this.#isLive([key, value], atMs) ? valueOf(value) : undefined;
    if (found instanceof Promise || nowMs instanceof Promise) {
      return Promise.all([found, nowMs]).then(([value, atMs]) => live(value, atMs));
    }
    return live(found, nowMs);
  }

  /** Up to `limit` live entries between the bounds, of those that are wanted. */
  async scan(
    { gte, lt }: Bounds,
    { limit, reverse = false }: ScanOptions,
    isWanted: (entry: Buffer) => boolean = () => true,
  ): Promise<readonly ViewEntry<V>[]> {
    const { reads, valueOf } = this.#options;
    const found: StateEntry[] = [];
    let bounds = { gte, lt };
    for (let pageMax = limit; found.length < limit; pageMax = Math.max(limit, pageEntriesMax)) {
      const query = { ...bounds, limit: pageMax, reverse };
      const [page, nowMs] = await Promise.all([reads.range(query), reads.nowMs()]);
      found.push(...page.filter((entry) => this.#isLive(entry, nowMs) && isWanted(entry[0])));
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < pageMax) break;
      bounds = reverse ? { ...bounds, lt: last } : { ...bounds, gte: behind(last) };
    }
    return found.slice(0, limit).map(([entry, value]) => [entry, valueOf(value)]);
  }

  #isLive(entry: StateEntry, nowMs: number): boolean {
    const { timeOf, lifetimeMs } = this.#options;
    return !isExpired(timeOf(entry), lifetimeMs, nowMs);
  }
}

/** The first key after this one. */
function behind(key: Buffer): Buffer {
  return Buffer.concat([key, Buffer.from([0])]);
}
