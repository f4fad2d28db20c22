import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { toConnect } from '../../connectors/debezium-postgres.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { prepareDatabase } from '../../connectors/prepare-database.ts';
import { applyConnectors } from '../../connectors/reconcile.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { compareWithApi } from '../../tools/start/comparison.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import type { ReplaySummary } from '../../topology/roll/replay-report.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { eventually, nightsSlept } from './captured.ts';
import { testSchema } from './test-schema.ts';
import { systemOptions } from './test-system.ts';

const startTimeoutMs = 240_000;
const waitMs = 90_000;
const { signal } = systemOptions;

describe('the line from Postgres to the ledgers', () => {
  let system: System;
  let workload: Workload;
  let tableUrl = '';
  let options: SystemOptions;

  beforeAll(async () => {
    tableUrl = await testSchema('line');
    options = {
      ...systemOptions,
      settings: { ...systemOptions.settings, ROLLGUARD_DATABASE_URL: tableUrl },
    };
    system = await startSystem(options);
    workload = chainWorkload({ seed: Math.floor(Date.now() / 1_000), days: 4 });
    await workload.feed({
      databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl,
      clock: systemClock,
      progress: () => undefined,
      signal,
    });
    await system.application.ready(signal);
  }, startTimeoutMs);

  afterAll(async () => {
    await system.stop();
  }, startTimeoutMs);

  test(
    'says of every property and day what the chain says of itself',
    async () => {
      expect(await differences(system)).toEqual([]);
    },
    waitMs,
  );

  test('shows a departed guest with a night for each business date and one check-out', async () => {
    const { tenant_id: tenantId, id, nights } = await departedGuest();
    const response = await fetch(`${system.application.url}/v1/ledgers/${id}`, {
      headers: { 'x-tenant-id': tenantId },
    });
    const { entries } = (await response.json()) as { entries: { rollType: string }[] };
    const types = entries.map(({ rollType }) => rollType);

    expect(types.filter((type) => type === 'EOD')).toHaveLength(nights);
    expect(types.filter((type) => type === 'CHECKOUT')).toHaveLength(1);
  });

  test(
    'holds, entry for entry, what the replay report derives from the rows of the platform; so does the table',
    async () => {
      for (const { tenantId, propertyId } of workload.expectations) {
        // The table follows the state within moments.
        const { exitCode, summary } = await eventually(
          () => replayed(system, tableUrl, { tenantId, propertyId }),
          (report) => report.exitCode === 0,
        );
        const { derivedEntries } = summary;

        expect(derivedEntries).toBeGreaterThan(0);
        expect({ exitCode, ...summary }).toMatchObject({
          ...{ exitCode: 0, matches: derivedEntries },
          ...{ stateEntries: derivedEntries, shadowEntries: derivedEntries },
        });
      }
    },
    startTimeoutMs,
  );

  test('writes every change of an entry to the events topic, in the registered contract', async () => {
    const metrics = await (await fetch(`${system.application.url}/metrics`)).text();
    const subjects = await (
      await fetch(`${system.stack.endpoints.schemaRegistryUrl}/subjects`)
    ).json();

    expect(metrics).toMatch(/roll_service_lifecycle_events_total\{.*\} [1-9]/);
    expect(subjects).toContain('roll.events.shadow-value');
  });

  test(
    'goes on where it was after the application is stopped and started again',
    async () => {
      await system.stop();
      system = await startSystem(options);
      await system.application.ready(signal);

      expect(await differences(system)).toEqual([]);
    },
    startTimeoutMs,
  );

  test(
    'counts everything once when the application is killed in the middle of a load',
    async () => {
      workload = chainWorkload({ seed: Math.floor(Date.now() / 1_000) + 1, days: 10 });
      const feeding = workload.feed({
        databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl,
        clock: systemClock,
        progress: () => undefined,
        signal,
      });
      // Some of the load is counted, most is not.
      while ((await countedEntries()) < 20) await systemClock.sleep(50);
      process.kill(system.application.pid, 'SIGKILL');
      await feeding;
      const early = await countedEntries().catch(() => undefined);
      await system.stop();
      system = await startSystem(options);
      await system.application.ready(signal);

      expect(early).toBeUndefined();
      expect(await differences(system)).toEqual([]);
    },
    startTimeoutMs,
  );

  test(
    'a connector that is as wanted is not touched; a failed task is told with its trace and mended',
    async () => {
      expect((await apply()).map(({ action }) => action)).toEqual(['nothing']);

      await platform((client) => client.query('DROP PUBLICATION rollguard'));
      await restartTask();
      const failure = apply();
      expect(await errorCodeOf(failure)).toBe('CONNECTOR_FAILED');
      await expect(failure).rejects.toThrow(/publication/i);

      await prepare();
      expect((await apply()).map(({ action, verdict }) => [action, verdict])).toEqual([
        ['restart', 'running'],
      ]);
    },
    startTimeoutMs,
  );

  /** Nights and endings in the answers about the current workload. */
  async function countedEntries(): Promise<number> {
    const { totals } = await compareWithApi(system.application.url, workload);
    return totals.nights + totals.cancel + totals.checkout;
  }

  async function differences(running: System): Promise<readonly string[]> {
    const deadlineMs = systemClock.monotonicMs() + waitMs / 2;
    for (;;) {
      const found = await compareWithApi(running.application.url, workload).catch(() => undefined);
      if (found?.differences.length === 0) return [];
      if (systemClock.monotonicMs() > deadlineMs) return found?.differences ?? ['no answer'];
      await systemClock.sleep(250);
    }
  }

  function platform<Result>(use: (client: pg.Client) => Promise<Result>): Promise<Result> {
    return withDatabase(system.stack.endpoints.platformAdminDatabaseUrl, use);
  }

  async function departedGuest() {
    const tenants = workload.expectations.map(({ tenantId }) => tenantId);
    const { rows } = await platform((client) =>
      client.query<{ tenant_id: string; id: string; nights: number }>(
        `SELECT r.tenant_id, r.id, ${nightsSlept} AS nights
         FROM reservations r JOIN properties p ON p.id = r.property_id
         WHERE r.status = 'CHECKED_OUT' AND r.tenant_id = ANY($1) AND ${nightsSlept} = 2 LIMIT 1`,
        [tenants],
      ),
    );
    return rows[0]!;
  }

  function definition() {
    const { endpoints, secretsFolder } = system.stack;
    return platformConnector({
      databaseUrl: endpoints.platformDatabaseUrl,
      passwordReference: `\${file:${secretsFolder}/rollguard-cdc.properties:password}`,
      registryUrl: endpoints.registryApiUrl,
    });
  }

  function apply() {
    return applyConnectors({
      client: new ConnectClient({
        url: system.stack.endpoints.kafkaConnectUrl,
        clock: systemClock,
      }),
      connectors: [toConnect(definition())],
      clock: systemClock,
      waitTimeoutMs: 60_000,
    });
  }

  async function prepare(): Promise<void> {
    const { database, tables, publication } = definition();
    await prepareDatabase({
      adminDatabaseUrl: system.stack.endpoints.platformAdminDatabaseUrl,
      ...{ user: database.user, tables, publication },
    });
  }

  async function restartTask(): Promise<void> {
    const url = `${system.stack.endpoints.kafkaConnectUrl}/connectors/rollguard-platform`;
    await fetch(`${url}/tasks/0/restart`, { method: 'POST' });
    const deadlineMs = systemClock.monotonicMs() + waitMs;
    while (systemClock.monotonicMs() < deadlineMs) {
      const text = await (await fetch(`${url}/status`)).text();
      if (text.includes('FAILED')) return;
      await systemClock.sleep(250);
    }
  }
});

/** `rollguard replay reservation` of a whole property, compared with the state and the table. */
async function replayed(
  { stack, application }: System,
  tableUrl: string,
  { tenantId, propertyId }: { readonly tenantId: string; readonly propertyId: string },
): Promise<{ readonly exitCode: number; readonly summary: ReplaySummary }> {
  let out = '';
  const context: CliContext = {
    version: '0.0.0',
    env: {
      PLATFORM_DATABASE_URL: stack.endpoints.platformDatabaseUrl,
      ROLLGUARD_DATABASE_URL: tableUrl,
    },
    clock: systemClock,
    out: (text) => void (out += text),
    err: () => undefined,
    progress: () => undefined,
    exitCode: 0,
  };
  const whose = ['--tenant', tenantId, '--property', propertyId, '--url', application.url];
  const which = ['--from', '2026-01-01', '--to', '2026-12-31', '--state', '--stdout'];
  const exitCode = await runCli(['replay', 'reservation', ...whose, ...which], context);
  return { exitCode, summary: (JSON.parse(out) as { summary: ReplaySummary }).summary };
}

async function withDatabase<Result>(
  connectionString: string,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return use(client).finally(() => client.end());
}
