/** A set of strings in order, small enough that inserting may move its tail. */

export class SortedKeys {
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    const at = this.#placeOf(key);
    if (this.#keys[at] !== key) this.#keys.splice(at, 0, key);
  }

  delete(key: string): void {
    const at = this.#placeOf(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
  }

  /** The first `limit` keys, those below `end` only when one is given. */
  first(limit: number, end?: string): readonly string[] {
    const below = end === undefined ? this.#keys.length : this.#placeOf(end);
    return this.#keys.slice(0, Math.min(limit, below));
  }

  all(): readonly string[] {
    return this.#keys;
  }

  /** Where the first key is that is not before this one. */
  #placeOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#keys[middle] ?? '') < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
