import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FailpointRuns } from './failpoint-runs.ts';

const timeoutMs = 240_000;
/** One a run, whichever the second says: each costs half a minute. */
const points = ['after-produce', 'during-checkpoint', 'before-end', 'after-end'] as const;

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
      const name = points[seed % points.length] ?? points[0];
      const acted = await runs.dieAt(name, seed);
      const violations = await runs.violations();

      expect({ seed, violations }).toEqual({ seed, violations: [] });
      expect(acted.split(' ')[1]).toBe(name);
    },
    timeoutMs,
  );
});
