/**
 * A key-value store whose entries live for a time after they were put last, by the task's stream time:
 * event time, so that a replay forgets as the first run did. The value lies behind the time of its put.
 */
import { readTime, timeBytes, writeTime } from './event-time.ts';
import { Expiry } from './expiry.ts';
import { keyName } from './key-name.ts';
import type {
  Entry,
  KeyValueStore,
  KeyValueStoreFormat,
  ReadOnlyKeyValueStore,
} from './key-value-store.ts';
import type { OpenedStore, StoreTask } from './store-task.ts';
import type { TaskState } from './task-state.ts';
import { TimedKeys } from './timed-keys.ts';
import { TimedView, committedReads, taskReads, type TimedReads } from './timed-view.ts';

export interface ExpiringStoreFormat<K, V> extends KeyValueStoreFormat<K, V> {
  readonly ttlMs: number;
}

export function openExpiringStore<K, V>(
  format: ExpiringStoreFormat<K, V>,
  { state, time }: StoreTask,
): OpenedStore<KeyValueStore<K, V>> {
  const keys = new TimedKeys('key-value', format.name);
  const expiry = new Expiry({ state, time, keys, lifetimeMs: format.ttlMs, putAtMs });
  const entryOf = (key: K): Buffer => keys.entry(format.key.serialize(key));
  const store: KeyValueStore<K, V> = {
    ...openView(format, taskReads(state, time)),
    put: (key, value) => {
      // Before the first record, event time has not begun.
      const nowMs = Math.max(0, time.nowMs);
      const entry = entryOf(key);
      state.put(keyName(entry), stamped(nowMs, format.value.serialize(value)), format.caching);
      expiry.note(entry, nowMs);
    },
    delete: (key) => state.delete(keyName(entryOf(key)), format.caching),
    load: (wanted) => state.load(wanted.map((key) => keyName(entryOf(key)))),
  };
  return { store, expiry };
}

export function openExpiringView<K, V>(
  format: ExpiringStoreFormat<K, V>,
  state: TaskState,
): ReadOnlyKeyValueStore<K, V> {
  return openView(format, committedReads(state));
}

function openView<K, V>(
  { name, key: keySerde, value: valueSerde, ttlMs }: ExpiringStoreFormat<K, V>,
  reads: TimedReads,
): ReadOnlyKeyValueStore<K, V> {
  const keys = new TimedKeys('key-value', name);
  const view = new TimedView({
    ...{ reads, lifetimeMs: ttlMs, timeOf: ([, value]) => putAtMs(value) },
    valueOf: (bytes) => valueSerde.deserialize(bytes.subarray(timeBytes)),
  });
  const entryOf = (key: K): Buffer => keys.entry(keySerde.serialize(key));
  const withKey = ([entry, value]: readonly [Buffer, V]): Entry<K, V> => [
    keySerde.deserialize(keys.keyOf(entry, 0)),
    value,
  ];
  const all = keys.entriesWith(Buffer.alloc(0));
  return {
    get: (key) => view.get(entryOf(key)),
    range: async (from, to, options) => {
      const gte = from === undefined ? all.gte : entryOf(from);
      const lt = to === undefined ? all.lt : entryOf(to);
      return (await view.scan({ gte, lt }, options)).map(withKey);
    },
    prefix: async (prefix, options) =>
      (await view.scan(keys.entriesWith(prefix), options)).map(withKey),
  };
}

function stamped(nowMs: number, value: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(timeBytes + value.length);
  writeTime(nowMs, bytes, 0);
  value.copy(bytes, timeBytes);
  return bytes;
}

function putAtMs(value: Buffer): number {
  return readTime(value, 0);
}
