/**
 * Sets of ids by key, each in order. Most sets have one id, which then stands for the set: a room is held
 * once on a day, and a set of its own for every hold's every day is most of what the collector would walk.
 */
import { SortedKeys } from './sorted-keys.ts';

export class IdShelf<Key> {
  readonly #sets = new Map<Key, string | SortedKeys>();

  /** Keys that have ids. */
  get size(): number {
    return this.#sets.size;
  }

  /** True for the key's first id. */
  add(key: Key, id: string): boolean {
    const set = this.#sets.get(key);
    if (set === undefined) {
      this.#sets.set(key, id);
      return true;
    }
    if (set === id) return false;
    if (typeof set !== 'string') {
      set.add(id);
      return false;
    }
    const both = new SortedKeys();
    both.add(set);
    both.add(id);
    this.#sets.set(key, both);
    return false;
  }

  /** True when it was the key's last id. */
  delete(key: Key, id: string): boolean {
    const set = this.#sets.get(key);
    if (set === undefined) return false;
    if (typeof set === 'string' ? set !== id : !isLastOf(set, id)) return false;
    this.#sets.delete(key);
    return true;
  }

  sizeOf(key: Key): number {
    return this.all(key).length;
  }

  /** The key's first `limit` ids. */
  first(key: Key, limit: number): readonly string[] {
    return this.all(key).slice(0, limit);
  }

  all(key: Key): readonly string[] {
    const set = this.#sets.get(key);
    if (set === undefined) return [];
    return typeof set === 'string' ? [set] : set.all();
  }

  keys(): IterableIterator<Key> {
    return this.#sets.keys();
  }
}

function isLastOf(set: SortedKeys, id: string): boolean {
  set.delete(id);
  return set.size === 0;
}
