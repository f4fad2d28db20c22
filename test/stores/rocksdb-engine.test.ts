import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import RocksDb from 'rocksdb';
import { isRollguardError, type RollguardError } from '../../kernel/errors.ts';
import { RocksDbEngine } from '../../stores/rocksdb-engine.ts';
import type { ChangelogPosition, StateChange } from '../../stores/state-engine.ts';
import { describeStateEngine } from '../contract/state-engine.ts';
import { numberedBatch } from './numbered-batch.ts';

jest.setTimeout(60_000); // processes are started, on a machine that may be busy

let root: string;
let folders = 0;

const freshFolder = (): string => {
  folders += 1;
  return path.join(root, `engine-${folders}`);
};
const at = (offset: number): ChangelogPosition => ({ topicId: 'topic', offset, writtenAtMs: 7 });
const everything = { gte: Buffer.alloc(0), limit: 1_000_000 };

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'rollguard-engine-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const foldersOf = new WeakMap<object, string>();
const openIn = async (folder: string): Promise<RocksDbEngine> => {
  const engine = await RocksDbEngine.open(folder);
  foldersOf.set(engine, folder);
  return engine;
};

describeStateEngine('RocksDbEngine', {
  open: () => openIn(freshFolder()),
  reopen: async (engine) => {
    await engine.close();
    return openIn(foldersOf.get(engine) ?? '');
  },
});

describe('RocksDbEngine', () => {
  const refusal = async (folder: string): Promise<RollguardError> => {
    const error = await RocksDbEngine.open(folder).catch((thrown: unknown) => thrown);
    expect(isRollguardError(error)).toBe(true);
    expect((error as RollguardError).message).toContain(folder);
    return error as RollguardError;
  };
  const raw = async (folder: string, entries: Readonly<Record<string, string>>): Promise<void> => {
    await mkdir(folder, { recursive: true });
    const database = new RocksDb(folder);
    const options = {
      createIfMissing: true,
      cacheSize: 0,
      writeBufferSize: 65_536,
      maxOpenFiles: 8,
    };
    await new Promise((resolve) => database.open(options, resolve));
    const batch = database.batch();
    for (const [key, value] of Object.entries(entries)) {
      batch.put(Buffer.from(key), Buffer.from(value));
    }
    await new Promise((resolve) => batch.write({ sync: false }, resolve));
    await new Promise((resolve) => database.close(resolve));
  };
  const filesOf = async (folder: string, ending: string): Promise<string[]> =>
    (await readdir(folder))
      .filter((name) => name.endsWith(ending))
      .map((name) => path.join(folder, name));
  /** All of it in files, which opening once more sees to, and a newer position in the log. */
  const writeFiles = async (folder: string): Promise<readonly StateChange[]> => {
    const engine = await RocksDbEngine.open(folder);
    const changes = Array.from({ length: 12_000 }, (_, index) => ({
      key: Buffer.from(`key ${index}`),
      value: Buffer.alloc(1_000, index),
    }));
    for (let from = 0; from < changes.length; from += 3_000) {
      await engine.write(changes.slice(from, from + 3_000), at(from));
    }
    await engine.close();
    const again = await RocksDbEngine.open(folder);
    await again.write([], at(changes.length));
    await again.close();
    return changes;
  };

  test('is locked while it is open', async () => {
    const folder = freshFolder();
    const engine = await RocksDbEngine.open(folder);

    expect((await refusal(folder)).code).toBe('STATE_LOCKED');

    await engine.close();
  });

  test('is locked while another process has it open', async () => {
    const folder = freshFolder();
    const child = await writerOf(folder);

    expect((await refusal(folder)).code).toBe('STATE_LOCKED');

    await child.kill();
  });

  test('reopens after kill -9 at the position of exactly the data it has', async () => {
    const folder = freshFolder();
    const child = await writerOf(folder);
    await child.written(40);
    await child.kill();

    const engine = await RocksDbEngine.open(folder);
    const offset = engine.position()?.offset ?? 0;
    const entries = await engine.range(everything);
    await engine.close();

    expect(offset).toBeGreaterThanOrEqual(40);
    const expected = numberedBatch(offset).filter(({ value }) => value !== undefined);
    const text = (key: Buffer, value: Buffer | undefined): string =>
      `${key.toString()}=${value?.toString('hex') ?? ''}`;
    expect(entries.map(([key, value]) => text(key, value)).sort()).toEqual(
      expected.map(({ key, value }) => text(key, value)).sort(),
    );
  });

  test('opens at the last whole batch when the tail of its log is torn off', async () => {
    const folder = freshFolder();
    const engine = await RocksDbEngine.open(folder);
    for (let n = 1; n <= 10; n += 1) await engine.write(numberedBatch(n), at(n));
    await engine.close();
    const [log = ''] = await filesOf(folder, '.log');
    const { length } = await readFile(log);
    await truncate(log, Math.floor(length * 0.75));

    const torn = await RocksDbEngine.open(folder);
    const offset = torn.position()?.offset ?? 0;
    const entries = await torn.range(everything);
    await torn.close();

    expect(offset).toBeGreaterThan(0);
    expect(offset).toBeLessThan(10);
    const live = numberedBatch(offset).filter(({ value }) => value !== undefined);
    expect(entries.map(([key]) => key.toString()).sort()).toEqual(
      live.map(({ key }) => key.toString()).sort(),
    );
  });

  test('is damaged when its list of files is', async () => {
    const folder = freshFolder();
    await writeFiles(folder);
    await writeFile(path.join(folder, 'CURRENT'), 'nonsense');

    expect((await refusal(folder)).code).toBe('STATE_DAMAGED');
  });

  test('is damaged when a file of it is gone, found by reading and never forgotten', async () => {
    const folder = freshFolder();
    await writeFiles(folder);
    const files = await filesOf(folder, '.sst');
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) await rm(file);

    const engine = await RocksDbEngine.open(folder);
    const read = engine.range(everything);

    await expect(read).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
    await engine.close();
    expect((await refusal(folder)).code).toBe('STATE_DAMAGED');
  });

  test('is damaged when a block fails its checksum', async () => {
    const folder = freshFolder();
    const changes = await writeFiles(folder);
    for (const file of await filesOf(folder, '.sst')) {
      const bytes = await readFile(file);
      for (let index = 50; index < bytes.length * 0.8; index += 500) bytes.writeUInt8(0x5a, index);
      await writeFile(file, bytes);
    }

    const engine = await RocksDbEngine.open(folder);
    const read = engine.getMany(changes.map(({ key }) => key));

    await expect(read).rejects.toMatchObject({ code: 'STATE_DAMAGED' });
    await engine.close();
  });

  test("refuses another format's position and data without one", async () => {
    const newer = freshFolder();
    await raw(newer, { '\u0000': '{"formatVersion":2,"topicId":"t","offset":1,"writtenAtMs":1}' });
    const unreadable = freshFolder();
    await raw(unreadable, { '\u0000': 'no position' });
    const foreign = freshFolder();
    await raw(foreign, { '\u0001key': 'value' });

    for (const folder of [newer, unreadable, foreign]) {
      expect((await refusal(folder)).code).toBe('STATE_DAMAGED');
    }
  });

  test('refuses a file where its folder belongs', async () => {
    const folder = freshFolder();
    await writeFile(folder, 'a file');

    expect((await refusal(folder)).code).toBe('STORE_FAILED');
  });
});

describe('on a disk without space', () => {
  test('a write says so, and what was written before is there when it is opened with space', async () => {
    const folder = freshFolder();
    const script = fileURLToPath(new URL('full-disk-writer.ts', import.meta.url));
    // Half a megabyte for each file: there is no smaller disk to be had without being root.
    const limited = `ulimit -S -f 1000; exec "$0" --import tsx "$@"`;
    const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, script, folder], {
      encoding: 'utf8',
    });
    const engine = await RocksDbEngine.open(folder);
    const offset = engine.position()?.offset ?? 0;
    const [last] = await engine.getMany([Buffer.from(`key-${offset}`)]);
    await engine.close();

    expect(stdout).toBe('DISK_FULL');
    expect(offset).toBeGreaterThan(1);
    expect(last).toHaveLength(10_000);
  });
});

interface Writer {
  /** Resolves when that many batches are written. */
  written(count: number): Promise<void>;
  /** Kills it with SIGKILL and waits for its end. */
  kill(): Promise<void>;
}

/** A process that writes numbered batches into the folder; at least one is written. */
async function writerOf(folder: string): Promise<Writer> {
  const script = fileURLToPath(new URL('numbered-batches-writer.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const written = async (count: number): Promise<void> => {
    for (let last = 0; last < count;) {
      const line = await lines.next();
      expect(line.done).not.toBe(true);
      last = Number(line.value);
    }
  };
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  try {
    await written(1);
  } catch (error) {
    await kill();
    throw error;
  }
  return { written, kill };
}
