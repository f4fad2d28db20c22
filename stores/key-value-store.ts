/**
 * Typed stores over one task's state. Every key begins with its store's name, length first, so that no
 * two names can run into each other: all stores of a task share one engine and one changelog
 * partition, and within a store the keys keep their order.
 */
import { prefixEnd } from '../kernel/bytes.ts';
import { keyName } from './key-name.ts';
import type { Serde } from './serde.ts';
import type { RangeQuery, StateEntry } from './state-engine.ts';
import type { TaskState } from './task-state.ts';

export interface ScanOptions {
  /** At most this many entries. */
  readonly limit: number;
  /** From the end backwards. */
  readonly reverse?: boolean;
}

export type Entry<K, V> = readonly [key: K, value: V];

/** Reads; as a type of its own, committed content: what queries see. */
export interface ReadOnlyKeyValueStore<K, V> {
  /** A promise only when the value is not in memory. */
  get(key: K): V | undefined | Promise<V | undefined>;
  /** Entries with from ≤ key < to, in byte order of the keys; an undefined bound is open. */
  range(
    from: K | undefined,
    to: K | undefined,
    options: ScanOptions,
  ): Promise<readonly Entry<K, V>[]>;
  /** Entries whose key's bytes begin with the prefix. */
  prefix(prefix: Buffer, options: ScanOptions): Promise<readonly Entry<K, V>[]>;
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

export interface KeyValueStoreFormat<K, V> extends StoreFormat<K, V> {
  /**
   * An entry is gone once the task's stream time is so far behind its last put. Stream time, not the
   * clock's: without records nothing is forgotten, and what was put before the first record goes with it.
   */
  readonly ttlMs?: number;
  /**
   * False: what is written leaves memory as soon as the engine has it. For a store that is hardly read
   * again, such as one whose content the processor keeps in a form of its own. Default: true.
   */
  readonly caching?: boolean;
}

/** The store as the task sees it: with the open transaction's writes. */
export function openKeyValueStore<K, V>(
  format: KeyValueStoreFormat<K, V>,
  state: TaskState,
): KeyValueStore<K, V> {
  const keys = new StoreKeys(format);
  const { caching } = format;
  return {
    ...openView(format, {
      get: (name) => state.get(name),
      range: (query) => state.range(query),
    }),
    put: (key, value) => state.put(keys.nameOf(key), format.value.serialize(value), caching),
    delete: (key) => state.delete(keys.nameOf(key), caching),
    load: (wanted) => state.load(keys.namesOf(wanted)),
  };
}

/** The store as queries see it: committed content only. */
export function openCommittedView<K, V>(
  format: StoreFormat<K, V>,
  state: TaskState,
): ReadOnlyKeyValueStore<K, V> {
  return openView(format, {
    get: (name) => state.committedGet(name),
    range: (query) => state.committedRange(query),
  });
}

interface Reads {
  get(name: string): Buffer | undefined | Promise<Buffer | undefined>;
  range(query: RangeQuery): Promise<readonly StateEntry[]>;
}

function openView<K, V>(format: StoreFormat<K, V>, reads: Reads): ReadOnlyKeyValueStore<K, V> {
  const keys = new StoreKeys(format);
  const decode = (bytes: Buffer | undefined): V | undefined =>
    bytes === undefined ? undefined : format.value.deserialize(bytes);
  const scan = async (query: RangeQuery): Promise<readonly Entry<K, V>[]> => {
    const entries = await reads.range(query);
    return entries.map(([key, value]) => [keys.fromBytes(key), format.value.deserialize(value)]);
  };
  return {
    get: (key) => {
      const found = reads.get(keys.nameOf(key));
      return found instanceof Promise ? found.then(decode) : decode(found);
    },
    range: (from, to, { limit, reverse }) =>
      scan({
        gte: from === undefined ? keys.prefix : keys.toBytes(from),
        lt: to === undefined ? prefixEnd(keys.prefix) : keys.toBytes(to),
        limit,
        reverse,
      }),
    prefix: (prefix, { limit, reverse }) => {
      const gte = Buffer.concat([keys.prefix, prefix]);
      return scan({ gte, lt: prefixEnd(gte), limit, reverse });
    },
  };
}

/**
 * A store's keys in the task's state. Remembers the names of the last batch: what was loaded is then asked
 * for in the same order, and what was read is written next.
 */
class StoreKeys<K> {
  readonly prefix: Buffer;
  readonly #prefixName: string;
  readonly #serde: Serde<K>;
  #batch: readonly K[] = [];
  #batchNames: readonly string[] = [];
  /** In the batch: the key that was named last. */
  #at = 0;

  constructor({ name, key }: StoreFormat<K, unknown>) {
    const nameBytes = Buffer.from(name, 'utf8');
    this.prefix = Buffer.concat([Buffer.from([nameBytes.length]), nameBytes]);
    this.#prefixName = keyName(this.prefix);
    this.#serde = key;
  }

  /** What the key goes by in memory. */
  nameOf(key: K): string {
    // Of other types the same object may be another key by now.
    if (typeof key !== 'string') return this.#newNameOf(key);
    if (this.#batch[this.#at] === key) return this.#batchNames[this.#at] ?? '';
    if (this.#batch[this.#at + 1] !== key) return this.#newNameOf(key);
    this.#at += 1;
    return this.#batchNames[this.#at] ?? '';
  }

  namesOf(keys: readonly K[]): readonly string[] {
    const names = keys.map((key) => this.#newNameOf(key));
    this.#batch = [...keys];
    this.#batchNames = names;
    this.#at = -1;
    return names;
  }

  #newNameOf(key: K): string {
    return this.#prefixName + (this.#serde.name?.(key) ?? keyName(this.#serde.serialize(key)));
  }

  toBytes(key: K): Buffer {
    const { prefix } = this;
    const part = this.#serde.serialize(key);
    const bytes = Buffer.allocUnsafe(prefix.length + part.length);
    bytes.set(prefix);
    bytes.set(part, prefix.length);
    return bytes;
  }

  fromBytes(bytes: Buffer): K {
    return this.#serde.deserialize(bytes.subarray(this.prefix.length));
  }
}
