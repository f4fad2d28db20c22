/**
 * `npm start -- --once`: the whole line for a bounded load, compared with what the input says, on data
 * and ports of its own. Ends with `main job: OK`, or with what differs.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { ExpectedTotals } from '../../examples/reservation-platform/expected.ts';
import { compareWithApi, type Comparison } from './comparison.ts';
import { compareHolds } from './hold-comparison.ts';
import { bottleneckOf, countCosts, type PartCosts } from './part-costs.ts';
import { compareTables } from './table-comparison.ts';
import { startSystem, type System, type SystemOptions } from './system.ts';
import type { Workload } from './workload.ts';

/** Right twice, this far apart: whatever would still come has had time to arrive. */
const settleMs = 1_000;
const pollIntervalMs = 500;
/** Nothing changed for this long after the feed ended: it will not become right any more. */
const stalledMs = 30_000;
const progressIntervalMs = 2_000;
/** The input's stays lie in the past; the guard holds none that ended before it could remember. */
const everyStayCounts = { LOCK_IDEMPOTENCY_RETENTION_DAYS: '36500' };

export interface OnceOptions extends Omit<SystemOptions, 'isFresh' | 'httpPort'> {
  readonly workload: Workload;
}

export interface OnceResult {
  readonly totals: ExpectedTotals;
  /** Live reservations, each held as it was sold. */
  readonly holds: number;
  /** Bookings. */
  readonly rows: number;
  readonly rowsPerSecond: number;
  /** Inserts and updates of the captured tables. */
  readonly rowChanges: number;
  readonly rowChangesPerSecond: number;
  /** From the first row written until the answers were right. */
  readonly seconds: number;
  readonly peakRssMb: number;
  readonly cpuSeconds: Readonly<Record<string, number>>;
  readonly bottleneck: string;
}

/** @throws CHECK_FAILED naming what differs; STACK_START and what else the parts throw. */
export async function runOnce(options: OnceOptions): Promise<OnceResult> {
  const settings = { ...everyStayCounts, ...options.settings };
  const system = await startSystem({
    ...{ ...options, settings, isFresh: true, hasTables: true, backfills: true, httpPort: 0 },
  });
  try {
    return await runLoad(system, options);
  } finally {
    await system.stop();
  }
}

/** The load, and the wait until the answers are right. @throws CHECK_FAILED naming what differs. */
export async function runLoad(system: System, options: OnceOptions): Promise<OnceResult> {
  const costs = countCosts(system, options.clock);
  const rowChanges = await feed(system, options);
  await system.application.ready(options.signal);
  const { totals, holds } = await untilRight(system, options);
  return resultOf({ totals, holds }, { rows: options.workload.rows, rowChanges }, costs());
}

function resultOf(
  found: Pick<OnceResult, 'totals' | 'holds'>,
  fed: { readonly rows: number; readonly rowChanges: number },
  costs: PartCosts,
): OnceResult {
  // The wait that proves the answers stay right is not part of the work.
  const seconds = costs.seconds - settleMs / 1_000;
  return {
    ...found,
    rows: fed.rows,
    rowsPerSecond: Math.round(fed.rows / seconds),
    rowChanges: fed.rowChanges,
    rowChangesPerSecond: Math.round(fed.rowChanges / seconds),
    seconds: rounded(seconds),
    peakRssMb: Math.round(costs.peakRssMb),
    cpuSeconds: Object.fromEntries(
      Object.entries(costs.cpuSeconds).map(([name, value]) => [name, rounded(value)]),
    ),
    bottleneck: bottleneckOf(costs),
  };
}

async function feed(system: System, options: OnceOptions): Promise<number> {
  const { workload, clock, signal } = options;
  options.progress(`load: ${workload.description}`);
  const progress = atMostEvery(progressIntervalMs, clock, (line) =>
    options.progress(`load: ${line}`),
  );
  const rowChanges = await workload.feed({
    databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl,
    ...{ clock, signal, progress },
  });
  signal.throwIfAborted();
  options.progress(`load: ${rowChanges} row changes written; waiting for the ledgers`);
  return rowChanges;
}

/** Waits until the API's answers are what the input says, and stay so. */
async function untilRight(
  system: System,
  options: OnceOptions,
): Promise<Comparison & Pick<OnceResult, 'holds'>> {
  const { clock, signal, workload } = options;
  const progress = atMostEvery(progressIntervalMs, clock, options.progress);
  let last = '';
  let changedMs = clock.monotonicMs();
  for (;;) {
    system.application.assertAlive();
    const now = await compare(system, workload).catch(notYet);
    if (now?.differences.length === 0) {
      await clock.sleep(settleMs, signal);
      const again = await compare(system, workload);
      if (again.differences.length === 0) return again;
    }
    signal.throwIfAborted();
    const text = JSON.stringify(now ?? null);
    if (text !== last) changedMs = clock.monotonicMs();
    last = text;
    if (clock.monotonicMs() - changedMs > stalledMs) throw differs(now);
    if (now !== undefined) progress(`ledgers: ${describeTotals(now.totals)}`);
    await clock.sleep(pollIntervalMs, signal);
  }
}

/** Ledgers first: while they differ, or without a guard, holds and tables need not be asked for. */
async function compare(
  system: System,
  workload: Workload,
): Promise<Comparison & Pick<OnceResult, 'holds'>> {
  const { url } = system.application;
  const ledgers = await compareWithApi(url, workload);
  if (ledgers.differences.length > 0 || !system.hasGuard) return { ...ledgers, holds: 0 };
  const databaseUrl = system.stack.endpoints.platformAdminDatabaseUrl;
  const propertyIds = workload.expectations.map(({ propertyId }) => propertyId);
  const { live, differences } = await compareHolds({ url, databaseUrl, propertyIds });
  const inTables = await compareTables(system.tablesUrl, workload, live);
  return { ...ledgers, differences: [...differences, ...inTables], holds: live };
}

function notYet(error: unknown): undefined {
  if (isRollguardError(error) && error.code === 'NOT_READY') return undefined;
  throw error;
}

function differs(now: Comparison | undefined): RollguardError {
  const reasons = now?.differences ?? ['the API answers no totals'];
  return new RollguardError(
    'CHECK_FAILED',
    `ledgers, holds or tables differ from what was loaded:\n  ${reasons.join('\n  ')}`,
  );
}

export function describeTotals(totals: ExpectedTotals): string {
  return [
    `${totals.checkout} check-outs`,
    `${totals.cancel} cancels`,
    `${totals.no_show} no-shows`,
    `${totals.nights} nights`,
    `${totals.revenue_cents} minor units`,
  ].join(', ');
}

export function atMostEvery(
  intervalMs: number,
  clock: Clock,
  print: (line: string) => void,
): (line: string) => void {
  let lastMs = -Infinity;
  return (line) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lastMs < intervalMs) return;
    lastMs = nowMs;
    print(line);
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
