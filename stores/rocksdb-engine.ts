/**
 * The StateEngine on disk; the only importer of `rocksdb`. User keys lie behind one leading byte, the
 * position under a key that they can therefore never reach, and one WriteBatch holds both.
 *
 * No write waits for the disk: the engine is a checkpoint of the changelog, which has everything. A
 * killed process loses nothing (the operating system has RocksDB's log). A machine that loses power may
 * tear the log's tail off; RocksDB then opens at the last whole batch before the tear, whose position
 * is in the same batch, and the changelog is replayed from there.
 */
import { mkdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import RocksDb, { type Done, type EntryIterator } from 'rocksdb';
import { z } from 'zod';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import { engineMemory, type EngineMemory } from './engine-memory.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from './state-engine.ts';

type Value = Buffer | undefined;

// Of one that stands alone; a process that opens several says how much each may have.
const ownMemory = engineMemory(16 * 1024 * 1024, 1);
// Each keeps its index and filter in memory, beside the block cache.
const maxOpenFiles = 128;

const metaKey = Buffer.from([0]);
const dataByte = 1;
const dataEnd = Buffer.from([dataByte + 1]);

// Keys of one job of the thread pool: a poll's keys make a few, which run side by side.
const getJobKeys = 256;
// After so many changes put into a batch, heartbeats and requests get their turn.
const changesPerTurn = 256;
const rangeReadAheadBytes = 256 * 1024;
// What the binding can take.
const limitMax = 2 ** 31 - 1;

/** Left in the folder of an engine whose damage was found by reading: opening it would not show it. */
const damageMark = 'DAMAGED';

const formatVersion = 1;
const metaSchema = z.object({
  formatVersion: z.literal(formatVersion),
  topicId: z.string(),
  offset: z.int().nonnegative(),
  writtenAtMs: z.number(),
});

export class RocksDbEngine implements StateEngine {
  readonly #folder: string;
  readonly #database: RocksDb;
  #position: ChangelogPosition | undefined;
  /** Reads and writes under way: RocksDB must not be closed below them. */
  readonly #running = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  private constructor(folder: string, database: RocksDb) {
    this.#folder = folder;
    this.#database = database;
  }

  /**
   * Opens the engine in the folder, which belongs to it alone and is made if missing.
   * @throws STATE_LOCKED when the folder is open already, STATE_DAMAGED when its content cannot be
   *   trusted or is not ours, DISK_FULL or STORE_FAILED when it cannot be opened; each names the folder.
   */
  static async open(folder: string, memory: EngineMemory = ownMemory): Promise<RocksDbEngine> {
    const database = new RocksDb(folder);
    try {
      await mkdir(folder, { recursive: true });
      await refuseMarked(folder);
      const options = { ...memory, createIfMissing: true, maxOpenFiles };
      await call((done) => database.open(options, done));
    } catch (error) {
      throw openError(folder, error);
    }
    const engine = new RocksDbEngine(folder, database);
    try {
      engine.#position = await engine.#readPosition();
    } catch (error) {
      await engine.close();
      throw error;
    }
    return engine;
  }

  position(): ChangelogPosition | undefined {
    return this.#position;
  }

  getMany(keys: readonly Buffer[]): Promise<readonly Value[]> {
    return this.#run(() => this.#getMany(keys.map(dataKey)));
  }

  range({ gte, lt, limit, reverse = false }: RangeQuery): Promise<readonly StateEntry[]> {
    return this.#run(async () => {
      const bounds = { gte: dataKey(gte), lt: lt === undefined ? dataEnd : dataKey(lt) };
      if (limit <= 0 || Buffer.compare(bounds.gte, bounds.lt) >= 0) return [];
      const iterator = this.#database.iterator({
        ...bounds,
        limit: Math.min(limit, limitMax),
        reverse,
        highWaterMark: rangeReadAheadBytes,
      });
      try {
        return await allEntries(iterator);
      } finally {
        // One that stays open would keep files and memory from being given back.
        await call((done) => iterator.end(done));
      }
    });
  }

  write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    return this.#run(async () => {
      const batch = this.#database.batch();
      for (const [index, { key, value }] of changes.entries()) {
        if (index % changesPerTurn === changesPerTurn - 1) await setImmediate();
        if (value === undefined) batch.del(dataKey(key));
        else batch.put(dataKey(key), value);
      }
      batch.put(metaKey, Buffer.from(JSON.stringify({ formatVersion, ...position })));
      await call((done) => batch.write({ sync: false }, done));
      this.#position = position;
    });
  }

  close(): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(() =>
      call((done) => this.#database.close(done)),
    );
    return this.#closing;
  }

  async #run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) {
      throw new RollguardError('STORE_CLOSED', `the store ${this.#folder} is closed`);
    }
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      this.#running.delete(running);
    }
  }

  async #failed(error: unknown): Promise<RollguardError> {
    const why = messageOf(error);
    if (isDamage(why)) {
      // Without the mark, the next reader of that place finds the damage again.
      await writeFile(path.join(this.#folder, damageMark), `${why}\n`).catch(() => undefined);
      return damaged(this.#folder, why, error);
    }
    const code = isDiskFull(why) ? 'DISK_FULL' : 'STORE_FAILED';
    return new RollguardError(code, `the store ${this.#folder} failed: ${why}`, { cause: error });
  }

  async #getMany(keys: readonly Buffer[]): Promise<readonly Value[]> {
    const jobs: Promise<readonly Value[]>[] = [];
    for (let at = 0; at < keys.length; at += getJobKeys) {
      const part = keys.slice(at, at + getJobKeys);
      jobs.push(call((done) => this.#database.getMany(part, done)));
    }
    return (await Promise.all(jobs)).flat();
  }

  async #readPosition(): Promise<ChangelogPosition | undefined> {
    const [bytes] = await this.#run(() => this.#getMany([metaKey]));
    if (bytes !== undefined) return parsePosition(bytes, this.#folder);
    const entries = await this.range({ gte: Buffer.alloc(0), limit: 1 });
    if (entries.length === 0) return undefined;
    throw damaged(this.#folder, 'it has entries but no position');
  }
}

/** One byte before the user's key: keeps the order, makes room for `metaKey`, allows the empty key. */
function dataKey(key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(key.length + 1);
  bytes[0] = dataByte;
  key.copy(bytes, 1);
  return bytes;
}

function allEntries(iterator: EntryIterator): Promise<readonly StateEntry[]> {
  return new Promise((resolve, reject) => {
    const entries: StateEntry[] = [];
    const next = (): void =>
      iterator.next((error, key, value) => {
        if (error) {
          reject(error);
        } else if (key === undefined || value === undefined) {
          resolve(entries);
        } else {
          entries.push([key.subarray(1), value]);
          next();
        }
      });
    next();
  });
}

function parsePosition(bytes: Buffer, folder: string): ChangelogPosition {
  try {
    const { topicId, offset, writtenAtMs } = metaSchema.parse(JSON.parse(bytes.toString('utf8')));
    return { topicId, offset, writtenAtMs };
  } catch (error) {
    throw damaged(folder, `its position is not of format version ${formatVersion}`, error);
  }
}

async function refuseMarked(folder: string): Promise<void> {
  const mark = await stat(path.join(folder, damageMark)).catch(() => undefined);
  if (mark !== undefined) throw damaged(folder, 'it was found damaged when it was read');
}

function openError(folder: string, cause: unknown): RollguardError {
  if (isRollguardError(cause)) return cause;
  const why = messageOf(cause);
  // From another process, and from this one.
  if (/While lock file|lock hold by current process/.test(why)) {
    const message = `the state folder ${folder} is open already, in another process or in this one`;
    return new RollguardError('STATE_LOCKED', message, { cause, context: { folder } });
  }
  // Also what another program or version left: comparators, column families, file formats.
  if (isDamage(why) || /^(Invalid argument|Not (supported|implemented))/.test(why)) {
    return damaged(folder, why, cause);
  }
  const message = `the state folder ${folder} cannot be opened: ${why}`;
  const code = isDiskFull(why) ? 'DISK_FULL' : 'STORE_FAILED';
  return new RollguardError(code, message, { cause, context: { folder } });
}

/** No space, no quota, or a limit on the size of files, in RocksDB's words and Node's. */
function isDiskFull(message: string): boolean {
  return /no space left|file too large|quota exceeded/i.test(message);
}

/** RocksDB's words for bytes that fail their checksum, and for a file of its list that is gone. */
function isDamage(message: string): boolean {
  return /^Corruption|No such file or directory/.test(message);
}

function damaged(folder: string, why: string, cause?: unknown): RollguardError {
  const message = `the store ${folder} cannot be trusted: ${why}`;
  return new RollguardError('STATE_DAMAGED', message, { cause, context: { folder } });
}

function call<T = void>(start: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
}
