/**
 * One reconciliation from its settings to its report: opens the two databases, sees what there is to be
 * compared, compares, and keeps what came out in our own Postgres. A run that fails is kept too.
 */
import { openPlatform as openPlatformDatabase } from '../backfill/backfill-service.ts';
import { tenantsOf } from '../backfill/tenants.ts';
import type { Database } from '../database/connection.ts';
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError, messageOf } from '../kernel/errors.ts';
import type { Random } from '../kernel/random.ts';
import type { Settings } from '../kernel/settings.ts';
import { guardApplicationId, inventoryEventsTopic } from '../topology/guard/guard-names.ts';
import { hasPayments } from './payment-drift.ts';
import { openPlatform, type Platform } from './platform-rows.ts';
import { kafkaPipeline, type KafkaPipelineOptions } from './kafka-pipeline.ts';
import { reconcile } from './reconcile.ts';
import {
  DriftTally,
  type ComparedSide,
  type ReconciliationReport,
  type ReconciliationScope,
  type RunStatus,
} from './reconciliation-report.ts';
import type { ReplaySources } from './replay-reservations.ts';
import { replaySide, unreadSide } from './replay-side.ts';
import { saveRun } from './run-store.ts';
import { ledgerTable, type LedgerTable } from './table-side.ts';

export interface RunReconciliationOptions {
  readonly settings: Settings;
  readonly trigger: ReconciliationReport['trigger'];
  readonly scope: ReconciliationScope;
  readonly wants: WantedSides;
  /** The service's state, and what it says of properties; undefined: it is not asked. */
  readonly state: ReplaySources['state'] | undefined;
  readonly serviceProperty: ReplaySources['serviceProperty'];
  /** By which it is known what is on its way; undefined: the time between two looks has to do. */
  readonly kafka: Pick<KafkaPipelineOptions, 'port' | 'registry'> | undefined;
  /** Our own Postgres, migrated. */
  readonly database: Database;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

export interface WantedSides {
  readonly ledger: boolean;
  readonly locks: boolean;
  readonly payments: boolean;
}

/**
 * Few: whoever calls the instance meanwhile waits for a page. 500 kept the event loop for 120 ms at a time, 50 keep
 * it for 18-34 ms and take a tenth longer in all (`npm run bench -- reconciliation`).
 */
const pageSize = 50;
const rowsKeptMax = 10_000;
const dayMs = 86_400_000;
const applicationName = 'rollguard reconciliation';

/** @throws what the databases throw, and INTERRUPTED; the run is kept as failed before. */
export async function runReconciliation(
  options: RunReconciliationOptions,
): Promise<ReconciliationReport> {
  const { settings, clock, random, database } = options;
  const startedAt = isoTime(clock.nowMs());
  const head = { runId: random.uuid(), trigger: options.trigger, startedAt, scope: options.scope };
  const table = ledgerTable(settings.ROLLGUARD_DATABASE_URL, applicationName);
  let platform: Platform | undefined;
  try {
    platform = await openPlatform(settings.PLATFORM_DATABASE_URL, applicationName);
    const compared = await compare(options, { platform, table });
    const report = { ...head, ...compared, finishedAt: isoTime(clock.nowMs()) };
    await saveRun(database, report);
    return report;
  } catch (error) {
    if (isRollguardError(error, 'INTERRUPTED')) throw error;
    const failed = { ...head, ...failure(error), finishedAt: isoTime(clock.nowMs()) };
    await saveRun(database, failed).catch(() => undefined);
    throw error;
  } finally {
    await platform?.close();
    await table.close();
  }
}

type Compared = Pick<ReconciliationReport, 'status' | 'sides' | 'summary' | 'drift' | 'problem'>;

async function compare(
  options: RunReconciliationOptions,
  { platform, table }: { readonly platform: Platform; readonly table: LedgerTable },
): Promise<Compared> {
  const { settings, scope, clock, signal, progress, kafka, wants } = options;
  const tenantIds = scope.tenantIds ?? (await everyTenant(settings, table));
  const sides = await sidesOf(options, { platform, table, tenantIds });
  const sources: ReplaySources = {
    table: wants.ledger
      ? replaySide((expected) => table.read(expected))
      : unreadSide({ status: 'left_out' }),
    state: options.state ?? unreadSide({ status: 'left_out' }),
    lastClosedDate: undefined,
    serviceProperty: options.serviceProperty,
  };
  const retentionMs = settings.LOCK_IDEMPOTENCY_RETENTION_DAYS * dayMs;
  const isCompared = ({ status }: ComparedSide): boolean => status === 'compared';
  const { propertyId, from, to } = scope;
  const query: LedgerTable['query'] = (text, values) => table.query(text, values);
  const [hasLedger, hasLocks] = [wants.ledger, isCompared(sides.locks)];
  const pipeline = kafka && kafkaPipeline({ ...kafka, settings, query, hasLedger, hasLocks });
  const { summary, drift, isBehind } = await reconcile({
    ...{ platform, sources, tenantIds, pageSize, rowsKeptMax, pipeline, clock, signal, progress },
    ...{ query, hasLocks },
    hasPayments: isCompared(sides.payments),
    heldAfterMs: () => clock.nowMs() - retentionMs,
    own: { query, hasLedger, hasHolds: hasLocks },
    range: {
      ...{ propertyId: propertyId ?? undefined, from: from ?? undefined, to: to ?? undefined },
    },
    graceMs: settings.RECONCILIATION_GRACE_MS,
    behindAfterMs: settings.RECONCILIATION_BEHIND_AFTER_MS,
  });
  const problem = isBehind
    ? `what the platform had written was not stored within ${settings.RECONCILIATION_BEHIND_AFTER_MS} ms (RECONCILIATION_BEHIND_AFTER_MS): ${summary.unsettled} reservations that differ may be on their way`
    : null;
  return { status: statusOf(summary.drift, isBehind), sides, summary, drift, problem };
}

function statusOf(drift: number, isBehind: boolean): RunStatus {
  if (drift > 0) return 'drift';
  return isBehind ? 'behind' : 'clean';
}

/** Those of the platform, and those that only our tables know of. */
async function everyTenant(settings: Settings, table: LedgerTable): Promise<readonly string[]> {
  const platform = await openPlatformDatabase(settings.PLATFORM_DATABASE_URL);
  const ids = new Set(await tenantsOf(platform).finally(() => platform.close()));
  for (const name of ['roll_service_shadow_ledgers', 'inventory_locks_shadow']) {
    for (const row of await table.query(tenantsIn(name), [])) ids.add(String(row['id']));
  }
  return [...ids].sort();
}

/** One step of an index for each tenant, whatever the number of rows. */
function tenantsIn(name: string): string {
  return `WITH RECURSIVE found AS (
      (SELECT tenant_id FROM ${name} ORDER BY tenant_id LIMIT 1)
      UNION ALL
      SELECT (SELECT t.tenant_id FROM ${name} t WHERE t.tenant_id > found.tenant_id
              ORDER BY t.tenant_id LIMIT 1)
      FROM found WHERE found.tenant_id IS NOT NULL)
    SELECT tenant_id AS id FROM found WHERE tenant_id IS NOT NULL`;
}

async function sidesOf(
  { settings, wants, state }: RunReconciliationOptions,
  parts: {
    readonly platform: Platform;
    readonly table: LedgerTable;
    readonly tenantIds: readonly string[];
  },
): Promise<ReconciliationReport['sides']> {
  return {
    ledger: sideOf(wants.ledger),
    state: sideOf(state !== undefined),
    locks: await locksSide(settings, wants, parts.table),
    payments: await paymentsSide(wants, parts),
  };
}

function sideOf(isWanted: boolean): ComparedSide {
  return { status: isWanted ? 'compared' : 'left_out' };
}

/** A Roll Service alone has no holds: nobody writes the table then. */
async function locksSide(
  settings: Settings,
  { locks }: WantedSides,
  table: LedgerTable,
): Promise<ComparedSide> {
  if (!locks) return { status: 'left_out' };
  const topic = inventoryEventsTopic(settings);
  const group = `${guardApplicationId(settings)}-projector`;
  const rows = await table.query(
    'SELECT FROM roll_service_consumer_offsets WHERE consumer_group = $1 AND topic = $2 LIMIT 1',
    [group, topic],
  );
  if (rows.length > 0) return { status: 'compared' };
  return { status: 'not_captured', reason: `${group} has never written inventory_locks_shadow` };
}

async function paymentsSide(
  { payments }: WantedSides,
  { platform, tenantIds }: { readonly platform: Platform; readonly tenantIds: readonly string[] },
): Promise<ComparedSide> {
  if (!payments) return { status: 'left_out' };
  const isThere = await platform.snapshot(tenantIds[0] ?? '', (tables) => hasPayments(tables));
  if (isThere) return { status: 'compared' };
  const reason = 'the platform has no table payments that PLATFORM_DATABASE_URL may read';
  return { status: 'not_captured', reason };
}

function failure(error: unknown): Compared {
  const none = { tenants: 0, reservations: 0, entries: 0, holds: 0, charged: 0 };
  const summary = new DriftTally(0).summary({ ...none, unsettled: 0, unreadableRows: 0 }, 0);
  const leftOut = sideOf(false);
  const sides = { ledger: leftOut, state: leftOut, locks: leftOut, payments: leftOut };
  return { status: 'failed', sides, summary, drift: [], problem: messageOf(error) };
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
