/**
 * Clean entries in memory, bounded in bytes; knows absences too. Two generations instead of a list in
 * order of use: what is used moves to the young one, and once that holds half the bound, the old one is
 * dropped whole. A hit in the young one changes nothing, which makes it three times cheaper than
 * moving the entry to the end of a Map.
 */

// A map entry, its key's text, the Buffer's object and its backing store, roughly.
const entryOverheadBytes = 250;

export class EntryCache {
  readonly #generationBytesMax: number;
  #young = new Map<string, Buffer | null>();
  #youngBytes = 0;
  #old = new Map<string, Buffer | null>();

  constructor(bytesMax: number) {
    this.#generationBytesMax = bytesMax / 2;
  }

  /** Null: the key is known to be absent. Undefined: the cache does not know. */
  get(name: string): Buffer | null | undefined {
    const young = this.#young.get(name);
    if (young !== undefined) return young;
    const old = this.#old.get(name);
    if (old !== undefined) this.set(name, old);
    return old;
  }

  set(name: string, value: Buffer | null): void {
    this.#old.delete(name);
    this.#youngBytes += sizeOf(name, value) - sizeOf(name, this.#young.get(name));
    this.#young.set(name, value);
    if (this.#youngBytes <= this.#generationBytesMax) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }

  forget(name: string): void {
    this.#youngBytes -= sizeOf(name, this.#young.get(name));
    this.#young.delete(name);
    this.#old.delete(name);
  }
}

function sizeOf(name: string, value: Buffer | null | undefined): number {
  return value === undefined ? 0 : name.length + (value?.length ?? 0) + entryOverheadBytes;
}
