/**
 * How fast the backfill brings a platform's rows into the ledgers. A chain of hotels goes through the whole
 * line once, so that its properties and business dates are known; then capture ends, its rows are copied in
 * Postgres, and only the backfill can bring them. In the end the totals must be what the input says.
 */
import { deleteConnector } from '../../connectors/delete-connector.ts';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { defaultConnectorName } from '../../connectors/platform-connector.ts';
import { openDatabase } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { runBackfill } from '../../tools/backfill/run-backfill.ts';
import { bottleneckOf, countCosts, type PartCosts } from '../../tools/start/part-costs.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import type { Workload } from '../../tools/start/workload.ts';
import { benchPort } from '../bench-broker.ts';
import { rounded } from '../measure.ts';
import { untilTotals } from '../replay/replay-bench.ts';
import { clonePlatform, clonesMax } from './cloned-platform.ts';

export interface BackfillBenchOptions {
  /** Of the lifecycle, at least. */
  readonly rows: number;
  readonly workload: Workload;
  readonly system: Omit<SystemOptions, 'settings'>;
}

export interface BackfillBenchReport {
  /** Of the lifecycle, each with its reservation. */
  readonly rows: number;
  readonly published: { readonly seconds: number; readonly rowsPerSecond: number };
  /** From the first row read until the totals were right. */
  readonly derived: { readonly seconds: number; readonly rowsPerSecond: number };
  /** CPU µs a row, by part; `feed` is the backfill. */
  readonly cpuMicros: Readonly<Record<string, number>>;
  readonly bottleneck: string;
}

export async function runBackfillBench(
  options: BackfillBenchOptions,
): Promise<BackfillBenchReport> {
  const { workload, rows, system: systemOptions } = options;
  const { signal, clock, progress } = systemOptions;
  const settings = { ROLLGUARD_SERVICES: 'roll', ROLL_SERVICE_BACKFILL_ENABLED: 'false' };
  const system = await startSystem({ ...systemOptions, settings });
  try {
    const databaseUrl = system.stack.endpoints.platformAdminDatabaseUrl;
    await makeTables(system.stack.endpoints.rollguardDatabaseUrl);
    await workload.feed({ databaseUrl, clock, signal, progress: () => undefined });
    await system.application.ready(signal);
    await untilTotals(system.application.url, { workload, times: 1 }, systemOptions);
    await endCapture(system, systemOptions);
    const there = await countLifecycle(databaseUrl);
    const clones = Math.min(clonesMax, Math.max(0, Math.ceil(rows / there) - 1));
    const all = await clonePlatform({ databaseUrl, clones, signal, progress });
    return await measureBackfill(system, options, { all, times: clones + 1 });
  } finally {
    await system.stop();
  }
}

async function measureBackfill(
  system: System,
  { workload, system: options }: BackfillBenchOptions,
  { all, times }: { readonly all: number; readonly times: number },
): Promise<BackfillBenchReport> {
  const { signal, clock, progress } = options;
  const { endpoints } = system.stack;
  const port = benchPort(options, {
    ...{ brokers: endpoints.kafkaBrokers.split(','), clientId: 'backfill-bench' },
  });
  try {
    const costs = countCosts(system, clock);
    const run = await runBackfill({
      settings: parseSettings({
        KAFKA_BROKERS: endpoints.kafkaBrokers,
        SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
        PLATFORM_DATABASE_URL: endpoints.platformDatabaseUrl,
        ROLLGUARD_DATABASE_URL: endpoints.rollguardDatabaseUrl,
      }),
      ...{ port, tenantIds: undefined, filter: {}, isSweep: false, isDryRun: false },
      ...{ clock, logger: silentLogger, signal, progress },
    });
    progress(`backfill: ${run.rows} rows published, ${run.rowsPerSecond}/s`);
    await untilTotals(system.application.url, { workload, times }, options);
    return reportOf(all, run, costs());
  } finally {
    await port.close();
  }
}

function reportOf(
  rows: number,
  published: { readonly seconds: number; readonly rowsPerSecond: number },
  costs: PartCosts,
): BackfillBenchReport {
  const { seconds, rowsPerSecond } = published;
  return {
    rows,
    published: { seconds, rowsPerSecond },
    derived: {
      seconds: rounded(costs.seconds),
      rowsPerSecond: Math.round(rows / costs.seconds),
    },
    cpuMicros: Object.fromEntries(
      Object.entries(costs.cpuSeconds).map(([part, spent]) => [
        part,
        Math.round((spent * 1e6) / rows),
      ]),
    ),
    bottleneck: bottleneckOf(costs),
  };
}

async function makeTables(url: string): Promise<void> {
  const options = { url, setting: 'ROLLGUARD_DATABASE_URL', applicationName: 'backfill bench' };
  const database = await openDatabase(options);
  await migrate(database).finally(() => database.close());
}

/** What is copied must not come by capture as well. */
async function endCapture(
  { stack }: System,
  { clock }: BackfillBenchOptions['system'],
): Promise<void> {
  const client = new ConnectClient({ url: stack.endpoints.kafkaConnectUrl, clock });
  await deleteConnector({
    ...{ client, name: defaultConnectorName, clock, waitTimeoutMs: 30_000, forgetOffsets: false },
  });
}

async function countLifecycle(databaseUrl: string): Promise<number> {
  const database = await connectPlatformDatabase(databaseUrl);
  try {
    const { rows } = await database.query(
      'SELECT count(*) AS count FROM reservation_command_lifecycle',
    );
    return Number(rows[0]?.['count']);
  } finally {
    await database.close();
  }
}
