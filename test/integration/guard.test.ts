import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { verifyGuardOf } from '../../tools/faults/verify-system.ts';
import { LockVerifier } from '../../tools/verify/lock-verifier.ts';
import {
  createRooms,
  GuardCallers,
  inParallel,
  type TestType,
  type Wish,
} from './guard-callers.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const waitMs = 60_000;
const eventsTopic = 'inventory.events.shadow';
const { signal } = systemOptions;

describe('the guard on the real stack', () => {
  let system: System;
  let callers: GuardCallers;
  let types: { readonly hotel: TestType; readonly large: TestType; readonly brief: TestType };

  beforeAll(async () => {
    system = await startSystem(systemOptions);
    const { platformAdminDatabaseUrl: databaseUrl } = system.stack.endpoints;
    const workload = chainWorkload({ seed: Math.floor(systemClock.nowMs()), days: 1 });
    await workload.feed({ databaseUrl, clock: systemClock, progress: () => undefined, signal });
    await system.application.ready(signal);
    callers = new GuardCallers(() => system.application.grpcAddress);
    types = {
      hotel: await createRooms(databaseUrl, 50),
      large: await createRooms(databaseUrl, 500),
      brief: await createRooms(databaseUrl, 2_000),
    };
    for (const type of Object.values(types)) await captured(type);
  }, timeoutMs);

  afterAll(async () => {
    callers.close();
    await system.stop();
  }, timeoutMs);

  test(
    'of 256 callers that want one room on one night exactly one gets it',
    async () => {
      const { hotel: type } = types;
      const wishes = numbers(256).map((n) => wishFor(type, `one-room-${n}`, 0, type.roomIds[0]));
      const outcomes = await inParallel(wishes, 256, (wish) => callers.lock(wish));

      expect(count(outcomes)).toEqual({ LOCKED: 1, CONFLICT: 255 });
    },
    timeoutMs,
  );

  test(
    'of 5,000 callers that want one of 500 rooms exactly 500 get one',
    async () => {
      const wishes = numbers(5_000).map((n) => wishFor(types.large, `one-type-${n}`, 0));
      const outcomes = await inParallel(wishes, 512, (wish) => callers.lock(wish));

      expect(count(outcomes)).toEqual({ LOCKED: 500, CONFLICT: 4_500 });
    },
    timeoutMs,
  );

  test(
    'a hold that nobody confirms is released once, within a second of its time',
    async () => {
      const wishes = numbers(1_000).map((n) => ({
        ...wishFor(types.brief, `brief-${n}`, 0),
        ttlSeconds: 5,
      }));
      await inParallel(wishes, 256, (wish) => callers.lock(wish));
      const key = `${types.brief.tenantId}|${types.brief.roomTypeId}`;
      const verifier = await eventually((found) => found.liveCount(key) === 0);

      expect(verifier.violations).toEqual([]);
      expect(verifier.expiryDelaysMs).toHaveLength(1_000);
      expect(Math.max(...verifier.expiryDelaysMs)).toBeLessThan(1_000);
    },
    timeoutMs,
  );

  test(
    'while the instance is killed every few seconds nothing is sold twice and no answer is lost',
    async () => {
      const random = seededRandom(20_261_123);
      const { hotel } = types;
      const isOver = new AbortController();
      const killing = killEvery(3_000, 4, isOver);
      let asked = 0;
      const worker = async (name: number): Promise<void> => {
        for (let round = 0; !isOver.signal.aborted; round += 1) {
          const key = `worker-${name}-${round}`;
          const room = hotel.roomIds[Math.floor(random.next() * hotel.roomIds.length)];
          const night = Math.floor(random.next() * 5);
          const wish = wishFor(hotel, key, night, random.next() < 0.7 ? room : undefined);
          asked += 1;
          const outcome = await callers.lock(wish);
          if (outcome !== 'LOCKED') continue;
          if (random.next() < 0.3) await callers.lock({ ...wish, stayEnd: date(night + 2) });
          if (random.next() < 0.8) await callers.release(hotel, key);
        }
      };
      await Promise.all([killing, ...numbers(32).map(worker)]);
      const verifier = await verified();

      expect(asked).toBeGreaterThan(100);
      expect(verifier.violations).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'after all of that, stores, changelogs, decisions and events tell one story',
    async () => {
      await system.application.stop();
      const { tasks, events, truncated, isEqual } = await verifyGuardOf(system, systemOptions);

      expect([...tasks, ...events].flatMap(({ differing }) => differing)).toEqual([]);
      expect([isEqual, truncated]).toEqual([true, []]);
      expect(tasks.filter(({ store }) => store === undefined)).toEqual([]);
      expect(events.reduce((sum, { implied }) => sum + implied, 0)).toBeGreaterThan(3_000);
    },
    timeoutMs,
  );

  async function killEvery(
    intervalMs: number,
    times: number,
    isOver: AbortController,
  ): Promise<void> {
    for (let round = 0; round < times; round += 1) {
      await systemClock.sleep(intervalMs);
      await system.application.kill();
      system.startApplication();
      await system.application.ready(signal);
    }
    await systemClock.sleep(1_000);
    isOver.abort();
  }

  /** Everything committed so far, and what all callers were answered. */
  async function verified(): Promise<LockVerifier> {
    const capacity = Object.values(types).map(
      ({ tenantId, roomTypeId, roomIds }) => [`${tenantId}|${roomTypeId}`, roomIds.length] as const,
    );
    const verifier = new LockVerifier(new Map(capacity));
    const port = portOn(system.stack, 'guard-test');
    const isOurs = new Set(Object.values(types).map(({ roomTypeId }) => roomTypeId));
    await readRanges(port, await wholeTopics(port, [eventsTopic]), ({ key, value }) => {
      const [, roomTypeId = ''] = String(key).split('|');
      if (value !== null && isOurs.has(roomTypeId)) verifier.add(value);
      return true;
    });
    await port.close();
    verifier.check(callers.grants);
    return verifier;
  }

  async function eventually(isReached: (verifier: LockVerifier) => boolean): Promise<LockVerifier> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    for (;;) {
      const verifier = await verified();
      if (isReached(verifier) || systemClock.monotonicMs() > deadlineMs) return verifier;
      await systemClock.sleep(500);
    }
  }

  async function captured(type: TestType): Promise<void> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    while ((await callers.capacity(type, date(0))) !== type.roomIds.length) {
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('the rooms were not captured');
      await systemClock.sleep(250);
    }
  }
});

function wishFor(type: TestType, key: string, night: number, roomId?: string): Wish {
  const stay = { stayStart: date(night), stayEnd: date(night + 1) };
  return { type, key, ...stay, ...(roomId === undefined ? {} : { roomId }) };
}

function date(night: number): string {
  return new Date(Date.UTC(2031, 4, 1 + night)).toISOString().slice(0, 10);
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function count(outcomes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}
