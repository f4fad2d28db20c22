/** A task's state with one store of each kind that forgets, driven by hand: records, commits, crashes. */
import type { KeyValueStore, ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import { stringSerde } from '../../stores/serde.ts';
import type { ReadOnlySessionStore, SessionStore } from '../../stores/session-store.ts';
import { StateCache } from '../../stores/state-cache.ts';
import type { StateChange, StateEngine } from '../../stores/state-engine.ts';
import { keyValueStore, sessionStore, windowStore } from '../../stores/store-builder.ts';
import { StreamTime } from '../../stores/stream-time.ts';
import { TaskExpiry } from '../../stores/task-expiry.ts';
import { TaskState } from '../../stores/task-state.ts';
import type { ReadOnlyWindowStore, WindowStore } from '../../stores/window-store.ts';
import { pendingChanges } from './pending-changes.ts';

export const lifetimeMs = 20;
export const windowSizeMs = 5;
export const kinds = 3;

const text = { key: stringSerde, value: stringSerde };
const builders = {
  values: keyValueStore({ name: 'values', ...text, ttlMs: lifetimeMs }),
  windows: windowStore({ name: 'windows', ...text, windowSizeMs, retentionMs: lifetimeMs }),
  sessions: sessionStore({ name: 'sessions', ...text, retentionMs: lifetimeMs }),
};

interface Engines {
  readonly open: () => Promise<StateEngine>;
  readonly reopen: (engine: StateEngine) => Promise<StateEngine>;
}

interface Opened {
  readonly values: KeyValueStore<string, string>;
  readonly windows: WindowStore<string, string>;
  readonly sessions: SessionStore<string, string>;
  readonly expiry: TaskExpiry;
}

interface Views {
  readonly values: ReadOnlyKeyValueStore<string, string>;
  readonly windows: ReadOnlyWindowStore<string, string>;
  readonly sessions: ReadOnlySessionStore<string, string>;
}

export class TimedTask {
  readonly lateRecords = { windows: 0, sessions: 0 };
  readonly #engines: Engines;
  readonly #changelog: StateChange[] = [];
  #engine: StateEngine;
  #state: TaskState;
  #opened: Opened;

  private constructor(engines: Engines, engine: StateEngine) {
    this.#engines = engines;
    this.#engine = engine;
    this.#state = stateOver(engine);
    this.#opened = this.#openStores();
  }

  static async start(engines: Engines): Promise<TimedTask> {
    const task = new TimedTask(engines, await engines.open());
    await task.#opened.expiry.load();
    return task;
  }

  get values(): KeyValueStore<string, string> {
    return this.#opened.values;
  }

  get windows(): WindowStore<string, string> {
    return this.#opened.windows;
  }

  get sessions(): SessionStore<string, string> {
    return this.#opened.sessions;
  }

  get pendingCount(): number {
    return this.#state.pendingCount;
  }

  views(): Views {
    return {
      values: builders.values.openReadOnly(this.#state),
      windows: builders.windows.openReadOnly(this.#state),
      sessions: builders.sessions.openReadOnly(this.#state),
    };
  }

  /** What comes before every record. */
  async record(timestampMs: number): Promise<void> {
    await this.#opened.expiry.advance(timestampMs);
  }

  commit(): void {
    this.#changelog.push(...pendingChanges(this.#state));
    this.#state.commit({ topicId: 'topic', offset: this.#changelog.length });
  }

  checkpoint(): Promise<void> {
    return this.#state.checkpoint(0);
  }

  /** As a task does it: whoever aborts takes ownership anew. */
  async abort(): Promise<void> {
    this.#state.abort();
    await this.#reopenStores();
  }

  /** Memory is gone; the changelog, or its tail, is replayed. */
  async crash({ isDiskLost }: { readonly isDiskLost: boolean }): Promise<void> {
    if (isDiskLost) await this.#engine.close();
    this.#engine = isDiskLost
      ? await this.#engines.open()
      : await this.#engines.reopen(this.#engine);
    this.#state = stateOver(this.#engine);
    const from = this.#state.position()?.offset ?? 0;
    const end = { topicId: 'topic', offset: this.#changelog.length };
    this.#state.applyRestored(this.#changelog.slice(from), end);
    await this.#reopenStores();
  }

  /** Everything that is there, live or not, notes included, and the stream time. */
  async entryCount(): Promise<number> {
    const query = { gte: Buffer.alloc(0), limit: 1_000_000 };
    return (await this.#state.range(query)).length;
  }

  close(): Promise<void> {
    return this.#state.closeDirty();
  }

  async #reopenStores(): Promise<void> {
    this.#opened = this.#openStores();
    await this.#opened.expiry.load();
  }

  #openStores(): Opened {
    const state = this.#state;
    const time = new StreamTime(state);
    const count = (kind: 'windows' | 'sessions') => () => {
      this.lateRecords[kind] += 1;
    };
    const values = builders.values.open({ state, time });
    const windows = builders.windows.open({ state, time, late: count('windows') });
    const sessions = builders.sessions.open({ state, time, late: count('sessions') });
    const expiries = [values, windows, sessions].flatMap(({ expiry }) => expiry ?? []);
    return {
      ...{ values: values.store, windows: windows.store, sessions: sessions.store },
      expiry: new TaskExpiry(time, expiries),
    };
  }
}

function stateOver(engine: StateEngine): TaskState {
  return new TaskState({
    engine,
    cache: new StateCache({ cacheBytesMax: 1_500, restoreBytesMax: 1_500 }), // a few entries
    checkpointRecordsMax: Infinity,
    checkpointBytesMax: Infinity,
    checkpointIntervalMs: Infinity,
    recordBytesMax: () => Infinity,
    nowMs: 0,
  });
}
