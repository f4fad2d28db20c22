/**
 * Ids by an instant, in order of time and then of id. Times are numbers in one array, so that finding a
 * place costs no comparison of texts; most come near its end.
 */
import { IdShelf } from './id-shelf.ts';

export class TimedIds {
  readonly #times: number[] = [];
  readonly #idsAt = new IdShelf<number>();

  add(atMs: number, id: string): void {
    if (!this.#idsAt.add(atMs, id)) return;
    const at = this.#placeOf(atMs);
    if (at === this.#times.length) this.#times.push(atMs);
    else this.#times.splice(at, 0, atMs);
  }

  delete(atMs: number, id: string): void {
    if (this.#idsAt.delete(atMs, id)) this.#times.splice(this.#placeOf(atMs), 1);
  }

  /** The first `limit` ids of before an instant. */
  first(limit: number, beforeMs: number): readonly string[] {
    const found: string[] = [];
    for (const atMs of this.#times) {
      if (atMs >= beforeMs || found.length >= limit) break;
      found.push(...this.#idsAt.first(atMs, limit - found.length));
    }
    return found;
  }

  all(): readonly (readonly [atMs: number, id: string])[] {
    return this.#times.flatMap((atMs) => this.#idsAt.all(atMs).map((id) => [atMs, id] as const));
  }

  /** Where the first time is that is not before this one. */
  #placeOf(atMs: number): number {
    let low = 0;
    let high = this.#times.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#times[middle] ?? 0) < atMs) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
