/**
 * Who makes a reconciliation, on a real Postgres: of two services that share a schedule one at a time, each
 * run once; by hand nobody beside another one. The platform is empty: what is compared does not matter here.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Leadership } from '../../backfill/leader-lock.ts';
import { openDatabase, type Database } from '../../database/connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { systemRandom } from '../../kernel/random.ts';
import { parseSettings, type Settings } from '../../kernel/settings.ts';
import { leadReconciliation } from '../../reconciliation/lead-reconciliation.ts';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';
import { ReconciliationService } from '../../reconciliation/reconciliation-service.ts';
import { lastRuns } from '../../reconciliation/run-store.ts';
import { runCli } from '../../tools/cli.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { Figures } from '../support/figures.ts';
import { testPlatform, type TestPlatform } from './backfill-platform.ts';
import { eventually } from './captured.ts';
import { testSchema } from './test-schema.ts';

const timeoutMs = 60_000;
const intervalMs = 200;
const runsWanted = 8;
const tenantId = randomUUID();

let platform: TestPlatform;
let own: Database;
let env: Record<string, string>;

type Run = Omit<ReconciliationReport, 'drift'>;

beforeAll(async () => {
  platform = await testPlatform();
});

afterAll(async () => {
  await platform.close();
});

beforeEach(async () => {
  const url = await testSchema('schedule');
  own = await openDatabase({ url, setting: 'stack', applicationName: 'test' });
  env = {
    ...{ KAFKA_BROKERS: 'nowhere:1', SCHEMA_REGISTRY_URL: 'http://nowhere' },
    ...{ PLATFORM_DATABASE_URL: platform.readerUrl, ROLLGUARD_DATABASE_URL: url },
    RECONCILIATION_INTERVAL_MS: String(intervalMs),
    RECONCILIATION_TENANTS: tenantId,
  };
});

afterEach(async () => {
  await own.close();
});

function service(): { readonly service: ReconciliationService; readonly figures: Figures } {
  const figures = new Figures();
  const settings: Settings = parseSettings(env);
  const parts = { settings, clock: systemClock, random: systemRandom, logger: silentLogger };
  return {
    figures,
    service: new ReconciliationService({
      ...{ ...parts, metrics: figures, hasLedger: true, kafka: undefined },
      ...{ serviceProperty: undefined, onLockDrift: () => undefined },
    }),
  };
}

/** None before the tables are made; the earliest first. */
async function runs(): Promise<readonly Run[]> {
  return (await lastRuns(own, 100).catch(() => [])).toReversed();
}

async function reconcile(...args: string[]): Promise<{ exitCode: number; said: string }> {
  let said = '';
  const write = (text: string): void => void (said += text);
  const exitCode = await runCli(['reconcile', 'run', '--no-kafka', '--tenant', tenantId, ...args], {
    ...{ version: '0.0.0', env, clock: systemClock, exitCode: 0 },
    ...{ out: write, err: write, progress: (line: string) => write(`${line}\n`) },
  });
  return { exitCode, said };
}

function lead(): Promise<Leadership | undefined> {
  const url = env['ROLLGUARD_DATABASE_URL'] ?? '';
  return leadReconciliation({ url, clock: systemClock, applicationName: 'who leads' });
}

/** From the end of each to the beginning of the next. */
const pauses = (all: readonly Run[]): readonly number[] =>
  all.slice(1).map((run, at) => Date.parse(run.startedAt) - Date.parse(all[at]?.finishedAt ?? ''));

describe('a reconciliation', () => {
  test(
    'by schedule is made once, whichever of two services makes it',
    async () => {
      const both = [service(), service()];
      for (const each of both) each.service.start();
      const made = await eventually(runs, ({ length }) => length >= runsWanted);
      await Promise.all(both.map((each) => each.service.close()));
      const all = await runs();
      const counted = both.map(
        ({ figures }) => figures.of('rollguard_reconciliation_runs_total')['clean'] ?? 0,
      );
      const started = all.map(({ startedAt }) => Date.parse(startedAt));

      expect(made.length).toBeGreaterThanOrEqual(runsWanted);
      expect(new Set(all.map(({ status, trigger }) => `${trigger} ${status}`))).toEqual(
        new Set(['schedule clean']),
      );
      for (const [at, ms] of started.slice(1).entries()) {
        expect(ms - (started[at] ?? 0)).toBeGreaterThanOrEqual(intervalMs);
      }
      expect(counted.reduce((sum, count) => sum + count, 0)).toBe(all.length);
    },
    timeoutMs,
  );

  test(
    'by hand is made after the one that is being made, never beside it',
    async () => {
      const ended = await Promise.all([
        reconcile(),
        reconcile(),
        reconcile('--wait-timeout', '30'),
      ]);
      const all = await runs();

      expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
      expect(
        ended.filter(({ said }) => said.includes('waiting for rollguard reconcile')),
      ).toHaveLength(2);
      expect(all).toHaveLength(3);
      for (const pause of pauses(all)) expect(pause).toBeGreaterThanOrEqual(0);
    },
    timeoutMs,
  );

  test(
    'by hand names who makes one, where it is not to wait; by schedule none is made meanwhile',
    async () => {
      await reconcile();
      const leadership = await lead();
      const { service: scheduled } = service();
      scheduled.start();
      const refused = await reconcile('--wait-timeout', '0');
      await systemClock.sleep(3 * intervalMs);
      const meanwhile = await runs();
      await leadership?.close();
      const later = await eventually(runs, ({ length }) => length > 1);
      await scheduled.close();

      expect(refused.exitCode).toBe(1);
      expect(refused.said).toMatch(
        /who leads \(.*\) is making a reconciliation.*PRECONDITION_FAILED/s,
      );
      expect(meanwhile).toHaveLength(1);
      expect(later.length).toBeGreaterThan(1);
    },
    timeoutMs,
  );
});

describe('the last reconciliation', () => {
  const asksMax = 16;

  /** Of everybody on this server. */
  async function connections(): Promise<readonly number[]> {
    const { rows } = await own.query(
      `SELECT pid FROM pg_stat_activity
       WHERE application_name = 'rollguard reconciliation, last run'`,
    );
    return rows.map(({ pid }) => Number(pid));
  }

  test(
    'is told over one connection, however many ask; too many are refused, and one that broke is opened anew',
    async () => {
      const { service: asked } = service();
      const others = await connections();
      const before = await errorCodeOf(asked.lastReport(tenantId));
      await reconcile();
      const ask = (): Promise<string> =>
        asked.lastReport(tenantId).then(
          ({ status }) => status,
          (error: unknown) => (error as { readonly code: string }).code,
        );
      const answers = await Promise.all(Array.from({ length: asksMax + 2 }, ask));
      const opened = (await connections()).filter((pid) => !others.includes(pid));
      await own.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [opened]);
      const afterwards = await eventually(ask, (answer) => answer === 'clean');
      await asked.close();

      expect(before).toBe('NOT_FOUND');
      expect(answers).toEqual([
        ...Array.from({ length: asksMax }, () => 'clean'),
        ...['QUEUE_FULL', 'QUEUE_FULL'],
      ]);
      expect(opened).toHaveLength(1);
      expect(afterwards).toBe('clean');
    },
    timeoutMs,
  );
});
