import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { failpoints, type FailpointName } from '../../kernel/failpoints.ts';
import { systemClock } from '../../kernel/clock.ts';
import { FailpointRuns } from './failpoint-runs.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 600_000;
const seedsOfEach = 2;
const names = Object.keys(failpoints) as FailpointName[];

/** One load under all of it, and one verdict in the end: verifying reads everything there is. */
describe('the application under load', () => {
  const firstSeed = Math.floor(Date.now() / 1_000);
  let runs: FailpointRuns;
  let seed = firstSeed;

  beforeAll(async () => {
    runs = await FailpointRuns.start();
  }, timeoutMs);

  afterAll(() => runs.close(), timeoutMs);

  test.each(names)(
    'F1: dies of a kill -9 at the failpoint %s, several times',
    async (name) => {
      for (let round = 0; round < seedsOfEach; round += 1) {
        const acted = await runs.dieAt(name, (seed += 1));

        expect(acted).toContain(`failpoint ${name} acts`);
      }
    },
    timeoutMs,
  );

  test(
    'F1: dies anywhere, from a seed',
    async () => {
      for (let round = 0; round < seedsOfEach; round += 1) {
        await runs.startWith(`seed=${(seed += 1)},any:kill~0.004`);
        await runs.scenario.system.application.ended;
      }

      expect(runs.logged(': any:kill')).toHaveLength(seedsOfEach);
    },
    timeoutMs,
  );

  test(
    'F5: stands still before the end of a transaction for longer than that may take, and is refused',
    async () => {
      const before = refusals();
      await runs.startWith('before-end:pause(40000)@60');
      await runs.untilActed();
      await systemClock.sleep(45_000);
      await runs.scenario.system.application.ready(systemOptions.signal);

      expect(refusals()).toBeGreaterThan(before);
    },
    timeoutMs,
  );

  test(
    'F2 F3: stands still there while another instance takes over, and is refused',
    async () => {
      const before = refusals();
      await runs.startWith('before-end:pause(25000)@60');
      await runs.untilActed();
      const second = runs.startSecond();
      try {
        await second.ready(systemOptions.signal);
        await systemClock.sleep(20_000);
      } finally {
        await second.stop();
      }

      expect(refusals()).toBeGreaterThan(before);
    },
    timeoutMs,
  );

  test(
    'F1 F2 F3 F5: has lost nothing, written nothing twice and kept every answer',
    async () => {
      expect({ firstSeed, violations: await runs.violations() }).toEqual({
        firstSeed,
        violations: [],
      });
    },
    timeoutMs,
  );

  /** How often Kafka has told the application that something is no longer its own. */
  function refusals(): number {
    return runs.logged('PRODUCER_FENCED').length + runs.logged('ILLEGAL_GENERATION').length;
  }
});
