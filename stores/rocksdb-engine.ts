/**
 * A StateEngine on RocksDB (the only importer of the binding). Data keys begin with one byte, the
 * position is kept under another, and both go into one WriteBatch. Writes are not synced: RocksDB is
 * a checkpoint of the changelog, and after a power cut its log replays to the last whole batch, whose
 * position says where the changelog goes on.
 */
import rocksdb, { type Database, type Operation, type RocksIterator } from 'rocksdb';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from './state-engine.ts';

// Two kinds of keys, apart for ever: 'd' + user key, 'm' for the engine's own.
const dataPrefix = Buffer.from('d');
const dataEnd = Buffer.from('e');
const metaKey = Buffer.from('m');
const formatVersion = 1;

// A node runs dozens of tasks: each engine's memory is small, the task's own cache is in front.
const openOptions = {
  createIfMissing: true,
  cacheSize: 8 * 1024 * 1024,
  writeBufferSize: 8 * 1024 * 1024,
  maxOpenFiles: 256,
  compression: true,
};

interface Meta extends ChangelogPosition {
  readonly formatVersion: number;
}

export class RocksDbEngine implements StateEngine {
  readonly #database: Database;
  readonly #folder: string;
  #position: ChangelogPosition | undefined;
  #isOpen = true;
  /** Reads and writes under way: RocksDB must not be closed below them. */
  #running = 0;
  #idle: (() => void) | undefined;

  private constructor(folder: string, database: Database, position: ChangelogPosition | undefined) {
    this.#folder = folder;
    this.#database = database;
    this.#position = position;
  }

  /**
   * Opens or creates the database in `folder`.
   * @throws STATE_LOCKED when another process has it open, STATE_DAMAGED when it cannot be trusted.
   */
  static async open(folder: string): Promise<RocksDbEngine> {
    const database = rocksdb(folder);
    try {
      await call((done) => database.open(openOptions, done));
    } catch (error) {
      throw openError(folder, error);
    }
    try {
      return new RocksDbEngine(folder, database, await readPosition(database, folder));
    } catch (error) {
      await call((done) => database.close(done));
      throw error;
    }
  }

  position(): ChangelogPosition | undefined {
    return this.#position;
  }

  getMany(keys: readonly Buffer[]): Promise<readonly (Buffer | undefined)[]> {
    return this.#run('read', () => getMany(this.#database, keys.map(dataKey)));
  }

  range({ gte, lt, limit, reverse = false }: RangeQuery): Promise<readonly StateEntry[]> {
    if (limit <= 0 || (lt !== undefined && Buffer.compare(gte, lt) >= 0))
      return Promise.resolve([]);
    return this.#run('read', async () => {
      const bounds = { gte: dataKey(gte), lt: lt === undefined ? dataEnd : dataKey(lt) };
      const iterator = this.#database.iterator({ ...bounds, limit, reverse, fillCache: false });
      try {
        const entries: StateEntry[] = [];
        for (let entry = await next(iterator); entry !== undefined; entry = await next(iterator)) {
          entries.push([entry[0].subarray(dataPrefix.length), entry[1]]);
        }
        return entries;
      } finally {
        await call((done) => iterator.end(done));
      }
    });
  }

  async write(changes: readonly StateChange[], position: ChangelogPosition): Promise<void> {
    const meta: Meta = { formatVersion, ...position };
    const operations: Operation[] = changes.map(({ key, value }) =>
      value === undefined
        ? { type: 'del', key: dataKey(key) }
        : { type: 'put', key: dataKey(key), value },
    );
    operations.push({ type: 'put', key: metaKey, value: Buffer.from(JSON.stringify(meta)) });
    await this.#run('write', () => call((done) => this.#database.batch(operations, done)));
    this.#position = position;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
    await call((done) => this.#database.close(done));
  }

  async #run<T>(what: string, operation: () => Promise<T>): Promise<T> {
    if (!this.#isOpen)
      throw new RollguardError('STORE_CLOSED', `the store ${this.#folder} is closed`);
    this.#running += 1;
    try {
      return await operation();
    } catch (error) {
      const code = isCorruption(error) ? 'STATE_DAMAGED' : 'STORE_FAILED';
      throw new RollguardError(code, `cannot ${what} the store ${this.#folder}`, { cause: error });
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#idle?.();
    }
  }
}

function dataKey(key: Buffer): Buffer {
  return Buffer.concat([dataPrefix, key]);
}

async function readPosition(
  database: Database,
  folder: string,
): Promise<ChangelogPosition | undefined> {
  const [bytes] = await getMany(database, [metaKey]);
  if (bytes === undefined) return undefined;
  const meta = parseMeta(bytes);
  if (meta?.formatVersion !== formatVersion) {
    const found = meta === undefined ? 'unreadable' : `version ${meta.formatVersion}`;
    throw new RollguardError('STATE_DAMAGED', `the store ${folder} has a format of ${found}`);
  }
  const { topicId, offset, writtenAtMs } = meta;
  return { topicId, offset, writtenAtMs };
}

function parseMeta(bytes: Buffer): Meta | undefined {
  try {
    return JSON.parse(bytes.toString('utf8')) as Meta;
  } catch {
    return undefined;
  }
}

function openError(folder: string, error: unknown): RollguardError {
  const text = messageOf(error);
  if (/lock/i.test(text) && !isCorruption(error)) {
    return new RollguardError('STATE_LOCKED', `another process uses the state folder ${folder}`, {
      cause: error,
    });
  }
  return new RollguardError('STATE_DAMAGED', `cannot open the store ${folder}`, { cause: error });
}

function isCorruption(error: unknown): boolean {
  return /corrupt|checksum|no such file/i.test(messageOf(error));
}

function getMany(database: Database, keys: readonly Buffer[]): Promise<(Buffer | undefined)[]> {
  return new Promise((resolve, reject) => {
    database.getMany(keys, (error, values) => (error ? reject(error) : resolve(values ?? [])));
  });
}

function next(iterator: RocksIterator): Promise<StateEntry | undefined> {
  return new Promise((resolve, reject) => {
    iterator.next((error, key, value) => {
      if (error) reject(error);
      else resolve(key === undefined || value === undefined ? undefined : [key, value]);
    });
  });
}

function call(operation: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    operation((error) => (error ? reject(error) : resolve()));
  });
}
