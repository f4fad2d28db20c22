/**
 * Everything one task remembers. A key is looked for in this order:
 *
 *   overlay      writes of the open transaction; gone if it aborts
 *   committed    committed, not yet in the engine
 *   writing      what a checkpoint is handing to the engine right now
 *   cache        clean entries read from the engine, known absences included; bounded in bytes
 *   engine       the checkpoint of the changelog
 *
 * The engine is written later than the commit, in large batches that keep only a key's last value,
 * bounded in records, bytes and time. So a crash loses nothing: the changelog's tail is replayed from
 * the position stored with the data. Keeps the buffers it is given: they must not change afterwards.
 */
import { assert } from '../kernel/assert.ts';
import { RollguardError } from '../kernel/errors.ts';
import { noFailpoints, type Failpoints } from '../kernel/failpoints.ts';
import { ChangeLayer } from './change-layer.ts';
import { EntryCache } from './entry-cache.ts';
import { keyName } from './key-name.ts';
import { mergedRange } from './merged-range.ts';
import type { RangeQuery, StateChange, StateEngine, StateEntry } from './state-engine.ts';

export interface TaskStateOptions {
  readonly engine: StateEngine;
  readonly cacheBytesMax: number;
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
type Settle = (name: string, change: StateChange) => void;

export class TaskState {
  readonly #options: TaskStateOptions;
  readonly #engine: StateEngine;
  readonly #cache: EntryCache;
  #overlay = new ChangeLayer();
  #committed = new ChangeLayer();
  #writing: ChangeLayer | undefined;
  #position: StatePosition | undefined;
  /** See ChangelogPosition: what the engine may claim about its age. */
  #writtenAtMs: number;
  #checkpointing: Promise<void> | undefined;
  /** Counts the batches handed to the engine: a read that one of them overtook is not cached. */
  #writes = 0;

  constructor(options: TaskStateOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#cache = new EntryCache(options.cacheBytesMax);
    const stored = options.engine.position();
    this.#position = stored && { topicId: stored.topicId, offset: stored.offset };
    this.#writtenAtMs = stored?.writtenAtMs ?? options.nowMs;
  }

  /** How far the committed content follows the changelog; undefined: from its start. */
  position(): StatePosition | undefined {
    return this.#position;
  }

  /** Keys that the open transaction changed. */
  get pendingCount(): number {
    return this.#overlay.size;
  }

  /** Bytes of their keys and values. */
  get pendingBytes(): number {
    return this.#overlay.bytes;
  }

  /** A value at once when it is in memory; a promise only when the engine has to be asked. */
  get(key: Buffer): MaybePromise<Value> {
    const name = keyName(key);
    const change = this.#overlay.get(name);
    return change === undefined ? this.#getCommitted(name, key) : change.value;
  }

  /** The same without the open transaction: what queries see. */
  committedGet(key: Buffer): MaybePromise<Value> {
    return this.#getCommitted(keyName(key), key);
  }

  /** Brings the keys that are not in memory there, in one read. */
  async load(keys: readonly Buffer[]): Promise<void> {
    const missing = new Map<string, Buffer>();
    for (const key of keys) {
      const name = keyName(key);
      if (!this.#overlay.has(name) && !this.#isInMemory(name)) missing.set(name, key);
    }
    if (missing.size > 0) await this.#read([...missing]);
  }

  /** @throws RECORD_TOO_LARGE when the changelog cannot take it. */
  put(key: Buffer, value: Buffer): void {
    const bytes = key.length + value.length;
    if (bytes > this.#options.recordBytesMax()) throw tooLarge(bytes, this.#options);
    this.#overlay.put({ key, value });
  }

  delete(key: Buffer): void {
    this.#overlay.put({ key, value: undefined });
  }

  range(query: RangeQuery): Promise<readonly StateEntry[]> {
    return mergedRange(this.#engine, [...this.#committedLayers(), this.#overlay], query);
  }

  /** The same without the open transaction: what queries see. */
  committedRange(query: RangeQuery): Promise<readonly StateEntry[]> {
    return mergedRange(this.#engine, this.#committedLayers(), query);
  }

  /** The open transaction's changelog records: the last value of every key it changed. */
  pendingChanges(): readonly StateChange[] {
    return [...this.#overlay.values()];
  }

  /**
   * The transaction is committed on the broker: its writes become readable. With nothing pending, the
   * position just moves.
   */
  commit(position: StatePosition): void {
    this.#committed.putAll(this.#overlay);
    this.abort();
    this.#position = position;
  }

  /** The transaction came to nothing. */
  abort(): void {
    if (this.#overlay.size > 0) this.#overlay = new ChangeLayer();
  }

  /**
   * Replays changelog records, straight to the engine in one batch. No transaction may be open. The
   * engine's age stays that of the content under them until a checkpoint says otherwise.
   */
  async applyRestored(changes: readonly StateChange[], position: StatePosition): Promise<void> {
    assert(this.#overlay.size === 0, 'restore meets no open transaction');
    await this.#checkpointing;
    for (const change of changes) this.#committed.put(change);
    this.#position = position;
    // Restored records are slices of whatever was fetched: caching them would keep all of it alive.
    await this.#write(this.#writtenAtMs, (name) => this.#cache.forget(name));
  }

  /** @param ownedAtMs see `checkpoint`. */
  checkpointDue(ownedAtMs: number): boolean {
    if (this.#checkpointing !== undefined || this.#position === undefined) return false;
    return this.#isFull() || ownedAtMs - this.#writtenAtMs >= this.#options.checkpointIntervalMs;
  }

  /** True when the next checkpoint is full and this one is still being written. */
  get isCheckpointLate(): boolean {
    return this.#checkpointing !== undefined && this.#isFull();
  }

  /**
   * Writes the committed content with its position; what commits meanwhile waits for the next.
   * Concurrent callers share one checkpoint. If it fails, its content stays committed and is written
   * with the next one.
   * @param ownedAtMs when the caller last knew for certain that it owns the task and has committed
   *   everything in the changelog, such as the time it sent its last commit or heartbeat that succeeded.
   */
  checkpoint(ownedAtMs: number): Promise<void> {
    const remember = (name: string, { value }: StateChange): void =>
      this.#cache.set(name, value ?? null);
    this.#checkpointing ??= this.#checkpoint(ownedAtMs, remember).finally(() => {
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
      await this.#engine.close();
    }
  }

  /** Closes the engine as it is: the changelog has what it lacks. */
  closeDirty(): Promise<void> {
    return this.#engine.close();
  }

  #isFull(): boolean {
    const { checkpointRecordsMax, checkpointBytesMax } = this.#options;
    return (
      this.#committed.size >= checkpointRecordsMax || this.#committed.bytes >= checkpointBytesMax
    );
  }

  #isInMemory(name: string): boolean {
    return (
      this.#committed.has(name) ||
      this.#writing?.has(name) === true ||
      this.#cache.get(name) !== undefined
    );
  }

  #getCommitted(name: string, key: Buffer): MaybePromise<Value> {
    const change = this.#committed.get(name) ?? this.#writing?.get(name);
    if (change !== undefined) return change.value;
    const cached = this.#cache.get(name);
    if (cached !== undefined) return cached ?? undefined;
    return this.#read([[name, key]]).then(([value]) => value);
  }

  #committedLayers(): readonly ChangeLayer[] {
    return this.#writing === undefined ? [this.#committed] : [this.#writing, this.#committed];
  }

  async #read(keys: readonly (readonly [name: string, key: Buffer])[]): Promise<readonly Value[]> {
    const writes = this.#writes;
    const values = await this.#engine.getMany(keys.map(([, key]) => key));
    if (writes === this.#writes) {
      keys.forEach(([name], index) => this.#cache.set(name, values[index] ?? null));
    }
    return values;
  }

  async #checkpoint(ownedAtMs: number, settle: Settle): Promise<void> {
    const { failpoints = noFailpoints } = this.#options;
    failpoints.hit('before-checkpoint');
    const written = this.#write(ownedAtMs, settle);
    try {
      failpoints.hit('during-checkpoint');
    } finally {
      await written;
    }
    failpoints.hit('after-checkpoint');
  }

  /** @param settle called for every written change, in the moment the engine has them all. */
  async #write(writtenAtMs: number, settle: Settle): Promise<void> {
    const position = this.#position;
    if (position === undefined) return;
    assert(this.#writing === undefined, 'one batch is written at a time');
    const writing = this.#committed;
    this.#writing = writing;
    this.#committed = new ChangeLayer();
    this.#writes += 1;
    try {
      await this.#engine.write([...writing.values()], { ...position, writtenAtMs });
      this.#writtenAtMs = writtenAtMs;
      for (const [name, change] of writing.entries()) settle(name, change);
    } catch (error) {
      writing.putAll(this.#committed);
      this.#committed = writing;
      throw error;
    } finally {
      this.#writing = undefined;
    }
  }
}

function tooLarge(bytes: number, { recordBytesMax }: TaskStateOptions): RollguardError {
  return new RollguardError(
    'RECORD_TOO_LARGE',
    `a store's entry of ${bytes} bytes exceeds the ${recordBytesMax()} that its changelog takes; ` +
      "raise the changelog topic's max.message.bytes",
    { context: { bytes } },
  );
}
