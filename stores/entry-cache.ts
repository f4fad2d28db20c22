/** Clean entries in memory, the least recently used going first; bounded in bytes. Knows absences too. */

// A map entry, its key's text and the Buffer's own object, roughly.
const entryOverheadBytes = 200;

export class EntryCache {
  readonly #bytesMax: number;
  /** In order of use, oldest first (a Map keeps insertion order). */
  readonly #entries = new Map<string, Buffer | undefined>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** The value, or undefined for a key that is known to be absent; ask `has` first. */
  get(name: string): Buffer | undefined {
    const value = this.#entries.get(name);
    this.#entries.delete(name);
    this.#entries.set(name, value);
    return value;
  }

  set(name: string, value: Buffer | undefined): void {
    this.forget(name);
    this.#entries.set(name, value);
    this.#bytes += sizeOf(name, value);
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.forget(oldest);
    }
  }

  forget(name: string): void {
    if (!this.#entries.has(name)) return;
    this.#bytes -= sizeOf(name, this.#entries.get(name));
    this.#entries.delete(name);
  }
}

function sizeOf(name: string, value: Buffer | undefined): number {
  return name.length + (value?.length ?? 0) + entryOverheadBytes;
}
