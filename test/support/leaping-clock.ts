/**
 * A manual clock that can also be put forward at once, as a machine's is that slept: what is due is late
 * together, and the days between cost nothing.
 */
import { ManualClock } from '../../testing/manual-clock.ts';

export class LeapingClock extends ManualClock {
  #leaptMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.#leaptMs;
  }

  leapTo(instant: string): void {
    this.#leaptMs += Date.parse(instant) - this.nowMs();
  }
}
