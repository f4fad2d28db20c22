/**
 * Values by key and session, a span of event time that ends with its last record; kept for a time behind
 * the task's stream time: Kafka Streams' SessionStore. Sessions lie in the order of their ends, so those
 * that a record may join are one range. Which sessions become one is its user's choice.
 */
import { RollguardError } from '../kernel/errors.ts';
import { timeMaxMs } from './event-time.ts';
import { Expiry } from './expiry.ts';
import { keyName } from './key-name.ts';
import type { Entry, ScanOptions, StoreFormat } from './key-value-store.ts';
import type { OpenedStore, StoreTask } from './store-task.ts';
import type { TaskState } from './task-state.ts';
import { TimedKeys } from './timed-keys.ts';
import { TimedView, committedReads, taskReads, type TimedReads } from './timed-view.ts';
import type { AllScanOptions, Windowed } from './windowed.ts';

export interface ReadOnlySessionStore<K, V> {
  /** A promise only when the value is not in memory. */
  fetchSession(session: Windowed<K>): V | undefined | Promise<V | undefined>;
  /** The key's sessions that end at the one time or later and start at the other or earlier, by their ends. */
  findSessions(
    key: K,
    earliestSessionEndMs: number,
    latestSessionStartMs: number,
    options: ScanOptions,
  ): Promise<readonly Entry<Windowed<K>, V>[]>;
  /** Every key's sessions, by key and end. */
  fetchAll(options: AllScanOptions): Promise<readonly Entry<Windowed<K>, V>[]>;
}

export interface SessionStore<K, V> extends ReadOnlySessionStore<K, V> {
  /** False: the session is expired, nothing was changed and the record is counted as late. */
  put(session: Windowed<K>, aggregate: V): boolean;
  remove(session: Windowed<K>): void;
}

export interface SessionStoreFormat<K, V> extends StoreFormat<K, V> {
  /** A session is kept until stream time is so far behind its end. */
  readonly retentionMs: number;
}

export function openSessionStore<K, V>(
  format: SessionStoreFormat<K, V>,
  { state, time, late }: StoreTask,
): OpenedStore<SessionStore<K, V>> {
  const keys = new TimedKeys('session', format.name);
  const expiry = new Expiry({ state, time, keys, lifetimeMs: format.retentionMs });
  const store: SessionStore<K, V> = {
    ...openView(format, taskReads(state, time)),
    put: (session, aggregate) => {
      const entry = entryOf(keys, format, session);
      if (expiry.isExpired(session.endMs)) {
        late?.();
        return false;
      }
      state.put(keyName(entry), format.value.serialize(aggregate));
      expiry.note(entry, session.endMs);
      return true;
    },
    remove: (session) => state.delete(keyName(entryOf(keys, format, session))),
  };
  return { store, expiry };
}

export function openSessionView<K, V>(
  format: SessionStoreFormat<K, V>,
  state: TaskState,
): ReadOnlySessionStore<K, V> {
  return openView(format, committedReads(state));
}

function openView<K, V>(
  format: SessionStoreFormat<K, V>,
  reads: TimedReads,
): ReadOnlySessionStore<K, V> {
  const keys = new TimedKeys('session', format.name);
  const endOf = (entry: Buffer): number => keys.timeOf(entry, 2);
  const startOf = (entry: Buffer): number => keys.timeOf(entry, 1);
  const view = new TimedView({
    ...{ reads, lifetimeMs: format.retentionMs, timeOf: ([entry]) => endOf(entry) },
    valueOf: (bytes) => format.value.deserialize(bytes),
  });
  const withSession = ([entry, value]: readonly [Buffer, V]): Entry<Windowed<K>, V> => {
    const key = format.key.deserialize(keys.keyOf(entry, 2));
    return [{ key, startMs: startOf(entry), endMs: endOf(entry) }, value];
  };
  return {
    fetchSession: (session) => view.get(entryOf(keys, format, session)),
    findSessions: async (key, earliestEndMs, latestStartMs, options) => {
      const bounds = keys.entriesBetween(format.key.serialize(key), earliestEndMs, timeMaxMs);
      const isWanted = (entry: Buffer): boolean => startOf(entry) <= latestStartMs;
      return (await view.scan(bounds, options, isWanted)).map(withSession);
    },
    fetchAll: async ({ prefix = Buffer.alloc(0), ...options }) =>
      (await view.scan(keys.entriesWith(prefix), options)).map(withSession),
  };
}

function entryOf<K>(
  keys: TimedKeys,
  { key: serde }: Pick<SessionStoreFormat<K, unknown>, 'key'>,
  { key, startMs, endMs }: Windowed<K>,
): Buffer {
  if (startMs > endMs) {
    throw new RollguardError('ENCODE_FAILED', `a session from ${startMs} ends before, at ${endMs}`);
  }
  return keys.entry(serde.serialize(key), endMs, startMs);
}
