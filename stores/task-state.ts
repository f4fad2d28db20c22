/**
 * Everything one task remembers. A key is looked for in this order:
 *
 *   overlay      writes of the open transaction; gone if it aborts
 *   committed    committed, not yet in the engine
 *   cache        clean entries read from the engine, known absences included; bounded in bytes
 *   engine       the checkpoint of the changelog
 *
 * The engine is written later than the commit, in large batches that keep only a key's last value,
 * bounded in records, bytes and time. So a crash loses nothing: the changelog's tail is replayed from
 * the position stored with the data.
 */
import { assert } from '../kernel/assert.ts';
import { EntryCache } from './entry-cache.ts';
import { SortedMap } from './sorted-map.ts';
import type { RangeQuery, StateChange, StateEngine, StateEntry } from './state-engine.ts';

export interface TaskStateOptions {
  readonly engine: StateEngine;
  readonly cacheBytesMax: number;
  readonly checkpointRecordsMax: number;
  readonly checkpointBytesMax: number;
  readonly checkpointIntervalMs: number;
  readonly nowMs: number;
}

/** A place in the changelog: everything before it is in the state. */
export interface StatePosition {
  readonly topicId: string;
  readonly offset: number;
}

type MaybePromise<T> = T | Promise<T>;
type Value = Buffer | undefined;

export class TaskState {
  readonly #options: TaskStateOptions;
  readonly #engine: StateEngine;
  readonly #cache: EntryCache;
  #overlay = new SortedMap<StateChange>();
  #overlayBytes = 0;
  #committed = new SortedMap<StateChange>();
  #committedBytes = 0;
  /** What a running checkpoint is writing: newer than the engine until it is done. */
  #checkpointing: SortedMap<StateChange> | undefined;
  #position: StatePosition | undefined;
  #checkpointedAtMs: number;
  #hasMoved = false;

  constructor(options: TaskStateOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#cache = new EntryCache(options.cacheBytesMax);
    this.#position = options.engine.position();
    this.#checkpointedAtMs = options.nowMs;
  }

  /** How far the committed content follows the changelog; undefined: from its start. */
  position(): StatePosition | undefined {
    return this.#position;
  }

  get pendingCount(): number {
    return this.#overlay.size;
  }

  get pendingBytes(): number {
    return this.#overlayBytes;
  }

  /** A value at once when it is in memory; a promise only when the engine has to be asked. */
  get(key: Buffer): MaybePromise<Value> {
    const name = nameOf(key);
    const change = this.#overlay.get(name);
    return change === undefined ? this.#committedByName(name, key) : change.value;
  }

  /** The same without the open transaction: what queries see. */
  committedGet(key: Buffer): MaybePromise<Value> {
    return this.#committedByName(nameOf(key), key);
  }

  /** Brings the keys that are not in memory there, in one read. */
  async load(keys: readonly Buffer[]): Promise<void> {
    const missing = new Map<string, Buffer>();
    for (const key of keys) {
      const name = nameOf(key);
      if (!this.#overlay.has(name) && !this.#isInMemory(name)) missing.set(name, key);
    }
    if (missing.size > 0) await this.#read([...missing]);
  }

  put(key: Buffer, value: Buffer): void {
    this.#change(key, value);
  }

  delete(key: Buffer): void {
    this.#change(key, undefined);
  }

  range(query: RangeQuery): Promise<readonly StateEntry[]> {
    return this.#merged(query, [this.#checkpointing, this.#committed, this.#overlay]);
  }

  committedRange(query: RangeQuery): Promise<readonly StateEntry[]> {
    return this.#merged(query, [this.#checkpointing, this.#committed]);
  }

  /** The open transaction's changelog records: the last value of every key it changed. */
  pendingChanges(): readonly StateChange[] {
    return [...this.#overlay.values()];
  }

  /** The transaction is committed on the broker: its writes become readable. */
  commit(position: StatePosition): void {
    for (const [name, change] of this.#overlay.entries()) {
      this.#committedBytes += sizeOf(change) - sizeOf(this.#committed.get(name));
      this.#committed.set(name, change);
    }
    this.#clearOverlay();
    this.#position = position;
    this.#hasMoved = true;
  }

  /** The transaction came to nothing. */
  abort(): void {
    this.#clearOverlay();
  }

  /** Replays changelog records, straight to the engine in one batch. Nothing may be open or unwritten. */
  async applyRestored(changes: readonly StateChange[], position: StatePosition): Promise<void> {
    assert(this.#overlay.size === 0 && this.#committed.size === 0, 'restore meets a clean state');
    const last = new Map(changes.map((change) => [nameOf(change.key), change]));
    for (const name of last.keys()) this.#cache.forget(name);
    await this.#engine.write([...last.values()], {
      ...position,
      writtenAtMs: this.#checkpointedAtMs,
    });
    this.#position = position;
  }

  checkpointDue(nowMs: number): boolean {
    if (this.#checkpointing !== undefined || !this.#hasMoved) return false;
    const { checkpointRecordsMax, checkpointBytesMax, checkpointIntervalMs } = this.#options;
    return (
      this.#committed.size >= checkpointRecordsMax ||
      this.#committedBytes >= checkpointBytesMax ||
      nowMs - this.#checkpointedAtMs >= checkpointIntervalMs
    );
  }

  /** Writes the committed content with its position; commits that happen meanwhile wait for the next. */
  async checkpoint(nowMs: number): Promise<void> {
    if (this.#checkpointing !== undefined || this.#position === undefined) return;
    const writing = this.#committed;
    this.#checkpointing = writing;
    this.#committed = new SortedMap();
    this.#committedBytes = 0;
    this.#hasMoved = false;
    await this.#engine.write([...writing.values()], { ...this.#position, writtenAtMs: nowMs });
    for (const [name, change] of writing.entries()) this.#cache.set(name, change.value);
    this.#checkpointing = undefined;
    this.#checkpointedAtMs = nowMs;
  }

  /** Writes what is committed, then closes the engine. */
  async close(nowMs: number): Promise<void> {
    this.#clearOverlay();
    if (this.#hasMoved) await this.checkpoint(nowMs);
    await this.#engine.close();
  }

  /** Closes the engine as it is: the changelog has what it lacks. */
  async closeDirty(): Promise<void> {
    await this.#engine.close();
  }

  #change(key: Buffer, value: Value): void {
    const name = nameOf(key);
    const change = { key, value };
    this.#overlayBytes += sizeOf(change) - sizeOf(this.#overlay.get(name));
    this.#overlay.set(name, change);
  }

  #clearOverlay(): void {
    if (this.#overlay.size > 0) this.#overlay = new SortedMap();
    this.#overlayBytes = 0;
  }

  #isInMemory(name: string): boolean {
    return (
      this.#committed.has(name) || this.#checkpointing?.has(name) === true || this.#cache.has(name)
    );
  }

  #committedByName(name: string, key: Buffer): MaybePromise<Value> {
    const change = this.#committed.get(name) ?? this.#checkpointing?.get(name);
    if (change !== undefined) return change.value;
    if (this.#cache.has(name)) return this.#cache.get(name);
    return this.#read([[name, key]]).then(([value]) => value);
  }

  async #read(keys: readonly (readonly [name: string, key: Buffer])[]): Promise<readonly Value[]> {
    const values = await this.#engine.getMany(keys.map(([, key]) => key));
    keys.forEach(([name], index) => {
      // What was committed while the engine was being read is newer.
      if (!this.#isInMemory(name)) this.#cache.set(name, values[index]);
    });
    return values;
  }

  /**
   * Engine entries with the layers' changes applied, later layers winning. Asks the engine for as many
   * more entries as the changes may delete.
   */
  async #merged(
    query: RangeQuery,
    layers: readonly (SortedMap<StateChange> | undefined)[],
  ): Promise<readonly StateEntry[]> {
    const range = { from: nameOf(query.gte), to: query.lt && nameOf(query.lt) };
    const changes = new Map<string, StateChange>();
    for (const layer of layers) {
      for (const change of layer?.range(range) ?? []) changes.set(nameOf(change.key), change);
    }
    const stored = await this.#engine.range({ ...query, limit: query.limit + changes.size });
    if (changes.size === 0) return stored;
    const found = new Map(stored.map((entry) => [nameOf(entry[0]), entry]));
    for (const [name, { key, value }] of changes) {
      if (value === undefined) found.delete(name);
      else found.set(name, [key, value]);
    }
    const merged = [...found].sort(([left], [right]) => (left < right ? -1 : 1));
    if (query.reverse === true) merged.reverse();
    return merged.slice(0, query.limit).map(([, entry]) => entry);
  }
}

/** Latin1 text of the key: lossless, cheap, and its order is byte order. */
function nameOf(key: Buffer): string {
  return key.toString('latin1');
}

function sizeOf(change: StateChange | undefined): number {
  return change === undefined ? 0 : change.key.length + (change.value?.length ?? 0);
}
