/**
 * Reconciliation on the real stack: a generated chain's rows, the tables that the service wrote of them, and
 * faults that are planted in both. Changed rows of the lifecycle table are kept from capture by taking the
 * table out of the publication while they are changed: what is written then is never sent.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../../database/connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { DriftRow } from '../../reconciliation/drift.ts';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import type { RangeEntry } from '../../tools/replay/replay-range.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { differences, eventually, feed, query } from './captured.ts';
import { testSchema } from './test-schema.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 240_000;
const dayMs = 86_400_000;
const ledger = 'roll_service_shadow_ledgers';
const holds = 'inventory_locks_shadow';
const folder = mkdtempSync(path.join(tmpdir(), 'reconciliation-'));

let system: System;
let tables: Database;
let tableUrl = '';
let chain: Workload;
let load: Workload;

/** Days around today: what was forgotten long ago is held by nobody. */
function workload(seed: number): Workload {
  const startDate = new Date(systemClock.nowMs() - 8 * dayMs).toISOString().slice(0, 10);
  return chainWorkload({ seed, tenants: 1, properties: 4, bookingsPerDay: 12, days: 8, startDate });
}

const tenantsOf = (...all: readonly Workload[]): readonly string[] => [
  ...new Set(all.flatMap(({ expectations }) => expectations.map(({ tenantId }) => tenantId))),
];

beforeAll(async () => {
  tableUrl = await testSchema('reconciliation');
  tables = await openDatabase({ url: tableUrl, setting: 'stack', applicationName: 'test' });
  const seed = Math.floor(systemClock.nowMs() / 1_000);
  [chain, load] = [workload(seed), workload(seed + 1)];
  system = await startSystem({ ...systemOptions, isBare: true });
  system.startApplication({
    ROLLGUARD_DATABASE_URL: tableUrl,
    PLATFORM_DATABASE_URL: system.stack.endpoints.platformDatabaseUrl,
    // It would mend what is planted.
    ROLL_SERVICE_BACKFILL_ENABLED: 'false',
    RECONCILIATION_INTERVAL_MS: '3000',
    RECONCILIATION_GRACE_MS: '1000',
    RECONCILIATION_TENANTS: tenantsOf(chain, load).join(' '),
  });
  await feed(system, chain);
  await system.application.ready(systemOptions.signal);
}, timeoutMs);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await tables.close();
  await system.stop();
}, timeoutMs);

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

async function rollguard(args: readonly string[]): Promise<Ended> {
  let [out, err] = ['', ''];
  const context: CliContext = {
    version: '0.0.0',
    env: {
      KAFKA_BROKERS: system.stack.endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: system.stack.endpoints.schemaRegistryUrl,
      PLATFORM_DATABASE_URL: system.stack.endpoints.platformDatabaseUrl,
      ROLLGUARD_DATABASE_URL: tableUrl,
      ROLLGUARD_URL: system.application.url,
    },
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  return { exitCode: await runCli(args, context), out, err };
}

async function reconciled(of: Workload, args: readonly string[] = []) {
  const whose = tenantsOf(of).flatMap((id) => ['--tenant', id]);
  const ended = await rollguard(['reconcile', 'run', '--json', '--payments', ...whose, ...args]);
  if (ended.out === '') throw new Error(ended.err);
  return { ...ended, report: JSON.parse(ended.out) as ReconciliationReport };
}

async function replayed(of: Workload): Promise<readonly RangeEntry[]> {
  const found: RangeEntry[] = [];
  for (const { tenantId, propertyId } of of.expectations) {
    const whose = ['--tenant', tenantId, '--property', propertyId, '--no-state', '--stdout'];
    const dates = ['--from', of.from, '--to', of.to];
    const { out, err } = await rollguard(['replay', 'reservation', ...whose, ...dates]);
    if (out === '') throw new Error(err);
    found.push(...(JSON.parse(out) as { entries: readonly RangeEntry[] }).entries);
  }
  return found;
}

interface Metric {
  readonly delta: number;
  readonly driftSeconds: number;
  readonly text: string;
}

async function metrics(): Promise<Metric> {
  const text = await (await fetch(`${system.application.url}/metrics`)).text();
  const value = (name: string): number =>
    Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? NaN);
  return {
    delta: value('roll_service_shadow_replay_delta_total'),
    driftSeconds: value('availability_guard_drift_seconds'),
    text,
  };
}

type Run = Omit<ReconciliationReport, 'drift'>;

async function scheduledRuns(): Promise<readonly Run[]> {
  const { rows } = await tables.query(
    `SELECT report FROM rollguard_reconciliation_runs WHERE trigger = 'schedule' ORDER BY started_at`,
  );
  return rows.map((row) => JSON.parse(String(row['report'])) as Run);
}

/** Runs by schedule that began after now, and the metric once the first of them is counted. */
async function nextRun(): Promise<Run> {
  const afterMs = systemClock.nowMs();
  const runs = await eventually(scheduledRuns, (all) =>
    all.some(({ startedAt }) => Date.parse(startedAt) > afterMs),
  );
  return runs.find(({ startedAt }) => Date.parse(startedAt) > afterMs)!;
}

async function countedLedgerDrift(): Promise<number> {
  return (await scheduledRuns()).reduce((sum, { summary }) => sum + summary.sides.ledger.drift, 0);
}

describe('with nothing planted', () => {
  test(
    'nothing differs once the chain is there: no entry, no hold, no payment',
    async () => {
      expect(await differences(system, chain)).toEqual([]);
      const { exitCode, report } = await reconciled(chain);

      expect(report.drift).toEqual([]);
      expect(exitCode).toBe(0);
      expect(report).toMatchObject({
        ...{ status: 'clean', problem: null },
        sides: {
          ...{ ledger: { status: 'compared' }, locks: { status: 'compared' } },
          payments: { status: 'compared' },
        },
        summary: { drift: 0, unsettled: 0, unreadableRows: 0, lockDriftSeconds: 0 },
      });
      expect(report.summary.entries).toBeGreaterThan(220);
      expect(report.summary.holds).toBeGreaterThan(20);
      expect(report.summary.charged).toBeGreaterThan(20);
    },
    timeoutMs,
  );

  test(
    'nothing differs under load, by hand and by schedule',
    async () => {
      const fed = new AbortController();
      const feeding = feed(system, load).finally(() => {
        fed.abort();
      });
      const reports: ReconciliationReport[] = [];
      do reports.push((await reconciled(load)).report);
      while (!fed.signal.aborted);
      await feeding;
      await nextRun();
      reports.push((await reconciled(load)).report);

      expect(reports.flatMap(({ drift }) => drift)).toEqual([]);
      expect(reports.at(-1)?.status).toBe('clean');
      expect(await countedLedgerDrift()).toBe(0);
      expect((await metrics()).delta).toBe(0);
    },
    timeoutMs,
  );
});

describe('with planted faults', () => {
  /** Ids of entries by the reason that must be told. */
  const planted = new Map<string, string>();
  const plantedHolds = new Map<string, string>();
  let plantedMs = 0;

  beforeAll(async () => {
    for (const [id, reason] of await plantInLedger()) planted.set(id, reason);
    for (const id of await changeCommands()) planted.set(id, 'not_voided');
    for (const [id, reason] of await plantInHolds()) plantedHolds.set(id, reason);
    plantedMs = systemClock.nowMs();
  }, timeoutMs);

  test(
    'the reconciliation reports exactly those, with the money of each',
    async () => {
      const [output, page] = [path.join(folder, 'drift.json'), path.join(folder, 'drift.html')];
      const { exitCode, report } = await reconciled(chain, ['--output', output, '--page', page]);

      expect(planted.size).toBe(220);
      expect(exitCode).toBe(3);
      expect(report.status).toBe('drift');
      expect(reasonsOf(report.drift, 'ledger')).toEqual(sorted(planted));
      expect(reasonsOf(report.drift, 'locks')).toEqual(sorted(plantedHolds));
      expect(report.summary).toMatchObject({ drift: 230, unsettled: 0 });
      expect(report.summary.sides.ledger.reasons).toEqual({
        ...{ amount_differs: 70, field_differs: 30, missing: 50, extra: 50, not_voided: 20 },
      });
      expect(report.summary.sides.locks.drift).toBe(10);
      const changedBy = report.drift.filter(({ reason }) => reason === 'amount_differs');
      expect(changedBy.map(({ amounts }) => amounts.map(({ minor }) => minor))).toEqual(
        Array.from({ length: 70 }, () => [-100]),
      );
      expect(JSON.parse(readFileSync(output, 'utf8'))).toEqual(report);
      expect(readFileSync(page, 'utf8')).toContain('Something differs');
    },
    timeoutMs,
  );

  test(
    'so does roll:replay',
    async () => {
      const entries = await replayed(chain);
      const statuses: Readonly<Record<string, string>> = {
        ...{ amount_differs: 'diff', field_differs: 'diff', missing: 'missing_in_shadow' },
        ...{ extra: 'extra_in_shadow', not_voided: 'extra_in_shadow' },
      };

      expect(
        entries
          .map(({ lifecycleEventId, status }) => `${lifecycleEventId as string} ${status}`)
          .sort(),
      ).toEqual([...planted].map(([id, reason]) => `${id} ${statuses[reason]}`).sort());
    },
    timeoutMs,
  );

  test(
    'the metrics move by exactly that, once for each run',
    async () => {
      const run = await nextRun();
      const counted = await eventually(
        async () => ({ delta: (await metrics()).delta, kept: await countedLedgerDrift() }),
        ({ delta, kept }) => delta === kept,
      );
      const { driftSeconds, text } = await metrics();

      expect(run.summary.sides.ledger.drift).toBe(220);
      expect(counted.delta).toBe(counted.kept);
      const after = (await scheduledRuns()).filter(
        ({ startedAt }) => Date.parse(startedAt) > plantedMs,
      );
      expect(new Set(after.map(({ summary }) => summary.sides.ledger.drift))).toEqual(
        new Set([220]),
      );
      expect(text).toMatch(
        /^rollguard_reconciliation_drift\{side="ledger",reason="missing"\} 50$/m,
      );
      expect(text).toMatch(
        /^rollguard_reconciliation_drift\{side="locks",reason="missing_hold"\} 3$/m,
      );
      expect(driftSeconds).toBeGreaterThanOrEqual(Math.floor(run.summary.lockDriftSeconds));
      expect(run.summary.lockDriftSeconds).toBeGreaterThan(0);
    },
    timeoutMs,
  );

  test('the last run is answered over HTTP, each tenant its own rows', async () => {
    const [tenant = ''] = tenantsOf(chain);
    const [other = ''] = tenantsOf(load);
    const { url } = system.application;
    const answer = async (tenantId: string): Promise<ReconciliationReport> => {
      const headers = { 'x-tenant-id': tenantId };
      const response = await fetch(`${url}/v1/reconciliation`, { headers });
      return (await response.json()) as ReconciliationReport;
    };
    const page = await fetch(`${url}/v1/reconciliation.html?tenantId=${tenant}`);

    expect(await answer(tenant)).toMatchObject({ status: 'drift', summary: { drift: 230 } });
    expect(await answer(other)).toMatchObject({ status: 'clean', summary: { drift: 0 } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.text()).toContain('230 rows differ');
  });

  test('status names the last runs', async () => {
    const { exitCode, out } = await rollguard(['reconcile', 'status', '--json']);
    const { runs } = JSON.parse(out) as { readonly runs: readonly Run[] };

    expect(exitCode).toBe(0);
    expect(runs[0]).toMatchObject({ status: 'drift' });
  });
});

function reasonsOf(drift: readonly DriftRow[], side: string): readonly string[] {
  return drift
    .filter((row) => row.side === side)
    .map(({ key, reservationId, reason }) => `${key ?? reservationId} ${reason}`)
    .sort();
}

function sorted(faults: ReadonlyMap<string, string>): readonly string[] {
  return [...faults].map(([id, reason]) => `${id} ${reason}`).sort();
}

/** 100 rows changed, 50 deleted, 50 added, in one transaction. */
async function plantInLedger(): Promise<readonly [id: string, reason: string][]> {
  const faults: [string, string][] = [];
  const plant = async (reason: string, sql: string): Promise<void> => {
    const { rows } = await tables.query(sql, [tenantsOf(chain)]);
    for (const row of rows) faults.push([String(row['id']), reason]);
  };
  const some = (from: number, count: number): string =>
    `WHERE lifecycle_event_id IN (
       SELECT lifecycle_event_id FROM ${ledger} WHERE tenant_id = ANY($1) AND roll_type = 'EOD'
         AND amount_minor > 100 ORDER BY ledger_id OFFSET ${from} LIMIT ${count})
     RETURNING lifecycle_event_id AS id`;
  await tables.transaction(async () => {
    await plant(
      'amount_differs',
      `UPDATE ${ledger} SET amount_minor = amount_minor + 100 ${some(0, 70)}`,
    );
    await plant('field_differs', `UPDATE ${ledger} SET revision = 'other' ${some(70, 30)}`);
    await plant(
      'extra',
      `INSERT INTO ${ledger}
       SELECT gen_random_uuid(), tenant_id, reservation_id, gen_random_uuid(), roll_type, roll_date,
              occurred_at, source_event_type, event_payload, property_id, business_date, amount_minor,
              currency, revision, created_at, updated_at
       FROM ${ledger} WHERE tenant_id = ANY($1) AND roll_type = 'EOD' ORDER BY ledger_id DESC LIMIT 50
       RETURNING lifecycle_event_id AS id`,
    );
    const added = faults.filter(([, reason]) => reason === 'extra').map(([id]) => id);
    const { rows } = await tables.query(
      `DELETE FROM ${ledger} WHERE lifecycle_event_id IN (
         SELECT lifecycle_event_id FROM ${ledger} WHERE tenant_id = ANY($1) AND roll_type = 'EOD'
           AND lifecycle_event_id <> ALL($2::uuid[]) ORDER BY ledger_id LIMIT 50)
       RETURNING lifecycle_event_id AS id`,
      [tenantsOf(chain), faults.map(([id]) => id)],
    );
    expect(added).toHaveLength(50);
    for (const row of rows) faults.push([String(row['id']), 'missing']);
  });
  return faults;
}

/** 20 commands of check-outs say something else, and nobody captures it. */
async function changeCommands(): Promise<readonly string[]> {
  const lifecycle = 'reservation_command_lifecycle';
  const some = (from: number): string =>
    `WHERE event_id IN (
       SELECT event_id FROM ${lifecycle} WHERE tenant_id = ANY($1) AND current_state = 'APPLIED'
         AND command_name = 'reservation.check_out' ORDER BY event_id OFFSET ${from} LIMIT 10)
     RETURNING event_id`;
  await query(system, `ALTER PUBLICATION rollguard DROP TABLE ${lifecycle}`);
  try {
    const changes = [
      `UPDATE ${lifecycle} SET command_name = 'reservation.modify' ${some(0)}`,
      `UPDATE ${lifecycle} SET current_state = 'FAILED', state_transitions = '[]' ${some(10)}`,
    ];
    const ids: string[] = [];
    for (const sql of changes) {
      const rows = await query<{ event_id: string }>(system, sql, [tenantsOf(chain)]);
      ids.push(...rows.map(({ event_id: id }) => id));
    }
    return ids;
  } finally {
    await query(system, `ALTER PUBLICATION rollguard ADD TABLE ${lifecycle}`);
  }
}

/** Ten holds that are not as the rows say. */
async function plantInHolds(): Promise<readonly [id: string, reason: string][]> {
  const faults: [string, string][] = [];
  const live = await query<{ id: string }>(
    system,
    `SELECT id FROM reservations WHERE tenant_id = ANY($1) AND status IN ('CONFIRMED', 'CHECKED_IN')
       AND check_in_date < check_out_date ORDER BY id LIMIT 8`,
    [tenantsOf(chain)],
  );
  const ended = await query<{ id: string }>(
    system,
    `SELECT id FROM reservations WHERE tenant_id = ANY($1) AND status = 'CANCELLED' ORDER BY id`,
    [tenantsOf(chain)],
  );
  const ids = live.map(({ id }) => id);
  const plant = async (
    reason: string,
    sql: string,
    of: readonly string[],
    told: 'id' | 'reservation_id' = 'id',
  ): Promise<void> => {
    const { rows } = await tables.query(`${sql} RETURNING id, reservation_id`, [of]);
    for (const row of rows) faults.push([String(row[told]), reason]);
  };
  const where = `WHERE reservation_id = ANY($1) AND status = 'CONFIRMED'`;
  await plant('missing_hold', `DELETE FROM ${holds} ${where}`, ids.slice(0, 3), 'reservation_id');
  await plant(
    'other_stay',
    `UPDATE ${holds} SET stay_end = stay_end + interval '1 day' ${where}`,
    ids.slice(3, 6),
  );
  await plant('not_confirmed', `UPDATE ${holds} SET status = 'ACTIVE' ${where}`, ids.slice(6, 8));
  await plant(
    'extra_hold',
    `UPDATE ${holds} SET status = 'CONFIRMED' WHERE id IN (
       SELECT id FROM ${holds} WHERE reservation_id = ANY($1) AND status = 'RELEASED'
       ORDER BY id LIMIT 2)`,
    ended.map(({ id }) => id),
  );
  return faults;
}
