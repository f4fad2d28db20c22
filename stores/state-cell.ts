/**
 * What is in memory of one key: its committed value if it is known, and what the open transaction makes of
 * it. One object for all of that, so that a record costs one look into a map.
 */

/** Null: the key is absent. Undefined: nothing is known here. */
export type CellValue = Buffer | null | undefined;

// The object, its place in a Map, its name's header and a Buffer with its backing store, roughly.
const overheadBytes = 300;

// Seven properties of their own would be half of a cell.
const dirty = 1;
const writing = 2;
const slice = 4;
const uncached = 8;
const used = 16;
const cached = 32;
const dropped = 64;

export class StateCell {
  /** See `keyName`. */
  readonly name: string;
  /** The map that the cell is in. */
  readonly home: Map<string, StateCell>;
  committed: CellValue = undefined;
  /** Undefined: the open transaction does not change it. */
  pending: CellValue = undefined;
  #flags = 0;

  constructor(name: string, home: Map<string, StateCell>) {
    this.name = name;
    this.home = home;
  }

  /** Committed and not yet handed to the engine. */
  get isDirty(): boolean {
    return (this.#flags & dirty) !== 0;
  }

  set isDirty(is: boolean) {
    this.#set(dirty, is);
  }

  /** Handed to the engine, which may or may not have it. */
  get isWriting(): boolean {
    return (this.#flags & writing) !== 0;
  }

  set isWriting(is: boolean) {
    this.#set(writing, is);
  }

  /** The committed value is a slice of what was fetched: it would keep all of that alive. */
  get isSlice(): boolean {
    return (this.#flags & slice) !== 0;
  }

  set isSlice(is: boolean) {
    this.#set(slice, is);
  }

  /** Of a store without caching: forgotten as soon as the engine has it. */
  get isUncached(): boolean {
    return (this.#flags & uncached) !== 0;
  }

  set isUncached(is: boolean) {
    this.#set(uncached, is);
  }

  /** Looked at since the cache last thought of evicting it. */
  get isUsed(): boolean {
    return (this.#flags & used) !== 0;
  }

  set isUsed(is: boolean) {
    this.#set(used, is);
  }

  /** The cache has it among what it may evict. */
  get isCached(): boolean {
    return (this.#flags & cached) !== 0;
  }

  set isCached(is: boolean) {
    this.#set(cached, is);
  }

  /** It is in no map any more: of its key, a new one may be. */
  get isDropped(): boolean {
    return (this.#flags & dropped) !== 0;
  }

  set isDropped(is: boolean) {
    this.#set(dropped, is);
  }

  /** The engine has everything that the cell holds. */
  get isClean(): boolean {
    return (this.#flags & (dirty | writing)) === 0 && this.pending === undefined;
  }

  /** Memory that it takes, roughly. */
  get bytes(): number {
    return overheadBytes + this.name.length + lengthOf(this.committed) + lengthOf(this.pending);
  }

  #set(flag: number, is: boolean): void {
    this.#flags = is ? this.#flags | flag : this.#flags & ~flag;
  }
}

export function lengthOf(value: CellValue): number {
  return value === undefined || value === null ? 0 : value.length;
}
