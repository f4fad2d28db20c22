/**
 * The backfill on the whole line: what it brings alone, beside capture and over it ends in the same ledgers
 * as capture alone. The applications are this test's own: they read the platform's topics, or topics in
 * which only properties and business dates are.
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { backfillTopic } from '../../topology/roll/roll-names.ts';
import { emitAgain } from '../../tools/backfill/emit-again.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { RollApplications, tenantsOf, type RollApplication } from './roll-applications.ts';
import { root, systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const { signal } = systemOptions;

describe('the backfill', () => {
  let rolls: RollApplications;
  let workload: Workload;
  let tenantIds: readonly string[];
  let captured: RollApplication;
  let read: RollApplication;

  beforeAll(async () => {
    rolls = await RollApplications.open('backfill-test');
    workload = chainWorkload({ seed: systemClock.nowMs() % 1_000_000, days: 6 });
    tenantIds = tenantsOf(workload);
    await rolls.feed(workload);
    captured = await rolls.start('captured', 'platform');
    await rolls.untilRight(captured, workload);
    read = await rolls.start('read', await rolls.copyOfDates());
  }, timeoutMs);

  afterAll(async () => {
    await rolls.close();
  }, timeoutMs);

  test(
    'alone, killed again and again on its way, ends in the same ledgers as capture alone',
    async () => {
      const url = await rolls.ownTables();
      const killed = [await killedBackfill(read, url, 100), await killedBackfill(read, url, 300)];
      const ended = await rolls.backfill(read, url, { tenantIds });
      await rolls.untilRight(read, workload);

      expect(killed).toEqual([null, null]);
      expect(ended.refused).toBe(0);
      expect(await rolls.hashes(read, tenantIds)).toEqual(await rolls.hashes(captured, tenantIds));
    },
    timeoutMs,
  );

  test(
    'over what was captured changes no ledger and writes no event',
    async () => {
      const before = await rolls.hashes(captured, tenantIds);
      const events = await rolls.endOf(captured.eventsTopic);
      const ended = await rolls.backfill(captured, await rolls.ownTables(), { tenantIds });
      await rolls.untilRead(captured);

      expect(ended.rows).toBeGreaterThan(100);
      expect(await rolls.hashes(captured, tenantIds)).toEqual(before);
      expect(await rolls.endOf(captured.eventsTopic)).toBe(events);
    },
    timeoutMs,
  );

  test(
    'with nothing new reads nothing; a part of the rows can be had once more; it says what it would do',
    async () => {
      const url = await rolls.ownTables();
      const dry = await rolls.backfill(captured, url, { tenantIds, isDryRun: true });
      const all = await rolls.backfill(captured, url, { tenantIds });
      const again = await rolls.backfill(captured, url, { tenantIds });
      const filter = { state: 'APPLIED' };
      const part = await rolls.backfill(captured, url, { tenantIds, filter });

      expect([dry.rows, again.rows]).toEqual([all.rows, 0]);
      expect(part.rows).toBeGreaterThan(100);
    },
    timeoutMs,
  );

  test(
    'has every entry told once more, marked as that, and nothing changes',
    async () => {
      const { content, ...before } = await rolls.events(read, tenantIds);
      const hashes = await rolls.hashes(read, tenantIds);
      const replayId = randomUUID();
      const report = await emitAgain({
        ...{ settings: rolls.settings(read, ''), port: rolls.port, replayId, tenantIds },
        ...{ eventsTopic: read.eventsTopic, isDryRun: false },
        ...{ clock: systemClock, signal, progress: () => undefined },
      });
      const { content: after, ...summary } = await rolls.events(read, tenantIds);
      await rolls.untilRight(read, workload);

      expect(report).toMatchObject({ replayId, dryRun: false, events: before.entries });
      expect([report.events > 100, report.eventsPerSecond > 0]).toEqual([true, true]);
      expect(summary).toEqual({ ...before, toldAgain: report.events });
      expect(after).toEqual(content);
      expect(await rolls.hashes(read, tenantIds)).toEqual(hashes);
    },
    timeoutMs,
  );

  /** A pass as a process of its own, killed when so many records are published. @returns its exit code. */
  async function killedBackfill(
    application: RollApplication,
    url: string,
    records: number,
  ): Promise<number | null> {
    const args = ['backfill', 'run', '--rows-per-second', '200', '--tenant', tenantIds.join(',')];
    const child = spawn(process.execPath, [path.join(root, 'tools/rollguard.mjs'), ...args], {
      ...{ cwd: root, stdio: 'ignore' },
      env: { ...process.env, ...rolls.environment(application, url) },
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const topic = backfillTopic(application.applicationId);
    while (child.exitCode === null && (await rolls.endOf(topic)) < records) {
      await systemClock.sleep(20);
    }
    child.kill('SIGKILL');
    return ended;
  }
});
