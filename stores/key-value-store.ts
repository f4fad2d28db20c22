/**
 * Typed stores over one task's state. Every key carries its store's name (length first, so that no
 * two names can run into each other); so all stores of a task share one engine and one changelog
 * partition, and a store's keys keep their order.
 */
import { prefixEnd } from '../kernel/bytes.ts';
import type { Serde } from './serde.ts';
import type { RangeQuery, StateEntry } from './state-engine.ts';
import type { TaskState } from './task-state.ts';

export interface ScanOptions {
  /** At most this many entries. */
  readonly limit: number;
  readonly reverse?: boolean;
}

/** Committed content: what queries see. */
export interface ReadOnlyKeyValueStore<K, V> {
  get(key: K): V | undefined | Promise<V | undefined>;
  /** Entries with from ≤ key < to, in byte order of the keys; undefined bounds are open. */
  range(
    from: K | undefined,
    to: K | undefined,
    options: ScanOptions,
  ): Promise<readonly (readonly [K, V])[]>;
  /** Entries whose key bytes begin with the prefix. */
  prefix(prefix: Buffer, options: ScanOptions): Promise<readonly (readonly [K, V])[]>;
}

export interface KeyValueStore<K, V> extends ReadOnlyKeyValueStore<K, V> {
  put(key: K, value: V): void;
  delete(key: K): void;
  /** Brings these keys into memory in one read, so that `get` answers at once. */
  load(keys: readonly K[]): Promise<void>;
}

export interface StoreFormat<K, V> {
  readonly name: string;
  readonly key: Serde<K>;
  readonly value: Serde<V>;
}

export function openKeyValueStore<K, V>(
  format: StoreFormat<K, V>,
  state: TaskState,
): KeyValueStore<K, V> {
  const view = openView(format, {
    get: (key) => state.get(key),
    range: (query) => state.range(query),
  });
  const bytesOf = keyBytes(format);
  return {
    ...view,
    put: (key, value) => state.put(bytesOf(key), format.value.serialize(value)),
    delete: (key) => state.delete(bytesOf(key)),
    load: (keys) => state.load(keys.map(bytesOf)),
  };
}

export function openCommittedView<K, V>(
  format: StoreFormat<K, V>,
  state: TaskState,
): ReadOnlyKeyValueStore<K, V> {
  return openView(format, {
    get: (key) => state.committedGet(key),
    range: (query) => state.committedRange(query),
  });
}

interface Reads {
  get(key: Buffer): Buffer | undefined | Promise<Buffer | undefined>;
  range(query: RangeQuery): Promise<readonly StateEntry[]>;
}

function openView<K, V>(format: StoreFormat<K, V>, reads: Reads): ReadOnlyKeyValueStore<K, V> {
  const storePrefix = prefixOf(format.name);
  const storeEnd = prefixEnd(storePrefix);
  const bytesOf = keyBytes(format);
  const decode = (bytes: Buffer | undefined): V | undefined =>
    bytes === undefined ? undefined : format.value.deserialize(bytes);
  const scan = async (query: RangeQuery): Promise<readonly (readonly [K, V])[]> => {
    const entries = await reads.range(query);
    return entries.map(([key, value]) => [
      format.key.deserialize(key.subarray(storePrefix.length)),
      format.value.deserialize(value),
    ]);
  };
  return {
    get: (key) => {
      const found = reads.get(bytesOf(key));
      return found instanceof Promise ? found.then(decode) : decode(found);
    },
    range: (from, to, options) =>
      scan({
        gte: from === undefined ? storePrefix : bytesOf(from),
        lt: to === undefined ? storeEnd : bytesOf(to),
        ...options,
      }),
    prefix: (prefix, options) => {
      const gte = Buffer.concat([storePrefix, prefix]);
      return scan({ gte, lt: prefixEnd(gte), ...options });
    },
  };
}

function keyBytes<K>(format: StoreFormat<K, unknown>): (key: K) => Buffer {
  const prefix = prefixOf(format.name);
  return (key) => Buffer.concat([prefix, format.key.serialize(key)]);
}

function prefixOf(name: string): Buffer {
  const bytes = Buffer.from(name, 'utf8');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
