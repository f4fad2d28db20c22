/**
 * What is in memory of one task's state, by key: a cell is
 *
 *   clean ──put──▶ pending ──commit──▶ dirty ──checkpoint──▶ writing ──▶ clean, and may be evicted
 *                     └── abort ──▶ what it was            └── failed ──▶ dirty
 */
import { keyName } from './key-name.ts';
import { OrderedMap } from './ordered-map.ts';
import type { StateCache } from './state-cache.ts';
import { StateCell, lengthOf, type CellValue } from './state-cell.ts';
import type { StateChange } from './state-engine.ts';
import { ValueSlabs } from './value-slabs.ts';

export class StateCells {
  readonly #cache: StateCache;
  readonly #cells = new Map<string, StateCell>();
  readonly #slabs = new ValueSlabs();
  /** Found last: what was read is written next. */
  #last: StateCell | undefined;
  /** The keys that will be asked for next, in that order, and their cells. */
  #expectedNames: readonly string[] = [];
  #expectedCells: readonly (StateCell | undefined)[] = [];
  #expectedAt = 0;
  /** Changed by the open transaction. */
  #touched: StateCell[] = [];
  #pendingBytes = 0;
  #dirty: StateCell[] = [];
  #dirtyBytes = 0;
  #writing: readonly StateCell[] = [];
  /** Those that are not clean, in order; made when a range first asks, and kept up from then on. */
  #unsettled: OrderedMap<StateCell> | undefined;

  constructor(cache: StateCache) {
    this.#cache = cache;
  }

  get pendingCount(): number {
    return this.#touched.length;
  }

  /** Bytes of keys and values. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get dirtyCount(): number {
    return this.#dirty.length;
  }

  /** Bytes of keys and values. */
  get dirtyBytes(): number {
    return this.#dirtyBytes;
  }

  find(name: string): StateCell | undefined {
    const last = this.#last;
    if (last?.name === name && !last.isDropped) return last;
    return (this.#last = this.#nextExpected(name) ?? this.#cells.get(name));
  }

  /** These keys are asked for next, likely one after the other; the visitor sees what is known of each. */
  expect(
    names: readonly string[],
    visit: (name: string, cell: StateCell | undefined) => void,
  ): void {
    this.#expectedNames = names;
    this.#expectedCells = names.map((name) => {
      const cell = this.#cells.get(name);
      visit(name, cell);
      return cell;
    });
    this.#expectedAt = 0;
  }

  #nextExpected(name: string): StateCell | undefined {
    if (this.#expectedNames[this.#expectedAt] !== name) return undefined;
    const cell = this.#expectedCells[this.#expectedAt];
    this.#expectedAt += 1;
    return cell?.isDropped === true ? undefined : cell;
  }

  /** The engine was asked and answered; what came to be known meanwhile is newer. */
  learn(name: string, value: Buffer | null): void {
    const cell = this.#cells.get(name) ?? this.#create(name);
    if (cell.committed !== undefined) return;
    cell.committed = value;
    this.#cache.grew(lengthOf(value));
    if (cell.isClean) this.#cache.add(cell);
  }

  /**
   * @param value null deletes the key.
   * @param isCached false: the key is forgotten as soon as the engine has it.
   */
  put(name: string, value: Buffer | null, isCached: boolean): void {
    const cell = this.find(name) ?? this.#create(name);
    cell.isUncached = !isCached;
    const growth = lengthOf(value) - lengthOf(cell.pending);
    if (cell.pending === undefined) {
      this.#touched.push(cell);
      this.#pendingBytes += name.length;
    }
    cell.pending = value;
    this.#pendingBytes += growth;
    this.#cache.grew(growth);
    this.#unsettled?.set(name, cell);
  }

  eachPending(visit: (name: string, value: Buffer | null) => void): void {
    for (const { name, pending } of this.#touched) visit(name, pending ?? null);
  }

  commit(): void {
    for (const cell of this.#touched) {
      this.#setCommitted(cell, cell.pending ?? null);
      this.#cache.grew(-lengthOf(cell.pending));
      cell.isSlice = false;
      cell.pending = undefined;
    }
    this.#forgetTouched();
  }

  abort(): void {
    if (this.#touched.length === 0) return;
    for (const cell of this.#touched) {
      this.#cache.grew(-lengthOf(cell.pending));
      cell.pending = undefined;
      if (cell.isClean) this.#becameClean(cell);
    }
    this.#forgetTouched();
  }

  /** A record of the changelog; its bytes are slices of a batch. */
  restore({ key, value }: StateChange): void {
    const name = keyName(key);
    const cell = this.#cells.get(name) ?? this.#create(name);
    this.#setCommitted(cell, value ?? null);
    cell.isSlice = true;
    this.#unsettled?.set(name, cell);
  }

  /** All dirty cells, which the caller hands to the engine: each is then `written`, or all left are `notWritten`. */
  takeDirty(): readonly StateCell[] {
    const taken = this.#dirty;
    for (const cell of taken) {
      cell.isDirty = false;
      cell.isWriting = true;
    }
    this.#writing = taken;
    this.#dirty = [];
    this.#dirtyBytes = 0;
    return taken;
  }

  /** The engine has these. */
  written(cells: readonly StateCell[]): void {
    for (const cell of cells) {
      cell.isWriting = false;
      if (cell.isClean) this.#becameClean(cell);
    }
  }

  /** The checkpoint is over: whatever of it the engine does not have is dirty once more. */
  writeEnded(): void {
    for (const cell of this.#writing) {
      if (!cell.isWriting) continue;
      cell.isWriting = false;
      this.#markDirty(cell);
    }
    this.#writing = [];
  }

  /** Everything that the engine may not have yet, in order. */
  unsettled(): OrderedMap<StateCell> {
    if (this.#unsettled === undefined) {
      this.#unsettled = new OrderedMap();
      for (const cells of [this.#touched, this.#dirty, this.#writing]) {
        for (const cell of cells) if (!cell.isClean) this.#unsettled.set(cell.name, cell);
      }
    }
    return this.#unsettled;
  }

  /** Forgets everything. */
  release(): void {
    this.expect([], () => undefined);
    this.#touched = [];
    this.#dirty = [];
    this.#writing = [];
    this.#unsettled = undefined;
    this.#cache.release(this.#cells);
  }

  #create(name: string): StateCell {
    const cell = new StateCell(name, this.#cells);
    this.#cells.set(name, cell);
    this.#cache.grew(cell.bytes);
    return cell;
  }

  #setCommitted(cell: StateCell, value: CellValue): void {
    const growth = lengthOf(value) - lengthOf(cell.committed);
    this.#cache.grew(growth);
    if (cell.isDirty) this.#dirtyBytes += growth;
    cell.committed = value;
    this.#markDirty(cell);
  }

  #markDirty(cell: StateCell): void {
    if (cell.isDirty) return;
    cell.isDirty = true;
    this.#dirty.push(cell);
    this.#dirtyBytes += cell.name.length + lengthOf(cell.committed);
  }

  #becameClean(cell: StateCell): void {
    this.#unsettled?.delete(cell.name);
    const isForgotten = cell.committed === undefined || cell.isSlice || cell.isUncached;
    if (isForgotten) {
      this.#cache.drop(cell);
      return;
    }
    if (cell.committed) cell.committed = this.#slabs.keep(cell.committed);
    this.#cache.add(cell);
  }

  #forgetTouched(): void {
    this.#touched = [];
    this.#pendingBytes = 0;
  }
}
