/** What a topology declares: a store by name and format, opened on each task's state. */
import { assert } from '../kernel/assert.ts';
import {
  openCommittedView,
  openKeyValueStore,
  type KeyValueStore,
  type ReadOnlyKeyValueStore,
  type StoreFormat,
} from './key-value-store.ts';
import type { TaskState } from './task-state.ts';

export interface StoreBuilder<K, V> {
  readonly name: string;
  open(state: TaskState): KeyValueStore<K, V>;
  /** Committed content only. */
  openReadOnly(state: TaskState): ReadOnlyKeyValueStore<K, V>;
}

// The name's length is one byte of every key.
const nameBytesMax = 255;

/** A store of one value a key. The name is for life: it is part of every key and changelog record. */
export function keyValueStore<K, V>(format: StoreFormat<K, V>): StoreBuilder<K, V> {
  const length = Buffer.byteLength(format.name);
  assert(length > 0 && length <= nameBytesMax, `store name '${format.name}' has 1 to 255 bytes`);
  return {
    name: format.name,
    open: (state) => openKeyValueStore(format, state),
    openReadOnly: (state) => openCommittedView(format, state),
  };
}
