/**
 * The stream time of a task whose stores forget: the highest record timestamp it has ever processed. It
 * is an entry of the task's state, committed with what was decided by it. So the next owner forgets the
 * same, and a late record stays late, whatever comes first after a crash.
 */
import { readTime, timeBytes, writeTime } from './event-time.ts';
import type { TaskState } from './task-state.ts';

// No store's keys begin with two zeros: see `timed-keys.ts`.
const stateKey = '\0\0stream time';
const notBegun = -1;

export class StreamTime {
  readonly #state: TaskState;
  #nowMs = notBegun;

  constructor(state: TaskState) {
    this.#state = state;
  }

  /** −1 before the first record. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Goes on where the state stands. */
  async load(): Promise<void> {
    this.#nowMs = timeOf(await this.#state.get(stateKey));
  }

  /** Never goes back. @throws ENCODE_FAILED when it is no time. */
  advance(toMs: number): void {
    if (toMs <= this.#nowMs) return;
    const bytes = Buffer.allocUnsafe(timeBytes);
    writeTime(toMs, bytes, 0);
    this.#state.put(stateKey, bytes);
    this.#nowMs = toMs;
  }
}

/** What the committed content is to be read by; −1 before the first record. */
export function committedStreamTimeMs(state: TaskState): number | Promise<number> {
  const found = state.committedGet(stateKey);
  return found instanceof Promise ? found.then(timeOf) : timeOf(found);
}

function timeOf(bytes: Buffer | undefined): number {
  return bytes === undefined ? notBegun : readTime(bytes, 0);
}
