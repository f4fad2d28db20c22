import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import type { PartName } from '../../tools/stack/stack-state.ts';
import { compareWithApi } from '../../tools/start/comparison.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const waitMs = 90_000;
const { signal } = systemOptions;

describe('while a part is away', () => {
  let system: System;

  beforeAll(async () => {
    system = await startSystem(systemOptions);
    await system.application.ready(signal);
  }, timeoutMs);

  afterAll(async () => {
    for (const name of ['kafka', 'registry'] as const) resume(name);
    await system.mendStack();
    await system.stop();
  }, timeoutMs);

  test(
    'F10: a broker that hangs makes it not ready, alive and mute about nothing; it goes on by itself',
    async () => {
      pause('kafka');
      const reason = await until(
        async () => (await health('readiness')).body.match(/Kafka|group/)?.[0],
      );
      const alive = await health('liveness');
      const feeding = feed(systemClock.nowMs());
      await systemClock.sleep(10_000);
      resume('kafka');
      const workload = await feeding;
      await system.application.ready(signal);

      expect(reason).toBeDefined();
      expect(alive.status).toBe(200);
      expect(await differences(workload)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'F9: started before its broker it is alive, not ready, and begins when the broker comes',
    async () => {
      await system.application.kill();
      kill('kafka');
      system.startApplication();
      const readiness = await until(async () => {
        const answer = await health('readiness').catch(() => undefined);
        return answer?.status === 503 ? answer : undefined;
      });
      const alive = await health('liveness');
      await system.mendStack();
      await system.application.ready(signal);

      expect(readiness.body).toContain('not ready');
      expect(alive.status).toBe(200);
      expect(await differences(await feed(systemClock.nowMs()))).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'F29: a registry that hangs, and then is killed, delays nobody whose schemas are known',
    async () => {
      await feed(systemClock.nowMs()).then(differences);
      pause('registry');
      const during = await differences(await feed(systemClock.nowMs() + 1));
      kill('registry');
      const without = await differences(await feed(systemClock.nowMs() + 2));
      await system.mendStack();

      expect([during, without]).toEqual([[], []]);
    },
    timeoutMs,
  );

  test(
    'F36: after Postgres was killed capture goes on by itself, and no row is missed',
    async () => {
      const earlier = await feed(systemClock.nowMs());
      kill('postgres');
      await system.mendStack();
      const later = await feed(systemClock.nowMs() + 1);

      expect(await differences(earlier)).toEqual([]);
      expect(await differences(later)).toEqual([]);
    },
    timeoutMs,
  );

  test(
    'F52: SIGTERM under load ends it in order and in time, three times over',
    async () => {
      const feeding = feed(systemClock.nowMs(), 30);
      const times: number[] = [];
      for (let round = 0; round < 3; round += 1) {
        const startedMs = systemClock.monotonicMs();
        const isServing = system.application.url !== '';
        const code = await system.application.stop();
        times.push(systemClock.monotonicMs() - startedMs);
        // Before it serves, nothing is open that would have to be closed: the signal just ends it.
        expect(isServing ? [0] : [0, null]).toContain(code);
        system.startApplication();
        if (round % 2 === 0) await system.application.ready(signal);
        else await systemClock.sleep(700 * round);
      }

      expect(Math.max(...times)).toBeLessThan(10_000);
      await system.application.ready(signal);
      expect(await differences(await feeding)).toEqual([]);
    },
    timeoutMs,
  );

  async function feed(seed: number, days = 2): Promise<Workload> {
    const workload = chainWorkload({ seed: Math.floor(seed), days });
    await workload.feed({
      databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl,
      ...{ clock: systemClock, progress: () => undefined, signal },
    });
    return workload;
  }

  async function differences(workload: Workload): Promise<readonly string[]> {
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    for (;;) {
      const { url } = system.application;
      const found = await compareWithApi(url, workload).catch(() => undefined);
      if (found?.differences.length === 0) return [];
      if (systemClock.monotonicMs() > deadlineMs) return found?.differences ?? ['no answer'];
      await systemClock.sleep(250);
    }
  }

  async function health(what: string): Promise<{ status: number; body: string }> {
    const response = await fetch(`${system.application.url}/health/${what}`, {
      signal: AbortSignal.timeout(2_000),
    });
    return { status: response.status, body: await response.text() };
  }

  function part(name: PartName): number {
    return system.stack.parts.find((each) => each.name === name)!.pid;
  }

  function pause(name: PartName): void {
    process.kill(part(name), 'SIGSTOP');
  }

  function resume(name: PartName): void {
    try {
      process.kill(part(name), 'SIGCONT');
    } catch {
      // It was killed.
    }
  }

  function kill(name: PartName): void {
    process.kill(part(name), 'SIGKILL');
  }
});

async function until<Value>(read: () => Promise<Value | undefined>): Promise<Value> {
  const deadlineMs = systemClock.monotonicMs() + waitMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (systemClock.monotonicMs() > deadlineMs) throw new Error('it did not come to that');
    await systemClock.sleep(100);
  }
}
