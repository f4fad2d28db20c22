/** A set of strings in order, small enough that inserting may move its tail; most come near its end. */

/** Moved one by one up to so many; `splice` costs as much as a thousand of these, whatever it moves. */
const nearEnd = 256;

export class SortedKeys {
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  add(key: string): void {
    const keys = this.#keys;
    const at = this.#placeOf(key);
    if (keys[at] === key) return;
    if (keys.length - at > nearEnd) {
      keys.splice(at, 0, key);
      return;
    }
    keys.push(key);
    for (let index = keys.length - 1; index > at; index -= 1) keys[index] = keys[index - 1] ?? '';
    keys[at] = key;
  }

  delete(key: string): void {
    const at = this.#placeOf(key);
    if (this.#keys[at] === key) this.#keys.splice(at, 1);
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
