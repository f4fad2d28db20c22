/**
 * A clock that stands still until it is told to move. `advance` wakes sleepers in the order of their
 * times and lets everything that runs on promises come to rest in between, so a whole system runs
 * through hours in milliseconds, the same way every time.
 */
import type { Clock } from '../kernel/clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

// Enough turns of the event loop for any chain of promises between two reads of the clock.
const turnsToRest = 12;

export class ManualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #sleepers: Sleeper[] = [];

  constructor(startMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper = {
        atMs: this.#nowMs + ms,
        wake: () => {
          signal?.removeEventListener('abort', stop);
          resolve();
        },
      };
      const stop = (): void => {
        this.#sleepers = this.#sleepers.filter((each) => each !== sleeper);
        sleeper.wake();
      };
      signal?.addEventListener('abort', stop, { once: true });
      this.#sleepers.push(sleeper);
    });
  }

  /** Moves the time on by `ms`, waking whoever sleeps until then, one after another. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await rest();
    for (let next = this.#next(untilMs); next !== undefined; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      this.#sleepers = this.#sleepers.filter((each) => each !== next);
      next.wake();
      await rest();
    }
    this.#nowMs = untilMs;
  }

  #next(untilMs: number): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (sleeper.atMs <= untilMs && (next === undefined || sleeper.atMs < next.atMs))
        next = sleeper;
    }
    return next;
  }
}

async function rest(): Promise<void> {
  for (let turn = 0; turn < turnsToRest; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
}
