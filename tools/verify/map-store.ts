/** A task's store as a map: what a fold writes, to be compared. */
import type { Entry, KeyValueStore } from '../../stores/key-value-store.ts';
import { textOf, type ReadableStore } from './content.ts';

export class MapStore<K, V> implements KeyValueStore<K, V>, ReadableStore {
  readonly name: string;
  readonly #entries = new Map<string, Entry<K, V>>();

  constructor(name: string) {
    this.name = name;
  }

  get(key: K): V | undefined {
    return this.#entries.get(textOf(key))?.[1];
  }

  put(key: K, value: V): void {
    this.#entries.set(textOf(key), [key, value]);
  }

  delete(key: K): void {
    this.#entries.delete(textOf(key));
  }

  /** One page of everything, whatever the limit: nothing follows the last key. */
  page(from: unknown): Promise<readonly Entry<K, V>[]> {
    return Promise.resolve(from === undefined ? [...this.#entries.values()] : []);
  }

  range(from: K | undefined): Promise<readonly Entry<K, V>[]> {
    return this.page(from);
  }

  prefix(): never {
    throw new Error('a map has no order of bytes');
  }

  load(): Promise<void> {
    return Promise.resolve();
  }
}
