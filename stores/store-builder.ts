/** What a topology declares: a store by name and format, opened on each task's state. */
import { assert } from '../kernel/assert.ts';
import { openExpiringStore, openExpiringView } from './expiring-key-value-store.ts';
import {
  openCommittedView,
  openKeyValueStore,
  type KeyValueStore,
  type KeyValueStoreFormat,
  type ReadOnlyKeyValueStore,
} from './key-value-store.ts';
import {
  openSessionStore,
  openSessionView,
  type ReadOnlySessionStore,
  type SessionStore,
  type SessionStoreFormat,
} from './session-store.ts';
import type { OpenedStore, StoreTask } from './store-task.ts';
import type { TaskState } from './task-state.ts';
import {
  openWindowStore,
  openWindowView,
  type ReadOnlyWindowStore,
  type WindowStore,
  type WindowStoreFormat,
} from './window-store.ts';

/** `Store` is what processors get, `View` what queries see. */
export interface StoreBuilder<Store = unknown, View = unknown> {
  readonly name: string;
  open(task: StoreTask): OpenedStore<Store>;
  /** Committed content only. */
  openReadOnly(state: TaskState): View;
}

/** A store of one value a key. The name is for life: it is part of every key and changelog record. */
export function keyValueStore<K, V>(
  format: KeyValueStoreFormat<K, V>,
): StoreBuilder<KeyValueStore<K, V>, ReadOnlyKeyValueStore<K, V>> {
  const { name, ttlMs } = checkedName(format);
  if (ttlMs === undefined) {
    return {
      name,
      open: ({ state }) => ({ store: openKeyValueStore(format, state) }),
      openReadOnly: (state) => openCommittedView(format, state),
    };
  }
  checkDuration(name, 'ttlMs', ttlMs);
  const expiring = { ...format, ttlMs };
  return {
    name,
    open: (task) => openExpiringStore(expiring, task),
    openReadOnly: (state) => openExpiringView(expiring, state),
  };
}

/** A store of one value a key and window. Late records are taken as long as their window is kept. */
export function windowStore<K, V>(
  format: WindowStoreFormat<K, V>,
): StoreBuilder<WindowStore<K, V>, ReadOnlyWindowStore<K, V>> {
  const { name, windowSizeMs, retentionMs } = checkedName(format);
  checkDuration(name, 'windowSizeMs', windowSizeMs);
  checkDuration(name, 'retentionMs', retentionMs);
  assert(retentionMs >= windowSizeMs, `store '${name}' keeps a window until it has ended`);
  return {
    name,
    open: (task) => openWindowStore(format, task),
    openReadOnly: (state) => openWindowView(format, state),
  };
}

/** A store of one value a key and session. */
export function sessionStore<K, V>(
  format: SessionStoreFormat<K, V>,
): StoreBuilder<SessionStore<K, V>, ReadOnlySessionStore<K, V>> {
  const { name, retentionMs } = checkedName(format);
  checkDuration(name, 'retentionMs', retentionMs);
  return {
    name,
    open: (task) => openSessionStore(format, task),
    openReadOnly: (state) => openSessionView(format, state),
  };
}

// The name's length is one byte of every key.
const nameBytesMax = 255;

function checkedName<Format extends { readonly name: string }>(format: Format): Format {
  const length = Buffer.byteLength(format.name);
  assert(length > 0 && length <= nameBytesMax, `store name '${format.name}' has 1 to 255 bytes`);
  return format;
}

function checkDuration(name: string, setting: string, ms: number): void {
  const isWhole = Number.isSafeInteger(ms) && ms > 0;
  assert(isWhole, `${setting} of store '${name}' is a whole number of milliseconds above zero`);
}
