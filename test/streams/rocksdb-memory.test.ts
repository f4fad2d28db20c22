import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import RocksDb, { type OpenOptions } from 'rocksdb';
import { TopologyTestDriver } from '../../testing/topology-test-driver.ts';
import { wordCount } from '../support/word-count.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(path.join(tmpdir(), 'rollguard-memory-'));
});

afterEach(() => {
  jest.restoreAllMocks();
  rmSync(stateDir, { recursive: true, force: true });
});

/** What each RocksDB was opened with, by the name of its folder. */
async function openedWith(
  partitionCount: number,
  rocksdbMemoryBytesMax: number,
): Promise<ReadonlyMap<string, OpenOptions>> {
  const opened = new Map<string, OpenOptions>();
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
  const { open } = RocksDb.prototype;
  jest.spyOn(RocksDb.prototype, 'open').mockImplementation(function (
    this: RocksDb & { readonly location: string },
    options,
    done,
  ) {
    opened.set(path.basename(this.location), options);
    open.call(this, options, done);
  });
  const driver = await TopologyTestDriver.start({
    topology: wordCount(),
    topics: { lines: partitionCount, counts: 1 },
    options: { rocksdbMemoryBytesMax },
    stateDir,
  });
  // RocksDB works on threads of its own, which the manual clock does not wait for.
  for (let attempt = 0; attempt < 200 && driver.streams.notReady() !== undefined; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await driver.advance(100);
  }
  await driver.close();
  return opened;
}

describe('memory of RocksDB', () => {
  test("is divided over all tasks, whose engines are opened with their parts; the folder's lock takes next to none", async () => {
    const opened = await openedWith(4, 64 * MiB);

    const part = { cacheSize: 8 * MiB, writeBufferSize: 4 * MiB };
    for (const task of ['count_0', 'count_1', 'count_2', 'count_3']) {
      expect(opened.get(task)).toMatchObject(part);
    }
    expect(opened.get('lock')).toMatchObject({ cacheSize: 0, writeBufferSize: 64 * KiB });
    expect(opened.size).toBe(5);
  });

  test('is all of one task that is alone', async () => {
    const opened = await openedWith(1, 64 * MiB);

    expect(opened.get('count_0')).toMatchObject({
      cacheSize: 32 * MiB,
      writeBufferSize: 16 * MiB,
    });
  });
});
