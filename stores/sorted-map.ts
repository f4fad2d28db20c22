/**
 * A map whose keys can be walked in order: a hash map for the values beside sorted chunks of keys.
 * Insertion moves at most one chunk, so it stays below a microsecond for the sizes a task keeps in
 * memory, and a range costs what it returns.
 */

// Two chunks' worth of keys are split when a chunk reaches this; small enough to move, large enough to be few.
const chunkSizeMax = 512;

export interface KeyRange {
  readonly from: string;
  /** Undefined: to the end. */
  readonly to: string | undefined;
}

export class SortedMap<V> {
  readonly #values = new Map<string, V>();
  readonly #chunks: string[][] = [];

  get size(): number {
    return this.#values.size;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    const sizeBefore = this.#values.size;
    this.#values.set(key, value);
    if (this.#values.size > sizeBefore) this.#insert(key);
  }

  delete(key: string): void {
    if (!this.#values.delete(key)) return;
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    chunk.splice(lowerBound(chunk, key), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  values(): IterableIterator<V> {
    return this.#values.values();
  }

  entries(): IterableIterator<[string, V]> {
    return this.#values.entries();
  }

  /** Values of the keys in the range, ascending, or descending from its end. */
  *range({ from, to }: KeyRange, reverse = false): Generator<V> {
    const keys = reverse ? this.#keysDown(from, to) : this.#keysUp(from, to);
    for (const key of keys) {
      const value = this.#values.get(key);
      if (value !== undefined) yield value;
    }
  }

  *#keysUp(from: string, to: string | undefined): Generator<string> {
    for (let at = this.#chunkOf(from); at < this.#chunks.length; at += 1) {
      const chunk = this.#chunks[at] ?? [];
      for (let index = lowerBound(chunk, from); index < chunk.length; index += 1) {
        const key = chunk[index] ?? '';
        if (to !== undefined && key >= to) return;
        yield key;
      }
    }
  }

  *#keysDown(from: string, to: string | undefined): Generator<string> {
    for (
      let at = to === undefined ? this.#chunks.length - 1 : this.#chunkOf(to);
      at >= 0;
      at -= 1
    ) {
      const chunk = this.#chunks[at] ?? [];
      const end = to === undefined ? chunk.length : lowerBound(chunk, to);
      for (let index = end - 1; index >= 0; index -= 1) {
        const key = chunk[index] ?? '';
        if (key < from) return;
        yield key;
      }
    }
  }

  #insert(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length >= chunkSizeMax)
      this.#chunks.splice(at + 1, 0, chunk.splice(chunkSizeMax / 2));
  }

  /** The last chunk that begins at or below the key, or the first one. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.[0] ?? '') <= key) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Index of the first key that is not below `key`. */
function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
