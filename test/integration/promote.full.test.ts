import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { runCli } from '../../tools/cli.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { guardToVerify } from '../../tools/verify/guard-to-verify.ts';
import { verifyGuard } from '../../tools/verify/verify-guard.ts';
import type { SampleType } from '../../tools/load/sample-rooms.ts';
import { inParallel } from './in-parallel.ts';
import { GuardScenario, numbers, wishFor } from './guard-scenario.ts';
import { portOn, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const run = `-promote-${systemClock.nowMs()}`;
// Beside the guard of the other tests, whose application id is theirs.
const shadow = `${run}-shadow`;
const plain = run;
const rooms = 20;

describe('guard promote on the real stack', () => {
  let scenario: GuardScenario;
  let type: SampleType;

  beforeAll(async () => {
    scenario = await GuardScenario.start({
      ...systemOptions,
      settings: {
        ...{ ROLLGUARD_SERVICES: 'guard', KAFKA_CONSUMER_GROUP_SUFFIX: shadow },
        // Other tests hold the shadow topic's events against another guard's decisions.
        SHADOW_MODE: 'false',
      },
    });
    [type] = (await scenario.types(1, rooms)) as [SampleType];
  }, timeoutMs);

  afterAll(() => scenario.stop(), timeoutMs);

  test(
    'is refused while an instance runs',
    async () => {
      const { exitCode, err } = await promote();

      expect(exitCode).toBe(1);
      expect(err).toContain(`group availability-guard${shadow} has 1 member`);
    },
    timeoutMs,
  );

  test(
    'what was sold out in shadow is sold out after it, and whoever holds a room gets it again',
    async () => {
      const wish = (name: string) => (n: number) => wishFor(type, `${name}-${n}`, 0);
      const lock = (each: ReturnType<typeof wishFor>) => scenario.callers.lock(each);
      const sold = await inParallel(numbers(rooms).map(wish('sold')), 8, lock);
      const before = scenario.callers.lastGrant('sold-3');
      await scenario.system.application.stop();
      const rehearsed = await promote('--dry-run', '--json');
      const promoted = await promote('--json');
      const again = await promote();
      scenario.system.startApplication({
        ...{ SHADOW_MODE: 'false', KAFKA_CONSUMER_GROUP_SUFFIX: plain },
      });
      await scenario.system.application.ready(systemOptions.signal);
      const late = await inParallel(numbers(5).map(wish('late')), 5, lock);
      const repeat = await lock(wish('sold')(3));
      await scenario.callers.release(type, 'sold-5');
      const next = await lock(wish('late')(5));

      expect(sold).toEqual(numbers(rooms).map(() => 'LOCKED'));
      expect([rehearsed, promoted, again].map(({ exitCode, err }) => [exitCode, err])).toEqual([
        [0, expect.any(String)],
        [0, expect.any(String)],
        [0, ''],
      ]);
      expect(JSON.parse(rehearsed.out)).toMatchObject({ outcome: 'would-promote' });
      expect(JSON.parse(promoted.out)).toMatchObject({ outcome: 'promoted' });
      expect(again.out).toContain('is already promoted');
      expect(late).toEqual(numbers(5).map(() => 'CONFLICT'));
      expect([repeat, scenario.callers.lastGrant('sold-3')]).toEqual(['LOCKED', before]);
      expect(next).toBe('LOCKED');
      const [last, first] = ['late-5', 'sold-0'].map((key) => scenario.callers.lastGrant(key));
      expect(last?.version).toBeGreaterThan(first?.version ?? Infinity);
    },
    timeoutMs,
  );

  test(
    'changelogs and decisions tell one story under the new application id',
    async () => {
      await scenario.system.application.stop();
      const stateDir = mkdtempSync(path.join(tmpdir(), 'rollguard-promote-'));
      const port = portOn(scenario.system.stack, 'promote-verify');
      const { clock, progress, signal } = systemOptions;
      const applicationId = `availability-guard${plain}`;
      const { tasks } = await verifyGuard({
        ...guardToVerify({ applicationId, eventsTopic: 'inventory.events' }),
        ...{ port, clock, progress, signal, stateDir, logger: silentLogger },
      });
      await port.close();
      rmSync(stateDir, { recursive: true });

      expect(tasks.flatMap(({ differing }) => differing)).toEqual([]);
      expect(tasks.reduce((sum, { decisionCount }) => sum + decisionCount, 0)).toBeGreaterThan(
        rooms,
      );
    },
    timeoutMs,
  );

  async function promote(...flags: readonly string[]) {
    let out = '';
    let err = '';
    const cli: CliContext = {
      version: '0.0.0',
      env: {},
      clock: systemClock,
      out: (text) => void (out += text),
      err: (text) => void (err += text),
      progress: (line) => void (err += `${line}\n`),
      exitCode: 0,
    };
    const brokers = scenario.system.stack.endpoints.kafkaBrokers;
    const verb = ['guard', 'promote', '--brokers', brokers];
    const suffixes = ['--from-suffix', shadow, '--to-suffix', plain];
    const exitCode = await runCli([...verb, ...suffixes, ...flags], cli);
    return { exitCode, out, err };
  }
});
