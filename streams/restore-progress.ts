/** How far a restore has come, and how long the rest will take if it goes on like that. */
import type { Clock } from '../kernel/clock.ts';

export class RestoreProgress {
  readonly #clock: Clock;
  readonly #startedMs: number;
  #restored = 0;
  #remaining: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
  }

  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startedMs;
  }

  /** @param remaining offsets up to the changelog's end; a compacted changelog has fewer records. */
  update(restored: number, remaining: number): void {
    this.#restored = restored;
    this.#remaining = remaining;
  }

  /** '450000 records restored, 45 %, about 3 s left'; says so before the first batch. */
  toString(): string {
    const restored = this.#restored;
    if (this.#remaining === undefined || restored === 0) return 'nothing restored yet';
    const total = restored + this.#remaining;
    const percent = Math.floor((restored * 100) / total);
    const leftMs = (this.elapsedMs * this.#remaining) / restored;
    return `${restored} records restored, ${percent} %, about ${Math.ceil(leftMs / 1_000)} s left`;
  }
}
