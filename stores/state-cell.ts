/**
 * What is in memory of one key: its committed value if it is known, and what the open transaction makes of
 * it. One object for all of that, so that a record costs one look into a map.
 */

/** Null: the key is absent. Undefined: nothing is known here. */
export type CellValue = Buffer | null | undefined;

// The object, its place in a Map, its name's header and a Buffer with its backing store, roughly.
const overheadBytes = 300;

export class StateCell {
  /** See `keyName`. */
  readonly name: string;
  /** The map that the cell is in. */
  readonly home: Map<string, StateCell>;
  committed: CellValue = undefined;
  /** Undefined: the open transaction does not change it. */
  pending: CellValue = undefined;
  /** Committed and not yet handed to the engine. */
  isDirty = false;
  /** Handed to the engine, which may or may not have it. */
  isWriting = false;
  /** The committed value is a slice of what was fetched: it would keep all of that alive. */
  isSlice = false;
  /** Of a store without caching: forgotten as soon as the engine has it. */
  isUncached = false;
  /** Looked at since the cache last thought of evicting it. */
  isUsed = false;
  /** The cache has it among what it may evict. */
  isCached = false;
  /** It is in no map any more: of its key, a new one may be. */
  isDropped = false;

  constructor(name: string, home: Map<string, StateCell>) {
    this.name = name;
    this.home = home;
  }

  /** The engine has everything that the cell holds. */
  get isClean(): boolean {
    return !this.isDirty && !this.isWriting && this.pending === undefined;
  }

  /** Memory that it takes, roughly. */
  get bytes(): number {
    return overheadBytes + this.name.length + lengthOf(this.committed) + lengthOf(this.pending);
  }
}

export function lengthOf(value: CellValue): number {
  return value === undefined || value === null ? 0 : value.length;
}
