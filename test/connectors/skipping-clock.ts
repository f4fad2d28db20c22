/** A clock whose sleeps end at once and move the time on: minutes of waiting for a real server. */
import type { Clock } from '../../kernel/clock.ts';

export class SkippingClock implements Clock {
  #ms = 0;

  nowMs(): number {
    return Date.parse('2026-01-01T00:00:00Z') + this.#ms;
  }

  monotonicMs(): number {
    return this.#ms;
  }

  sleep(ms: number): Promise<void> {
    this.#ms += ms;
    return Promise.resolve();
  }
}
