/**
 * Which batches of a fetched partition belong to aborted transactions, decided as the Java client
 * does: the broker names, for the fetched range, each aborted transaction's producer and first offset;
 * from there on the producer's transactional batches are aborted, up to its abort marker. Batches
 * must be asked about in offset order.
 */
export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export class AbortedRanges {
  // By first offset; the broker lists them in the order of their markers.
  readonly #upcoming: readonly AbortedTransaction[];
  #next = 0;
  readonly #active = new Set<number>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#upcoming = [...aborted].sort((left, right) => left.firstOffset - right.firstOffset);
  }

  /** Several may begin inside one batch's offsets: of different producers, or of none that we see. */
  advanceTo(lastOffset: number): void {
    for (;;) {
      const transaction = this.#upcoming[this.#next];
      if (transaction === undefined || transaction.firstOffset > lastOffset) return;
      this.#active.add(transaction.producerId);
      this.#next += 1;
    }
  }

  /** An abort marker ends the producer's aborted range. */
  end(producerId: number): void {
    this.#active.delete(producerId);
  }

  has(producerId: number): boolean {
    return this.#active.has(producerId);
  }
}
