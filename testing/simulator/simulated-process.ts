/**
 * One run of one instance: what wakes it goes through here, so that it can be paused (nothing reaches it
 * until it goes on, as after SIGSTOP) and killed (nothing ever reaches it again). Its clock has an
 * offset of its own.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { Random } from '../../kernel/random.ts';
import type { VirtualTime } from './virtual-time.ts';

export class SimulatedProcess implements Clock {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #startedMs: number;
  #offsetMs: number;
  #isDead = false;
  #isPaused = false;
  #backlog: (() => void)[] = [];

  constructor(time: VirtualTime, random: Random, offsetMs: number) {
    this.#time = time;
    this.#random = random;
    this.#startedMs = time.nowMs;
    this.#offsetMs = offsetMs;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isAwake(): boolean {
    return !this.#isPaused && !this.#isDead;
  }

  nowMs(): number {
    return this.#time.nowMs + this.#offsetMs;
  }

  monotonicMs(): number {
    return this.#time.nowMs - this.#startedMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const woken = this.#time.after(ms, () => {
        this.wake(() => {
          signal?.removeEventListener('abort', stop);
          resolve();
        });
      });
      const stop = (): void => {
        woken.isCancelled = true;
        resolve();
      };
      signal?.addEventListener('abort', stop, { once: true });
    });
  }

  /** Something from outside reaches the process. */
  wake(reached: () => void): void {
    if (this.#isDead) return;
    if (this.#isPaused) this.#backlog.push(reached);
    else reached();
  }

  /** Resolves at once, after the pause, or never. */
  awake(): Promise<void> {
    return new Promise((resolve) => this.wake(resolve));
  }

  jump(byMs: number): void {
    this.#offsetMs += byMs;
  }

  kill(): void {
    this.#isDead = true;
    this.#backlog = [];
  }

  pause(): void {
    this.#isPaused = true;
  }

  /** What came meanwhile is there at once, in any order. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    const backlog = this.#backlog;
    this.#backlog = [];
    for (const reached of backlog) {
      this.#time.after(this.#random.integer(3), () => {
        this.wake(reached);
      });
    }
  }
}
