import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { verifyGuardOf } from '../../tools/faults/verify-system.ts';
import { inParallel } from './in-parallel.ts';
import { GuardScenario, numbers, wishFor } from './guard-scenario.ts';
import { Desk } from './releases-by-hand.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 240_000;

describe('the guard on the real stack', () => {
  let scenario: GuardScenario;

  beforeAll(async () => {
    // It has a name of its own: killed and started again it is what it was, and nobody has to miss it first.
    const settings = { ...systemOptions.settings, GROUP_INSTANCE_ID: 'guard-test' };
    scenario = await GuardScenario.start({ ...systemOptions, settings });
  }, timeoutMs);

  afterAll(() => scenario.stop(), timeoutMs);

  test(
    'of 256 callers that want one room on one night exactly one gets it',
    async () => {
      const [type] = await scenario.types(1, 50);
      const wishes = numbers(256).map((n) => wishFor(type!, `one-room-${n}`, 0, type!.roomIds[0]));
      const outcomes = await inParallel(wishes, 256, (wish) => scenario.callers.lock(wish));

      expect(count(outcomes)).toEqual({ LOCKED: 1, CONFLICT: 255 });
    },
    timeoutMs,
  );

  test(
    'of 5,000 callers that want one of 500 rooms exactly 500 get one',
    async () => {
      const [type] = await scenario.types(1, 500);
      const wishes = numbers(5_000).map((n) => wishFor(type!, `one-type-${n}`, 0));
      const outcomes = await inParallel(wishes, 512, (wish) => scenario.callers.lock(wish));

      expect(count(outcomes)).toEqual({ LOCKED: 500, CONFLICT: 4_500 });
    },
    timeoutMs,
  );

  test(
    'a hold that nobody confirms is released once, within a second of its time, or of serving again',
    async () => {
      const types = await scenario.types(4, 500);
      await scenario.takeBrief(types, 1_000, 5);
      const inTime = await scenario.untilFree(types);
      const dueMs = await scenario.takeBrief(types, 1_000, 10);
      const servedMs = await scenario.restart(Math.max(0, dueMs - systemClock.nowMs()));
      const afterwards = await scenario.untilFree(types);

      expect(afterwards.violations).toEqual([]);
      expect(inTime.expiryDelaysMs).toHaveLength(1_000);
      expect(Math.max(...inTime.expiryDelaysMs)).toBeLessThan(1_000);
      expect(afterwards.expiryDelaysMs).toHaveLength(2_000);
      expect(afterwards.lastExpiryMs - servedMs).toBeLessThan(1_000);
    },
    timeoutMs,
  );

  test(
    'whatever callers take, change and release while it is killed, nothing is sold twice and no answer is lost',
    async () => {
      const types = await scenario.types(4, 50);
      const isOver = new AbortController();
      const mixed = scenario.mix(types, { workers: 32, seed: 20_261_123, until: isOver.signal });
      for (let kill = 0; kill < 2; kill += 1) {
        await systemClock.sleep(3_000);
        await scenario.restart();
      }
      await systemClock.sleep(1_000);
      isOver.abort();
      const { locks, changes, releases, repeats, conflicts } = await mixed;
      const { violations } = await scenario.verified();

      expect(violations).toEqual([]);
      for (const figure of [locks / 7, changes, releases, repeats, conflicts]) {
        expect(figure).toBeGreaterThan(5);
      }
    },
    timeoutMs,
  );

  test(
    'G14: what is released by hand is recorded and told once, whenever it is killed and asked again',
    async () => {
      const [type] = await scenario.types(1, 5);
      const desk = new Desk(scenario.system, type!.tenantId);
      const lockIds: string[] = [];
      for (const n of numbers(2)) {
        const wish = wishFor(type!, `by-hand-${n}`, 0);
        await scenario.callers.lock(wish);
        lockIds.push(scenario.callers.lastGrant(wish.key)!.lockId);
      }
      await desk.open();
      for (const [round, lockId] of lockIds.entries()) {
        const first = desk.release(lockId);
        await systemClock.sleep(round * 10);
        await desk.open();
        const answered = await first;
        const auditId = await desk.released(lockId);
        const [newest, oldest] = await desk.audit(`${lockId}/audit`);

        expect(newest?.auditId).toBe(auditId);
        expect([auditId, undefined]).toContain(answered);
        expect([newest?.action, oldest?.action]).toEqual(['MANUAL_RELEASE', 'CREATED']);
      }
      const told = await desk.told();
      const found = await desk.audit('audit?limit=2');

      expect(lockIds.map((lockId) => told.get(lockId))).toEqual([1, 1]);
      expect(found.map(({ lockId }) => lockId)).toEqual([...lockIds].reverse());
    },
    timeoutMs,
  );

  test(
    'after all of that, stores, changelogs, decisions and events tell one story',
    async () => {
      const { system } = scenario;
      await system.application.stop();
      const { tasks, events, truncated, isEqual } = await verifyGuardOf(system, systemOptions);

      expect([...tasks, ...events].flatMap(({ differing }) => differing)).toEqual([]);
      expect([isEqual, truncated]).toEqual([true, []]);
      expect(tasks.filter(({ store }) => store === undefined)).toEqual([]);
      expect(events.reduce((sum, { implied }) => sum + implied, 0)).toBeGreaterThan(3_000);
    },
    timeoutMs,
  );
});

function count(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
