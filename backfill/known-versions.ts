/**
 * Which versions of rows were published by this leader. A reservation comes with each of its commands,
 * and a row may come with every look while an older transaction is open; a committed version of a row is
 * named by its id and its `xmin`, and once is enough. Bounded: what is forgotten is published again, which
 * harms nothing.
 */
export class KnownVersions {
  readonly #xminById = new Map<string, string>();
  readonly #max: number;

  constructor(max = 100_000) {
    this.#max = max;
  }

  has(id: string, xmin: string): boolean {
    return this.#xminById.get(id) === xmin;
  }

  add(id: string, xmin: string): void {
    // The longest known go first.
    this.#xminById.delete(id);
    this.#xminById.set(id, xmin);
    if (this.#xminById.size <= this.#max) return;
    for (const [oldest] of this.#xminById) {
      this.#xminById.delete(oldest);
      return;
    }
  }

  /** What was read may not have been published. */
  clear(): void {
    this.#xminById.clear();
  }
}
