/**
 * A map by name whose entries can also be walked in order. Point access costs what a Map costs. The
 * order is made when a walk first asks for it and kept up from then on, in chunks, so that an insert
 * moves at most one chunk of names, however many there are.
 */

/** Which part of the order to walk. */
export interface Walk {
  /** First name of the walk. */
  readonly from: string;
  /** First name after it; undefined: to the end. */
  readonly to?: string | undefined;
  /** From the end backwards. */
  readonly reverse?: boolean | undefined;
}

export class OrderedMap<V> {
  readonly #values = new Map<string, V>();
  #order: NameOrder | undefined;

  get size(): number {
    return this.#values.size;
  }

  get(name: string): V | undefined {
    return this.#values.get(name);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  set(name: string, value: V): void {
    if (this.#order !== undefined && !this.#values.has(name)) this.#order.add(name);
    this.#values.set(name, value);
  }

  delete(name: string): void {
    if (this.#values.delete(name)) this.#order?.delete(name);
  }

  /** In order of insertion. */
  entries(): MapIterator<[string, V]> {
    return this.#values.entries();
  }

  /** In order of insertion. */
  values(): MapIterator<V> {
    return this.#values.values();
  }

  /** In order of the names. The map must not change while a walk is under way. */
  *walk(walk: Walk): Generator<readonly [name: string, value: V], void> {
    this.#order ??= new NameOrder([...this.#values.keys()].sort());
    const names = walk.reverse === true ? this.#order.descend(walk) : this.#order.ascend(walk);
    for (const name of names) yield [name, this.#values.get(name) as V];
  }
}

// Larger chunks make inserts move more, smaller ones make more chunks; 512 measured best or near it
// between 10,000 and 200,000 names.
const chunkNamesMax = 512;

/** Names in order, cut into chunks that are never empty. */
class NameOrder {
  readonly #chunks: string[][] = [];

  constructor(sorted: readonly string[]) {
    const chunkNames = chunkNamesMax / 2;
    for (let at = 0; at < sorted.length; at += chunkNames) {
      this.#chunks.push(sorted.slice(at, at + chunkNames));
    }
  }

  /** The name must be new. */
  add(name: string): void {
    const at = Math.min(this.#chunkOf(name), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([name]);
      return;
    }
    chunk.splice(lowerBound(chunk, name), 0, name);
    if (chunk.length > chunkNamesMax) {
      this.#chunks.splice(at + 1, 0, chunk.splice(chunkNamesMax / 2));
    }
  }

  /** The name must be there. */
  delete(name: string): void {
    const at = this.#chunkOf(name);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return;
    chunk.splice(lowerBound(chunk, name), 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
  }

  *ascend({ from, to }: Walk): Generator<string, void> {
    let at = this.#chunkOf(from);
    let index = lowerBound(this.#chunks[at] ?? [], from);
    for (let chunk = this.#chunks[at]; chunk !== undefined; chunk = this.#chunks[at]) {
      for (; index < chunk.length; index += 1) {
        const name = chunk[index] ?? '';
        if (to !== undefined && name >= to) return;
        yield name;
      }
      at += 1;
      index = 0;
    }
  }

  *descend({ from, to }: Walk): Generator<string, void> {
    let at = to === undefined ? this.#chunks.length : this.#chunkOf(to);
    let index = to === undefined ? -1 : lowerBound(this.#chunks[at] ?? [], to) - 1;
    while (at >= 0) {
      const chunk = this.#chunks[at] ?? [];
      for (; index >= 0; index -= 1) {
        const name = chunk[index] ?? '';
        if (name < from) return;
        yield name;
      }
      at -= 1;
      index = (this.#chunks[at]?.length ?? 0) - 1;
    }
  }

  /** Index of the first chunk that ends at or after the name. */
  #chunkOf(name: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#chunks[middle]?.at(-1) ?? '';
      if (last < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Index of the first name that is not below `name`. */
function lowerBound(names: readonly string[], name: string): number {
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
