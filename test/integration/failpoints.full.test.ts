import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failpoints, type FailpointName } from '../../kernel/failpoints.ts';
import { systemClock } from '../../kernel/clock.ts';
import { FailpointRuns } from './failpoint-runs.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 600_000;
const seedsOfEach = 3;
const names = Object.keys(failpoints) as FailpointName[];
const firstSeed = Math.floor(Date.now() / 1_000);

describe('F1: kill -9 at every failpoint, under load', () => {
  let runs: FailpointRuns;
  let seed = firstSeed;

  beforeAll(async () => {
    runs = await FailpointRuns.start();
  }, timeoutMs);

  afterAll(() => runs.close(), timeoutMs);

  test.each(names)(
    '%s, several times',
    async (name) => {
      for (let round = 0; round < seedsOfEach; round += 1) {
        const acted = await runs.dieAt(name, (seed += 1));

        expect(acted).toContain(`failpoint ${name} acts`);
      }
    },
    timeoutMs,
  );

  test(
    'anywhere, from a seed',
    async () => {
      for (let round = 0; round < seedsOfEach; round += 1) {
        await runs.startWith(`seed=${(seed += 1)},any:kill~0.004`);
        await runs.scenario.system.application.ended;
      }

      expect(runs.logged(': any:kill').length).toBe(seedsOfEach);
    },
    timeoutMs,
  );

  test(
    'loses nothing, writes nothing twice and keeps every answer',
    async () => {
      expect({ firstSeed, violations: await runs.violations() }).toEqual({
        firstSeed,
        violations: [],
      });
    },
    timeoutMs,
  );
});

describe('an application that stands still before the end of a transaction, under load', () => {
  let runs: FailpointRuns;

  beforeEach(async () => {
    runs = await FailpointRuns.start();
  }, timeoutMs);

  afterEach(() => runs.close(), timeoutMs);

  test(
    'F5: longer than the transaction may take: it is aborted, done again, and nobody was told otherwise',
    async () => {
      await runs.startWith('before-end:pause(40000)@60');
      await runs.untilActed();
      await systemClock.sleep(45_000);
      await runs.scenario.system.application.ready(systemOptions.signal);
      const refusals =
        runs.logged('PRODUCER_FENCED').length + runs.logged('ILLEGAL_GENERATION').length;
      const violations = await runs.violations();

      expect(violations).toEqual([]);
      expect(refusals).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  test(
    'F2 F3: while another instance takes over: it is fenced, and answers none of what it had decided',
    async () => {
      await runs.startWith('before-end:pause(25000)@60');
      await runs.untilActed();
      const second = runs.startSecond();
      try {
        await second.ready(systemOptions.signal);
        const stillStands = runs.logged('"level":"warn"').length;
        await systemClock.sleep(20_000);
        const refusals =
          runs.logged('PRODUCER_FENCED').length + runs.logged('ILLEGAL_GENERATION').length;

        expect(refusals).toBeGreaterThan(0);
        expect(runs.logged('"level":"warn"').length).toBeGreaterThan(stillStands);
      } finally {
        await second.stop();
      }

      expect(await runs.violations()).toEqual([]);
    },
    timeoutMs,
  );
});
