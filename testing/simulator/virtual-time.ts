/**
 * The time of a whole simulated world: a heap of what is to happen, in the order of its times, ties
 * broken by the seed. Between two happenings everything that runs on promises comes to rest, without a
 * turn of the event loop, so an hour takes as long as its happenings do.
 */
import process from 'node:process';
import type { Random } from '../../kernel/random.ts';

export interface Happening {
  readonly atMs: number;
  readonly tie: number;
  readonly happen: () => void;
  isCancelled: boolean;
}

const happeningsPerTurn = 50;

export class VirtualTime {
  readonly startMs: number;
  readonly #random: Random;
  #nowMs: number;
  #heap: Happening[] = [];
  #happened = 0;

  constructor(random: Random, startMs = Date.parse('2026-01-01T00:00:00Z')) {
    this.#random = random;
    this.#nowMs = startMs;
    this.startMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Since the world began. */
  get spentMs(): number {
    return this.#nowMs - this.startMs;
  }

  get happened(): number {
    return this.#happened;
  }

  after(delayMs: number, happen: () => void): Happening {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const happening = { atMs, tie: this.#random.next(), happen, isCancelled: false };
    this.#push(happening);
    return happening;
  }

  /** Lets everything happen until then, or until `isOver`. */
  async runUntil(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    await rest(true);
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs || isOver()) break;
      this.#pop();
      if (next.isCancelled) continue;
      this.#nowMs = next.atMs;
      this.#happened += 1;
      next.happen();
      await rest(this.#happened % happeningsPerTurn === 0);
    }
    if (!isOver()) this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || isBefore(above, happening)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      let least = heap[left];
      let where = left;
      const other = heap[right];
      if (other !== undefined && least !== undefined && isBefore(other, least)) {
        least = other;
        where = right;
      }
      if (least === undefined || isBefore(last, least)) break;
      heap[at] = least;
      at = where;
    }
    heap[at] = last;
  }
}

function isBefore(one: Happening, other: Happening): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.tie < other.tie);
}

/**
 * A tick that is asked for by a promise comes when no promise has anything left to do. Now and then the
 * event loop turns, since only then rejections that nobody handles are told.
 */
function rest(turns: boolean): Promise<void> {
  return new Promise((resolve) => {
    if (turns) setImmediate(resolve);
    else process.nextTick(resolve);
  });
}
