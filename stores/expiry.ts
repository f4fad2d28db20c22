/**
 * Takes the expired entries of one store away, a bounded number at a time. What is expired depends on the
 * task's stream time only, and reads leave it out by themselves: so it does not matter when this gets to
 * it, and nothing is ever searched. Every entry has a note in the order of time, in segments: an entry that
 * is put again within a segment needs no second one, and a note is looked at once its segment is over.
 * Deletions are changes of the task's state like any other: they go to the changelog.
 */
import { keyName } from './key-name.ts';
import type { StreamTime } from './stream-time.ts';
import type { TaskState } from './task-state.ts';
import type { TimedKeys } from './timed-keys.ts';

export interface ExpiryOptions {
  readonly state: TaskState;
  readonly time: StreamTime;
  readonly keys: TimedKeys;
  /** An entry of time t is expired when stream time reaches t plus this. */
  readonly lifetimeMs: number;
  /** When the entry was put last, for entries whose time is not in their key. */
  readonly putAtMs?: (value: Buffer) => number;
}

// What is expired is kept for a segment longer at most.
const segmentsPerLifetime = 4;
// Notes worked off in one step, each with its entry: the record behind it waits so long.
const stepNotesMax = 64;
// Entries known to be noted where they belong, until a newer segment begins.
const knownNotesMax = 10_000;

export class Expiry {
  readonly #options: ExpiryOptions;
  readonly #segmentMs: number;
  /** No note lies before it, so that no scan passes over what was deleted. */
  #from: Buffer;
  /** The next note may be over at this stream time. */
  #dueAtMs = 0;
  #newestMs = 0;
  readonly #known = new Set<string>();

  constructor(options: ExpiryOptions) {
    this.#options = options;
    this.#segmentMs = Math.ceil(options.lifetimeMs / segmentsPerLifetime);
    this.#from = options.keys.notesFrom(0);
  }

  isExpired(timeMs: number): boolean {
    return isExpired(timeMs, this.#options.lifetimeMs, this.#options.time.nowMs);
  }

  /** Sees to it that the entry is found when it is expired. */
  note(entry: Buffer, timeMs: number): void {
    const overAtMs = this.#segmentEnd(timeMs);
    if (overAtMs > this.#newestMs) {
      this.#newestMs = overAtMs;
      this.#known.clear();
    }
    const name = keyName(entry);
    if (this.#known.has(name)) return;
    const { state, keys } = this.#options;
    state.put(keyName(keys.note(entry, overAtMs)), Buffer.alloc(0));
    if (this.#known.size < knownNotesMax) this.#known.add(name);
  }

  /** A step would do something, as far as is known without looking. */
  get isDue(): boolean {
    return this.#options.time.nowMs >= this.#dueAtMs;
  }

  /** One step; while there is more it stays due. */
  async step(): Promise<void> {
    const { state, keys, time, lifetimeMs, putAtMs } = this.#options;
    // Every entry of the notes up to here has a time before it.
    const overMs = Math.max(0, time.nowMs - lifetimeMs + 1);
    const query = { gte: this.#from, lt: keys.notesFrom(overMs + 1), limit: stepNotesMax };
    const notes = (await state.range(query)).map(([note]) => note);
    const entries = notes.map((note) => keyName(keys.noted(note)));
    if (putAtMs !== undefined) await state.load(entries);
    for (const entry of entries) {
      if (await this.#isOver(entry)) state.delete(entry);
    }
    for (const note of notes) state.delete(keyName(note));
    this.#from = notes.at(-1) ?? this.#from;
    if (notes.length < stepNotesMax) this.#dueAtMs = this.#segmentEnd(overMs) + lifetimeMs - 1;
  }

  /** An entry whose note is over is, unless it was put again since the note was written. */
  async #isOver(entry: string): Promise<boolean> {
    const { state, putAtMs } = this.#options;
    if (putAtMs === undefined) return true;
    const value = await state.get(entry);
    return value !== undefined && this.isExpired(putAtMs(value));
  }

  /** The first time behind the segment of this one. */
  #segmentEnd(timeMs: number): number {
    return (Math.floor(timeMs / this.#segmentMs) + 1) * this.#segmentMs;
  }
}

export function isExpired(timeMs: number, lifetimeMs: number, nowMs: number): boolean {
  return timeMs + lifetimeMs <= nowMs;
}
