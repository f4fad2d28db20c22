import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FailpointRuns } from './failpoint-runs.ts';

const timeoutMs = 240_000;
/** Two a run, whichever the second says: each costs half a minute. */
const pairs = [
  ['after-produce', 'during-checkpoint'],
  ['before-end', 'after-end'],
] as const;

/** The short form; `failpoints.full.test.ts` takes every point, several times, and pauses. */
describe('F1: the application killed at a failpoint, under load', () => {
  let runs: FailpointRuns;

  beforeAll(async () => {
    runs = await FailpointRuns.start();
  }, timeoutMs);

  afterAll(() => runs.close(), timeoutMs);

  test(
    'loses nothing, writes nothing twice and keeps every answer',
    async () => {
      const seed = Math.floor(Date.now() / 1_000);
      const names = pairs[seed % pairs.length] ?? pairs[0];
      const acted: string[] = [];
      for (const [index, name] of names.entries()) {
        acted.push(await runs.dieAt(name, seed + index));
      }
      const violations = await runs.violations();

      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(acted.map((line) => line.split(' ')[1])).toEqual([...names]);
    },
    timeoutMs,
  );
});
