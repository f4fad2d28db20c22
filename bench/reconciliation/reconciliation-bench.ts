/**
 * How fast a reconciliation compares, and how much memory it takes. A chain of hotels, or a file of bookings,
 * goes through the whole line until ledgers, holds and tables are right; then `rollguard reconcile run` looks
 * at all of it, at one property, and beside tables that are empty, where every entry differs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../database/connection.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';
import { runLoad } from '../../tools/start/once.ts';
import { treeCpuSeconds } from '../../tools/start/process-usage.ts';
import { startSystem, type System, type SystemOptions } from '../../tools/start/system.ts';
import type { Workload } from '../../tools/start/workload.ts';
import { rounded } from '../measure.ts';
import type { MeasuredCommand } from './measured-command.ts';

export interface ReconciliationBenchOptions {
  readonly workload: Workload;
  /** Runs over everything. */
  readonly runs: number;
  readonly system: Omit<SystemOptions, 'settings'>;
}

export interface ReconciliationRun {
  readonly what: string;
  readonly reservations: number;
  readonly entries: number;
  readonly holds: number;
  readonly drift: number;
  /** From its first to its last query. */
  readonly seconds: number;
  readonly reservationsPerSecond: number;
  readonly cpuSeconds: { readonly reconciliation: number; readonly postgres: number };
  readonly baseRssMb: number;
  readonly peakRssMb: number;
  /** Of its event loop. */
  readonly blockedP99Ms: number;
  readonly blockedMaxMs: number;
  readonly bound: string;
}

const program = fileURLToPath(new URL('measured-command.ts', import.meta.url));
/** The input's stays lie in the past; the guard holds none that ended before it could remember. */
const everyStayCounts = { LOCK_IDEMPOTENCY_RETENTION_DAYS: '36500' };
const emptySchema = 'empty';

/** @throws CHECK_FAILED when it finds what is not so, or does not find what is. */
export async function runReconciliationBench(
  options: ReconciliationBenchOptions,
): Promise<readonly ReconciliationRun[]> {
  const { workload, system: systemOptions } = options;
  const settings = {
    ...everyStayCounts,
    ...{ ROLL_SERVICE_BACKFILL_ENABLED: 'false', RECONCILIATION_ENABLED: 'false' },
  };
  const system = await startSystem({ ...systemOptions, settings, hasTables: true });
  try {
    await runLoad(system, { ...systemOptions, settings, workload });
    const bench = { system, options };
    const runs: ReconciliationRun[] = [];
    for (let run = 1; run <= options.runs; run += 1) {
      runs.push(await measured(bench, { what: 'everything', args: [], isClean: true }));
    }
    const [property = ''] = workload.expectations.map(({ propertyId }) => propertyId);
    const ofOne = ['--property', property];
    runs.push(await measured(bench, { what: 'one property', args: ofOne, isClean: true }));
    runs.push(await measured(bench, await besideEmptyTables(system)));
    return runs;
  } finally {
    await system.stop();
  }
}

interface Bench {
  readonly system: System;
  readonly options: ReconciliationBenchOptions;
}

interface Wanted {
  readonly what: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly isClean: boolean;
}

/** Nobody writes them, so that nothing of Kafka's is waited for. */
async function besideEmptyTables({ stack }: System): Promise<Wanted> {
  const { rollguardDatabaseUrl: url } = stack.endpoints;
  const named = { setting: 'ROLLGUARD_DATABASE_URL', applicationName: 'reconciliation bench' };
  const database = await openDatabase({ url, ...named });
  await database.query(`CREATE SCHEMA ${emptySchema}`).finally(() => database.close());
  const options = encodeURIComponent(`-c search_path=${emptySchema}`);
  return {
    ...{ what: 'every entry differs', args: ['--no-kafka'], isClean: false },
    env: { ROLLGUARD_DATABASE_URL: `${url}?options=${options}` },
  };
}

async function measured(bench: Bench, wanted: Wanted): Promise<ReconciliationRun> {
  const { progress } = bench.options.system;
  progress(`reconciliation: ${wanted.what}`);
  const postgres = bench.system.stack.parts.find(({ name }) => name === 'postgres')?.pid ?? 0;
  const before = treeCpuSeconds(postgres);
  const command = await inItsProcess(bench, wanted);
  const cpuSeconds = {
    reconciliation: command.cpuSeconds,
    postgres: rounded(treeCpuSeconds(postgres) - before),
  };
  const { summary, status, startedAt, finishedAt } = reportOf(command);
  if ((status === 'clean') !== wanted.isClean) {
    const message = `${wanted.what}: it is ${status}, with ${summary.drift} rows that differ`;
    throw new RollguardError('CHECK_FAILED', message);
  }
  const { reservations, entries, holds, drift } = summary;
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1_000;
  const { baseRssMb, peakRssMb, blockedP99Ms, blockedMaxMs } = command;
  return {
    ...{ what: wanted.what, reservations, entries, holds, drift, seconds: rounded(seconds) },
    reservationsPerSecond: Math.round(reservations / seconds),
    ...{ cpuSeconds, baseRssMb, peakRssMb, blockedP99Ms, blockedMaxMs },
    bound: boundOf(cpuSeconds, seconds),
  };
}

async function inItsProcess(
  { system, options }: Bench,
  { args, env }: Wanted,
): Promise<MeasuredCommand> {
  const { endpoints } = system.stack;
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', program, 'reconcile', 'run', '--json', ...args],
    {
      cwd: options.system.root,
      env: {
        ...process.env,
        ...everyStayCounts,
        KAFKA_BROKERS: endpoints.kafkaBrokers,
        SCHEMA_REGISTRY_URL: endpoints.schemaRegistryUrl,
        PLATFORM_DATABASE_URL: endpoints.platformDatabaseUrl,
        ROLLGUARD_DATABASE_URL: endpoints.rollguardDatabaseUrl,
        ROLLGUARD_URL: system.application.url,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
      signal: options.system.signal,
    },
  );
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => void chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  options.system.signal.throwIfAborted();
  if (code === 0) return JSON.parse(Buffer.concat(chunks).toString()) as MeasuredCommand;
  throw new RollguardError('CHECK_FAILED', `the reconciliation's process ended with ${code}`);
}

function reportOf({ out, exitCode }: MeasuredCommand): ReconciliationReport {
  if (out !== '') return JSON.parse(out) as ReconciliationReport;
  throw new RollguardError('CHECK_FAILED', `the reconciliation ended with ${exitCode}`);
}

function boundOf(
  { reconciliation, postgres }: ReconciliationRun['cpuSeconds'],
  seconds: number,
): string {
  const share = (cpuSeconds: number): string =>
    `${Math.round((100 * cpuSeconds) / seconds)} % of a core`;
  return reconciliation > postgres
    ? `its own process: ${share(reconciliation)}`
    : `Postgres: ${share(postgres)}`;
}
