import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { MemoryEngine } from '../../stores/memory-engine.ts';
import { RocksDbEngine } from '../../stores/rocksdb-engine.ts';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore, sessionStore, windowStore } from '../../stores/store-builder.ts';
import { describeTimedStores } from '../contract/timed-stores.ts';

jest.setTimeout(60_000); // folders are made and opened, on a machine that may be busy

describeTimedStores('MemoryEngine', {
  open: () => Promise.resolve(new MemoryEngine()),
  reopen: (engine) => Promise.resolve(engine),
  histories: 100,
});

let root: string;
let folders = 0;
const foldersOf = new WeakMap<object, string>();

async function openIn(folder: string): Promise<RocksDbEngine> {
  const engine = await RocksDbEngine.open(folder);
  foldersOf.set(engine, folder);
  return engine;
}

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'rollguard-timed-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

describeTimedStores('RocksDbEngine', {
  open: () => {
    folders += 1;
    return openIn(path.join(root, `engine-${folders}`));
  },
  reopen: async (engine) => {
    await engine.close();
    return openIn(foldersOf.get(engine) ?? '');
  },
  histories: 15,
});

describe('a store that forgets', () => {
  const text = { name: 'store', key: stringSerde, value: stringSerde };

  test.each([
    ['a time to live of zero', () => keyValueStore({ ...text, ttlMs: 0 }), 'ttlMs'],
    ['half a millisecond', () => sessionStore({ ...text, retentionMs: 0.5 }), 'retentionMs'],
    [
      'a window without a size',
      () => windowStore({ ...text, windowSizeMs: -1, retentionMs: 5 }),
      'windowSizeMs',
    ],
    [
      'windows that go before they end',
      () => windowStore({ ...text, windowSizeMs: 10, retentionMs: 9 }),
      'until it has ended',
    ],
    ['a name without a letter', () => sessionStore({ ...text, name: '', retentionMs: 1 }), 'name'],
  ])('is not declared with %s', (_what, declare, message) => {
    expect(declare).toThrow(message);
  });
});
