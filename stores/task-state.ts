/**
 * Everything one task remembers: what is in memory of it (`state-cells.ts`) over the engine, which has the
 * rest. The engine is a checkpoint of the changelog: it is written later than the commit, in large batches
 * that keep only a key's last value, bounded in records, bytes and time. So a crash loses nothing: the
 * changelog's tail is replayed from the position stored with the data.
 *
 * A large checkpoint goes to the engine in parts. Until the last one the engine's position stays what it
 * was, and of some keys it has a newer value already than that says: the replay ends at the same content.
 *
 * Keys go by their names (`keyName`). Keeps the values it is given: they must not change afterwards.
 */
import { assert } from '../kernel/assert.ts';
import { RollguardError } from '../kernel/errors.ts';
import { noFailpoints, type Failpoints } from '../kernel/failpoints.ts';
import { keyOfName } from './key-name.ts';
import { mergedRange, type Changes } from './merged-range.ts';
import type { StateCache } from './state-cache.ts';
import type { CellValue, StateCell } from './state-cell.ts';
import { StateCells } from './state-cells.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from './state-engine.ts';

export interface TaskStateOptions {
  readonly engine: StateEngine;
  /** Of the process, shared by all its states. */
  readonly cache: StateCache;
  /** Committed content waits for the next checkpoint up to so many keys … */
  readonly checkpointRecordsMax: number;
  /** … so many bytes of keys and values … */
  readonly checkpointBytesMax: number;
  /** … and so long. The position is written again after that time even if nothing changed. */
  readonly checkpointIntervalMs: number;
  /** Bytes of key and value that one changelog record may have; asked anew for every write. */
  readonly recordBytesMax: () => number;
  /** Now: an empty engine is restored from here on. */
  readonly nowMs: number;
  /** Changes that go to the engine in one batch: what it copies of a checkpoint at a time. */
  readonly partRecordsMax?: number;
  /** For tests; none unless given. */
  readonly failpoints?: Failpoints;
}

/** A place in the changelog: everything before it is in the state. */
export interface StatePosition {
  readonly topicId: string;
  readonly offset: number;
}

type MaybePromise<T> = T | Promise<T>;
type Value = Buffer | undefined;

const partRecordsMaxDefault = 5_000;

export class TaskState {
  readonly #options: TaskStateOptions;
  readonly #engine: StateEngine;
  readonly #cache: StateCache;
  readonly #cells: StateCells;
  #position: StatePosition | undefined;
  /** What the engine says of itself. */
  #stored: ChangelogPosition | undefined;
  /** See ChangelogPosition: what the engine may claim about its age. */
  #writtenAtMs: number;
  #checkpointing: Promise<void> | undefined;
  /** Counts the batches handed to the engine: a read that one of them overtook is not remembered. */
  #writes = 0;

  constructor(options: TaskStateOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#cache = options.cache;
    this.#cells = new StateCells(options.cache);
    this.#stored = options.engine.position();
    this.#position = this.#stored && { topicId: this.#stored.topicId, offset: this.#stored.offset };
    this.#writtenAtMs = this.#stored?.writtenAtMs ?? options.nowMs;
  }

  /** How far the committed content follows the changelog; undefined: from its start. */
  position(): StatePosition | undefined {
    return this.#position;
  }

  /** Changelog offset up to which the engine has it. */
  get storedOffset(): number {
    return this.#stored?.offset ?? 0;
  }

  /** Wall-clock time at which the engine's content last had all that was in the changelog. */
  get writtenAtMs(): number {
    return this.#writtenAtMs;
  }

  /** Keys that the open transaction changed. */
  get pendingCount(): number {
    return this.#cells.pendingCount;
  }

  /** Bytes of their keys and values. */
  get pendingBytes(): number {
    return this.#cells.pendingBytes;
  }

  /** A value at once when it is in memory; a promise only when the engine has to be asked. */
  get(name: string): MaybePromise<Value> {
    const cell = this.#cells.find(name);
    const known = cell?.pending === undefined ? cell?.committed : cell.pending;
    return this.#answer(name, cell, known);
  }

  /** The same without the open transaction: what queries see. */
  committedGet(name: string): MaybePromise<Value> {
    const cell = this.#cells.find(name);
    return this.#answer(name, cell, cell?.committed);
  }

  /** Brings the keys that are not in memory there, in one read. */
  async load(names: readonly string[]): Promise<void> {
    const missing = new Set<string>();
    this.#cells.expect(names, (name, cell) => {
      if (cell === undefined || isUnknown(cell)) missing.add(name);
      else cell.isUsed = true;
    });
    if (missing.size > 0) await this.#read([...missing]);
  }

  /**
   * @param isCached false: not kept in memory once the engine has it.
   * @throws RECORD_TOO_LARGE when the changelog cannot take it.
   */
  put(name: string, value: Buffer, isCached = true): void {
    const bytes = name.length + value.length;
    if (bytes > this.#options.recordBytesMax()) throw tooLarge(bytes, this.#options);
    this.#cells.put(name, value, isCached);
  }

  delete(name: string, isCached = true): void {
    this.#cells.put(name, null, isCached);
  }

  range(query: RangeQuery): Promise<readonly StateEntry[]> {
    return mergedRange(this.#engine, this.#changes(withPending), query);
  }

  /** The same without the open transaction: what queries see. */
  committedRange(query: RangeQuery): Promise<readonly StateEntry[]> {
    return mergedRange(this.#engine, this.#changes(committedOnly), query);
  }

  /** The open transaction's changelog records: the last value of every key it changed; null deletes it. */
  eachPending(visit: (name: string, value: Buffer | null) => void): void {
    this.#cells.eachPending(visit);
  }

  /**
   * The transaction is committed on the broker: its writes become readable. With nothing pending, the
   * position just moves.
   */
  commit(position: StatePosition): void {
    this.#cells.commit();
    this.#cache.makeRoom();
    this.#position = position;
  }

  /** The transaction came to nothing. */
  abort(): void {
    this.#cells.abort();
  }

  /**
   * Replays changelog records, into memory: `checkpointRestored` brings them to the engine. No transaction
   * may be open.
   */
  applyRestored(changes: readonly StateChange[], position: StatePosition): void {
    assert(this.pendingCount === 0, 'restore meets no open transaction');
    for (const change of changes) this.#cells.restore(change);
    this.#cache.makeRoom();
    this.#position = position;
  }

  /** How much a restore has brought into memory of what may wait there for the disk. */
  get restoredFullness(): 'low' | 'half' | 'full' {
    return this.#cells.dirtyCount === 0 ? 'low' : this.#cache.restoredFullness;
  }

  /** A checkpoint while it is restored: the engine's age stays that of the content under it. */
  checkpointRestored(): Promise<void> {
    return this.checkpoint(this.#writtenAtMs);
  }

  /** @param ownedAtMs see `checkpoint`. */
  checkpointDue(ownedAtMs: number): boolean {
    if (this.#checkpointing !== undefined || this.#position === undefined) return false;
    if (this.#cache.isFull && this.#cells.dirtyCount > 0) return true;
    return this.#isFull() || ownedAtMs - this.#writtenAtMs >= this.#options.checkpointIntervalMs;
  }

  /** True when the next checkpoint is full and this one is still being written. */
  get isCheckpointLate(): boolean {
    return this.#checkpointing !== undefined && this.#isFull();
  }

  /**
   * Writes the committed content with its position; what commits meanwhile waits for the next.
   * Concurrent callers share one checkpoint. If it fails, its content stays in memory and is written
   * with the next one.
   * @param ownedAtMs when the caller last knew for certain that it owns the task and has committed
   *   everything in the changelog, such as the time it sent its last commit or heartbeat that succeeded.
   */
  checkpoint(ownedAtMs: number): Promise<void> {
    this.#checkpointing ??= this.#checkpoint(ownedAtMs).finally(() => {
      this.#checkpointing = undefined;
    });
    return this.#checkpointing;
  }

  /** Drops the open transaction, writes what is committed, closes the engine. */
  async close(ownedAtMs: number): Promise<void> {
    this.abort();
    try {
      await this.#checkpointing;
      await this.checkpoint(ownedAtMs);
    } finally {
      await this.closeDirty();
    }
  }

  /** Closes the engine as it is: the changelog has what it lacks. */
  async closeDirty(): Promise<void> {
    await this.#engine.close();
    this.#cells.release();
  }

  #isFull(): boolean {
    const { checkpointRecordsMax, checkpointBytesMax } = this.#options;
    return (
      this.#cells.dirtyCount >= checkpointRecordsMax || this.#cells.dirtyBytes >= checkpointBytesMax
    );
  }

  #answer(name: string, cell: StateCell | undefined, known: CellValue): MaybePromise<Value> {
    if (cell === undefined || known === undefined) {
      return this.#read([name]).then(([value]) => value);
    }
    cell.isUsed = true;
    return known ?? undefined;
  }

  #changes(valueOf: Changes['valueOf']): Changes {
    return { cells: this.#cells.unsettled(), valueOf };
  }

  async #read(names: readonly string[]): Promise<readonly Value[]> {
    const writes = this.#writes;
    const values = await this.#engine.getMany(names.map(keyOfName));
    if (writes === this.#writes) {
      names.forEach((name, index) => this.#cells.learn(name, values[index] ?? null));
      this.#cache.makeRoom();
    }
    return values;
  }

  async #checkpoint(ownedAtMs: number): Promise<void> {
    const { failpoints = noFailpoints } = this.#options;
    failpoints.hit('before-checkpoint');
    const written = this.#write(ownedAtMs);
    try {
      failpoints.hit('during-checkpoint');
    } finally {
      await written;
    }
    failpoints.hit('after-checkpoint');
  }

  async #write(writtenAtMs: number): Promise<void> {
    const position = this.#position;
    if (position === undefined) return;
    const { partRecordsMax = partRecordsMaxDefault } = this.#options;
    const before = this.#stored ?? { ...position, offset: 0, writtenAtMs: this.#writtenAtMs };
    const cells = this.#cells.takeDirty();
    let at = 0;
    try {
      for (; at + partRecordsMax < cells.length; at += partRecordsMax) {
        await this.#writePart(cells.slice(at, at + partRecordsMax), before);
      }
      await this.#writePart(cells.slice(at), { ...position, writtenAtMs });
      this.#writtenAtMs = writtenAtMs;
    } finally {
      this.#cells.writeEnded();
    }
  }

  async #writePart(cells: readonly StateCell[], position: ChangelogPosition): Promise<void> {
    this.#writes += 1;
    const changes = cells.map(({ name, committed }) => ({
      key: keyOfName(name),
      value: committed ?? undefined,
    }));
    await this.#engine.write(changes, position);
    this.#stored = position;
    this.#cells.written(cells);
    this.#cache.makeRoom();
  }
}

function isUnknown({ pending, committed }: StateCell): boolean {
  return pending === undefined && committed === undefined;
}

function committedOnly({ isDirty, isWriting, committed }: StateCell): CellValue {
  return isDirty || isWriting ? committed : undefined;
}

function withPending(cell: StateCell): CellValue {
  return cell.pending === undefined ? committedOnly(cell) : cell.pending;
}

function tooLarge(bytes: number, { recordBytesMax }: TaskStateOptions): RollguardError {
  return new RollguardError(
    'RECORD_TOO_LARGE',
    `a store's entry of ${bytes} bytes exceeds the ${recordBytesMax()} that its changelog takes; ` +
      "raise the changelog topic's max.message.bytes",
    { context: { bytes } },
  );
}
