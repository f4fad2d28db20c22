/** Which sides a comparison has. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { provideSides } from '../../bench/peers/sides.ts';
import { systemClock } from '../../kernel/clock.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(path.join(tmpdir(), 'rollguard-sides-'));
});
afterEach(() => {
  rmSync(cache, { recursive: true });
});

test('a peer that cannot be had here is named with the reason, and the others are compared', async () => {
  const { sides, notRun } = await provideSides(['jvm', 'kafkats'], {
    // Neither Maven on the PATH nor jars that an earlier run fetched.
    env: { PATH: '/nowhere', ROLLGUARD_CACHE_DIR: cache },
    ...{ clock: systemClock, progress: () => undefined },
    signal: new AbortController().signal,
  });

  expect(sides.map(({ name }) => name)).toEqual(['rollguard', 'kafkats']);
  expect(notRun).toEqual([{ side: 'jvm', why: expect.stringMatching(/install/) }]);
});
