/** `rollguard backfill run`: one pass by hand, with its progress, or a part of the rows once more. */
import { backfillMetrics } from '../../backfill/backfill-metrics.ts';
import type { BackfillParts } from '../../backfill/backfill-options.ts';
import { assertNoFailures, runPass } from '../../backfill/backfill-pass.ts';
import { backfillLimits, openPlatform } from '../../backfill/backfill-service.ts';
import { loadCheckpoint } from '../../backfill/checkpoints.ts';
import { runFiltered } from '../../backfill/filtered-run.ts';
import { KnownVersions } from '../../backfill/known-versions.ts';
import { becomeLeader, currentLeader, describeLeader } from '../../backfill/leader-lock.ts';
import { openPublisher } from '../../backfill/publisher.ts';
import { CaptureLog } from '../../capture/capture-log.ts';
import { countRows, type RowFilter } from '../../backfill/read-rows.ts';
import { tenantsOf } from '../../backfill/tenants.ts';
import { openDatabase, type Database } from '../../database/connection.ts';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { noMetrics, type Counter } from '../../kernel/metrics.ts';
import type { Settings } from '../../kernel/settings.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { rollApplicationId } from '../../topology/roll/roll-names.ts';
import { pacedProgress } from '../paced-progress.ts';

export interface RunBackfillOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  /** Undefined: all. */
  readonly tenantIds: readonly string[] | undefined;
  /** Anything in it: only these rows, and no checkpoint is moved. */
  readonly filter: RowFilter;
  /** True: late rows of any age too. */
  readonly isSweep: boolean;
  readonly isDryRun: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface RunBackfillReport {
  readonly applicationId: string;
  readonly dryRun: boolean;
  /** Published, or those that would be: without what came late. */
  readonly rows: number;
  readonly refused: number;
  readonly seconds: number;
  readonly rowsPerSecond: number;
}

/**
 * @throws PRECONDITION_FAILED while another one leads; INTERRUPTED when the signal came; what databases and
 * Kafka throw.
 */
export async function runBackfill(options: RunBackfillOptions): Promise<RunBackfillReport> {
  const open: { close(): Promise<void> }[] = [];
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    open.push(part);
    return part;
  };
  try {
    return await runWith(options, keep);
  } finally {
    for (const part of open.toReversed()) await part.close();
  }
}

/** Remembers what is to be closed in the end. */
type Keep = <T extends { close(): Promise<void> }>(part: T) => T;

async function runWith(options: RunBackfillOptions, keep: Keep): Promise<RunBackfillReport> {
  const { settings, port, filter, isDryRun, clock, logger, signal } = options;
  const applicationId = rollApplicationId(settings);
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  const platform = keep(await openPlatform(settings.PLATFORM_DATABASE_URL));
  const publisher = keep(await openPublisher({ port, applicationId, clock }));
  const own = keep(await openOwn(settings));
  const tenantIds = options.tenantIds ?? (await tenantsOf(platform));
  const { topicId } = publisher;
  const before = { ...{ platform, own, topicId }, filter, isFiltered };
  const total = await rowsBefore(tenantIds, before);
  const report = { applicationId, dryRun: isDryRun, refused: 0, seconds: 0, rowsPerSecond: 0 };
  if (isDryRun) return { ...report, rows: total };
  const beganMs = clock.monotonicMs();
  const counts = rowCounts(progressOf(options, total));
  const { epoch } = await new CaptureLog(port, settings.PLATFORM_TOPIC_PREFIX).read();
  const parts: BackfillParts = {
    ...{ platform, publisher, clock, signal, logger, epoch },
    limits: backfillLimits(settings),
    known: new KnownVersions(),
    metrics: { ...backfillMetrics(noMetrics), rows: counts.counter },
  };
  const rows = isFiltered
    ? await runFiltered(parts, { tenantIds, filter })
    : await runAsLeader(parts, tenantIds, { ...options, own, keep });
  if (signal.aborted) {
    const message = `interrupted after ${rows} rows, all of them acknowledged; run it again to go on`;
    throw new RollguardError('INTERRUPTED', message);
  }
  const seconds = (clock.monotonicMs() - beganMs) / 1_000;
  return {
    ...{ ...report, rows, refused: counts.refused() },
    seconds: Math.round(seconds * 10) / 10,
    rowsPerSecond: Math.round(rows / Math.max(seconds, 0.001)),
  };
}

/** Counts what the metrics would, for the report. */
function rowCounts(read: (rows: number) => void): {
  readonly counter: Counter;
  readonly refused: () => number;
} {
  let refused = 0;
  return {
    counter: {
      add: (amount = 1, labels = {}) => {
        if (labels['result'] === 'refused') refused += amount;
        else read(amount);
      },
    },
    refused: () => refused,
  };
}

/** Our own database for looking, beside the session that leads. */
export function openOwn({ ROLLGUARD_DATABASE_URL: url }: Settings): Promise<Database> {
  return openDatabase({
    ...{ url, setting: 'ROLLGUARD_DATABASE_URL', applicationName: 'rollguard backfill' },
  });
}

async function runAsLeader(
  parts: BackfillParts,
  tenantIds: readonly string[],
  {
    settings,
    clock,
    isSweep,
    own,
    keep,
  }: RunBackfillOptions & {
    readonly own: Database;
    readonly keep: Keep;
  },
): Promise<number> {
  const applicationName = 'rollguard backfill run';
  const leadership = await becomeLeader({
    ...{ url: settings.ROLLGUARD_DATABASE_URL, applicationName, clock },
  });
  if (leadership === undefined) {
    const leader = await currentLeader(own);
    const who = leader === undefined ? 'another one' : describeLeader(leader);
    const message = `${who} is making the backfill; let it, or stop it first (ROLL_SERVICE_BACKFILL_ENABLED=false)`;
    throw new RollguardError('PRECONDITION_FAILED', message);
  }
  keep(leadership);
  const result = await runPass(parts, {
    ...{ leadership, tenantIds, sweepDueMs: isSweep ? Infinity : undefined },
  });
  assertNoFailures(result);
  return result.rows;
}

/** What lies before a run: an estimate, since rows come while it runs. */
async function rowsBefore(
  tenantIds: readonly string[],
  {
    platform,
    own,
    topicId,
    filter,
    isFiltered,
  }: {
    readonly platform: Database;
    readonly own: Database;
    readonly topicId: string;
    readonly filter: RowFilter;
    readonly isFiltered: boolean;
  },
): Promise<number> {
  let total = 0;
  for (const tenantId of tenantIds) {
    const after = isFiltered ? undefined : (await loadCheckpoint(own, tenantId, topicId)).position;
    total += await countRows(platform, { kind: 'forward', after, filter }, tenantId);
  }
  return total;
}

function progressOf(options: RunBackfillOptions, total: number): (rows: number) => void {
  let done = 0;
  const tell = pacedProgress(options, (rows, spentMs) => {
    const rate = (rows * 1_000) / spentMs;
    const left = Math.max(0, Math.ceil((total - rows) / rate));
    const percent = total === 0 ? 100 : Math.min(100, Math.floor((100 * rows) / total));
    return `backfill: ${rows} of about ${total} rows, ${percent} %, ${Math.round(rate)}/s, ${left} s to go`;
  });
  return (rows) => tell((done += rows));
}
