/** The guard under a long load: ten thousand holds that end in the same minute, and a mix while it is killed. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { verifyGuardOf } from '../../tools/faults/verify-system.ts';
import { GuardScenario } from './guard-scenario.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 600_000;
const holdCount = 10_000;
const ttlSeconds = 30;
const withinMs = 1_000;

describe('the guard under a long load on the real stack', () => {
  let scenario: GuardScenario;

  beforeAll(async () => {
    scenario = await GuardScenario.start(systemOptions);
  }, timeoutMs);

  afterAll(() => scenario.stop(), timeoutMs);

  test(
    'ten thousand holds whose time is over in the same minute are each released once, within a second',
    async () => {
      const types = await scenario.types(4, 500);
      await scenario.takeBrief(types, holdCount, ttlSeconds);
      const { violations, expiryDelaysMs } = await scenario.untilFree(types);

      expect(violations).toEqual([]);
      expect(expiryDelaysMs).toHaveLength(holdCount);
      expect(Math.max(...expiryDelaysMs)).toBeLessThan(withinMs);
    },
    timeoutMs,
  );

  test(
    'ten thousand holds whose time is over while it is down are each released once, within a second of serving again',
    async () => {
      const types = await scenario.types(4, 500);
      const dueMs = await scenario.takeBrief(types, holdCount, ttlSeconds);
      const servedMs = await scenario.restart(Math.max(0, dueMs - systemClock.nowMs()));
      const { violations, expiryDelaysMs, lastExpiryMs } = await scenario.untilFree(types);

      expect(violations).toEqual([]);
      expect(expiryDelaysMs).toHaveLength(2 * holdCount);
      expect(lastExpiryMs - servedMs).toBeLessThan(withinMs);
    },
    timeoutMs,
  );

  test(
    'a mix of locks, releases and changes, first undisturbed, then killed every few seconds, sells nothing twice',
    async () => {
      const types = await scenario.types(8, 50);
      const calm = new AbortController();
      const calmly = scenario.mix(types, { workers: 64, seed: 1, until: calm.signal });
      await systemClock.sleep(30_000);
      calm.abort();
      const before = await calmly;
      const { violations } = await scenario.verified();
      expect(violations).toEqual([]);

      const wild = new AbortController();
      const wildly = scenario.mix(types, { workers: 64, seed: 2, until: wild.signal });
      for (let kill = 0; kill < 20; kill += 1) {
        await systemClock.sleep(2_000 + 150 * kill);
        await scenario.restart();
      }
      wild.abort();
      const after = await wildly;
      expect((await scenario.verified()).violations).toEqual([]);
      for (const figures of [before, after]) {
        for (const figure of Object.values(figures)) expect(figure).toBeGreaterThan(20);
      }

      const { system } = scenario;
      await system.application.stop();
      const { isEqual, truncated } = await verifyGuardOf(system, systemOptions);
      expect([isEqual, truncated]).toEqual([true, []]);
    },
    timeoutMs,
  );
});
