/** What a store is given when a task opens it, and what the task gets. */
import type { Expiry } from './expiry.ts';
import type { StreamTime } from './stream-time.ts';
import type { TaskState } from './task-state.ts';

/** A store is opened anew whenever the task's memory was dropped: what was not committed is gone then. */
export interface StoreTask {
  readonly state: TaskState;
  readonly time: StreamTime;
  /** Counts a record that came too late for its window or session. */
  readonly late?: () => void;
}

export interface OpenedStore<Store> {
  readonly store: Store;
  /** Of a store that forgets. */
  readonly expiry?: Expiry;
}
