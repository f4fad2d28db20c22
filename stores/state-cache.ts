/**
 * The memory of all states of a process under one bound. Counts everything that they hold; evicts what
 * their engines have as well, known absences included. What is used again gets a second chance: a queue
 * whose head goes to its end once more instead of out (CLOCK), so that a read costs no more than a flag.
 */
import type { StateCell } from './state-cell.ts';

// So much of the queue's array may be behind its head before it is cut off.
const spentMax = 4_096;

export interface StateCacheOptions {
  /** What is held, written or not, is brought under this as soon as the engines have it. */
  readonly cacheBytesMax: number;
  /** A restore goes on in memory alone up to this: a state serves before its engine has it. */
  readonly restoreBytesMax: number;
}

export class StateCache {
  readonly #bytesMax: number;
  readonly #restoreBytesMax: number;
  #bytes = 0;
  /** May be evicted; or was written again since, or dropped, and is then passed over. */
  #queue: StateCell[] = [];
  #head = 0;

  constructor({ cacheBytesMax, restoreBytesMax }: StateCacheOptions) {
    this.#bytesMax = cacheBytesMax;
    this.#restoreBytesMax = Math.max(cacheBytesMax, restoreBytesMax);
  }

  /** More is held than allowed, and nothing of it can be evicted: engines have to be written. */
  get isFull(): boolean {
    return this.#bytes > this.#bytesMax;
  }

  /** Half: a restore's engine had better be written meanwhile. Full: it has to be waited for. */
  get restoredFullness(): 'low' | 'half' | 'full' {
    if (this.#bytes > this.#restoreBytesMax) return 'full';
    return this.#bytes > this.#restoreBytesMax / 2 ? 'half' : 'low';
  }

  /** A state holds so many bytes more, or fewer. */
  grew(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The cell is clean: it may be evicted from now on. */
  add(cell: StateCell): void {
    if (cell.isCached) return;
    cell.isCached = true;
    this.#queue.push(cell);
  }

  /** Evicts until everything fits, or nothing is left that could be evicted. */
  makeRoom(): void {
    while (this.#bytes > this.#bytesMax) {
      const cell = this.#queue[this.#head];
      if (cell === undefined) break;
      this.#head += 1;
      if (cell.isDropped) continue;
      if (cell.isClean && cell.isUsed) {
        cell.isUsed = false;
        this.#queue.push(cell);
        continue;
      }
      if (cell.isClean) this.drop(cell);
      else cell.isCached = false;
    }
    if (this.#head > spentMax && this.#head > this.#queue.length / 2) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Forgets a cell. */
  drop(cell: StateCell): void {
    cell.isCached = false;
    cell.isDropped = true;
    cell.home.delete(cell.name);
    this.#bytes -= cell.bytes;
  }

  /** Forgets all of a state, which is closed. */
  release(home: Map<string, StateCell>): void {
    for (const cell of home.values()) this.drop(cell);
    this.#queue = this.#queue.slice(this.#head).filter(({ isDropped }) => !isDropped);
    this.#head = 0;
  }
}
