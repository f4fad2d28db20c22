/** Event time in one task: how far it has come, and what its stores forget by it. */
import type { Expiry } from './expiry.ts';
import type { StreamTime } from './stream-time.ts';

export class TaskExpiry {
  readonly #time: StreamTime;
  readonly #expiries: readonly Expiry[];

  constructor(time: StreamTime, expiries: readonly Expiry[]) {
    this.#time = time;
    this.#expiries = expiries;
  }

  /** Before the first record. */
  load(): Promise<void> {
    return this.#time.load();
  }

  /** Before every record. A promise only when something may have to be taken away. */
  advance(toMs: number): undefined | Promise<void> {
    this.#time.advance(toMs);
    return this.#expiries.some((expiry) => expiry.isDue) ? this.#step() : undefined;
  }

  async #step(): Promise<void> {
    for (const expiry of this.#expiries) {
      if (expiry.isDue) await expiry.step();
    }
  }
}
