/** Bytes that arrive later than they were sent, in their order: what a slow or far network does. */
import type { Clock } from '../../kernel/clock.ts';

export class DelayLine {
  readonly #clock: Clock;
  readonly #write: (bytes: Buffer) => void;
  readonly #waiting: { readonly dueMs: number; readonly bytes: Buffer }[] = [];
  #isDraining = false;

  /** @param write where the bytes go. */
  constructor(clock: Clock, write: (bytes: Buffer) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** @param delayMs 0: at once, unless what came before still waits. */
  send(bytes: Buffer, delayMs: number): void {
    if (delayMs === 0 && this.#waiting.length === 0) {
      this.#write(bytes);
      return;
    }
    this.#waiting.push({ dueMs: this.#clock.monotonicMs() + delayMs, bytes });
    if (!this.#isDraining) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const waitMs = next.dueMs - this.#clock.monotonicMs();
      if (waitMs > 0) await this.#clock.sleep(waitMs);
      this.#waiting.shift();
      this.#write(next.bytes);
    }
    this.#isDraining = false;
  }
}
