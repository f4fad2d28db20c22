/** Changes that lie over an engine: the last one of every key, and how many bytes they are. */
import { keyName } from './key-name.ts';
import { OrderedMap, type Walk } from './ordered-map.ts';
import type { StateChange } from './state-engine.ts';

export class ChangeLayer {
  readonly #changes = new OrderedMap<StateChange>();
  #bytes = 0;

  get size(): number {
    return this.#changes.size;
  }

  /** Bytes of keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  get(name: string): StateChange | undefined {
    return this.#changes.get(name);
  }

  has(name: string): boolean {
    return this.#changes.has(name);
  }

  put(change: StateChange): void {
    this.#set(keyName(change.key), change);
  }

  /** Lays another layer's changes over these. */
  putAll(newer: ChangeLayer): void {
    for (const [name, change] of newer.#changes.entries()) this.#set(name, change);
  }

  entries(): Iterable<readonly [name: string, change: StateChange]> {
    return this.#changes.entries();
  }

  values(): Iterable<StateChange> {
    return this.#changes.values();
  }

  /** In the order of the keys. */
  walk(walk: Walk): Iterator<readonly [name: string, change: StateChange], void> {
    return this.#changes.walk(walk);
  }

  #set(name: string, change: StateChange): void {
    this.#bytes += sizeOf(change) - sizeOf(this.#changes.get(name));
    this.#changes.set(name, change);
  }
}

function sizeOf(change: StateChange | undefined): number {
  return change === undefined ? 0 : change.key.length + (change.value?.length ?? 0);
}
