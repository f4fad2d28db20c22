/** Holds a reader back to so many rows a second, on average since it began. */
import type { Clock } from '../kernel/clock.ts';

export class RateLimit {
  readonly #rowsPerSecond: number;
  readonly #clock: Clock;
  #freeAtMs: number;

  /** @param rowsPerSecond 0: no limit. */
  constructor(rowsPerSecond: number, clock: Clock) {
    this.#rowsPerSecond = rowsPerSecond;
    this.#clock = clock;
    this.#freeAtMs = clock.monotonicMs();
  }

  /** Waits as long as so many rows take. What was not used before is not saved up. */
  async take(rows: number, signal: AbortSignal): Promise<void> {
    if (this.#rowsPerSecond === 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#freeAtMs = Math.max(nowMs, this.#freeAtMs) + (rows * 1_000) / this.#rowsPerSecond;
    await this.#clock.sleep(this.#freeAtMs - nowMs, signal);
  }
}
