/**
 * Where the records of one partition lie in its copy. Offsets shift: markers and aborted records of the
 * old partition are left out, and the copy has markers of its own. One stretch for all records in a row
 * that moved by the same distance, so memory goes by the old transactions, not by the records.
 */
interface Stretch {
  readonly from: number;
  readonly to: number;
  length: number;
}

export class PositionMap {
  /** In the order of their offsets. */
  readonly #stretches: Stretch[] = [];

  /** The position in the copy after its last record. */
  get end(): number {
    const last = this.#stretches.at(-1);
    return last === undefined ? 0 : last.to + last.length;
  }

  /** That so many records in a row lie there; called in the order of offsets. */
  add(from: number, to: number, length = 1): void {
    const last = this.#stretches.at(-1);
    const isNext = last !== undefined && last.from + last.length === from && this.end === to;
    if (isNext) last.length += length;
    else this.#stretches.push({ from, to, length });
  }

  /** Where a reader goes on that stood here: at the copy of the next record that there is, or the end. */
  at(position: number): number {
    const next = this.#firstAfter(position);
    const last = this.#stretches[next - 1];
    if (last !== undefined && position < last.from + last.length) {
      return last.to + (position - last.from);
    }
    return this.#stretches[next]?.to ?? this.end;
  }

  /** Index of the first stretch that begins after the position. */
  #firstAfter(position: number): number {
    let low = 0;
    let high = this.#stretches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#stretches[middle]?.from ?? Infinity) <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** By the old topic's name, a map for each partition; topics that nobody reads have none. */
export type PositionsByTopic = ReadonlyMap<string, readonly PositionMap[]>;
