/**
 * Values by key and the start of a window in event time, kept for a time behind the task's stream time:
 * Kafka Streams' WindowStore. The store knows where a window begins; which windows there are, tumbling or
 * hopping ones or one for every record of a join, is its user's choice.
 */
import { timeMaxMs } from './event-time.ts';
import { Expiry } from './expiry.ts';
import { keyName } from './key-name.ts';
import type { Entry, ScanOptions, StoreFormat } from './key-value-store.ts';
import type { OpenedStore, StoreTask } from './store-task.ts';
import type { TaskState } from './task-state.ts';
import { TimedKeys } from './timed-keys.ts';
import { TimedView, committedReads, taskReads, type TimedReads } from './timed-view.ts';
import type { AllScanOptions, Windowed } from './windowed.ts';

/** Reads. Times are starts of windows, and both ends of a span of time belong to it. */
export interface ReadOnlyWindowStore<K, V> {
  /** A promise only when the value is not in memory. */
  get(key: K, windowStartMs: number): V | undefined | Promise<V | undefined>;
  /** The key's windows in the order of time. */
  fetch(
    key: K,
    timeFromMs: number,
    timeToMs: number,
    options: ScanOptions,
  ): Promise<readonly Entry<number, V>[]>;
  /** By key, then time. Looks at every window of these keys, so it costs what they are many. */
  fetchAll(
    timeFromMs: number,
    timeToMs: number,
    options: AllScanOptions,
  ): Promise<readonly Entry<Windowed<K>, V>[]>;
}

export interface WindowStore<K, V> extends ReadOnlyWindowStore<K, V> {
  /** False: the window is expired, nothing was changed and the record is counted as late. */
  put(key: K, value: V, windowStartMs: number): boolean;
  delete(key: K, windowStartMs: number): void;
  /** Brings these windows into memory in one read, so that `get` answers at once. */
  load(windows: readonly (readonly [key: K, windowStartMs: number])[]): Promise<void>;
}

export interface WindowStoreFormat<K, V> extends StoreFormat<K, V> {
  readonly windowSizeMs: number;
  /** A window is kept until stream time is so far behind its start. */
  readonly retentionMs: number;
}

export function openWindowStore<K, V>(
  format: WindowStoreFormat<K, V>,
  { state, time, late }: StoreTask,
): OpenedStore<WindowStore<K, V>> {
  const keys = new TimedKeys('window', format.name);
  const expiry = new Expiry({ state, time, keys, lifetimeMs: format.retentionMs });
  const entryOf = (key: K, startMs: number): Buffer =>
    keys.entry(format.key.serialize(key), startMs);
  const store: WindowStore<K, V> = {
    ...openView(format, taskReads(state, time)),
    put: (key, value, startMs) => {
      if (expiry.isExpired(startMs)) {
        late?.();
        return false;
      }
      const entry = entryOf(key, startMs);
      state.put(keyName(entry), format.value.serialize(value));
      expiry.note(entry, startMs);
      return true;
    },
    delete: (key, startMs) => state.delete(keyName(entryOf(key, startMs))),
    load: (windows) => state.load(windows.map(([key, startMs]) => keyName(entryOf(key, startMs)))),
  };
  return { store, expiry };
}

export function openWindowView<K, V>(
  format: WindowStoreFormat<K, V>,
  state: TaskState,
): ReadOnlyWindowStore<K, V> {
  return openView(format, committedReads(state));
}

function openView<K, V>(
  { name, key: keySerde, value: valueSerde, windowSizeMs, retentionMs }: WindowStoreFormat<K, V>,
  reads: TimedReads,
): ReadOnlyWindowStore<K, V> {
  const keys = new TimedKeys('window', name);
  const startOf = (entry: Buffer): number => keys.timeOf(entry, 1);
  const view = new TimedView({
    ...{ reads, lifetimeMs: retentionMs, timeOf: ([entry]) => startOf(entry) },
    valueOf: (bytes) => valueSerde.deserialize(bytes),
  });
  return {
    get: (key, startMs) => view.get(keys.entry(keySerde.serialize(key), startMs)),
    fetch: async (key, fromMs, toMs, options) => {
      const bounds = keys.entriesBetween(keySerde.serialize(key), fromMs, toMs);
      const found = await view.scan(bounds, options);
      return found.map(([entry, value]) => [startOf(entry), value]);
    },
    fetchAll: async (fromMs, toMs, { prefix = Buffer.alloc(0), ...options }) => {
      const isWanted = (entry: Buffer): boolean =>
        startOf(entry) >= fromMs && startOf(entry) <= toMs;
      const found = await view.scan(keys.entriesWith(prefix), options, isWanted);
      return found.map(([entry, value]) => {
        const startMs = startOf(entry);
        const key = keySerde.deserialize(keys.keyOf(entry, 1));
        return [{ key, startMs, endMs: Math.min(startMs + windowSizeMs, timeMaxMs) }, value];
      });
    },
  };
}
