/**
 * The last runs in our own Postgres: `rollguard_reconciliation_runs` and the rows that differed. A run is
 * written whole when it is over; the oldest go.
 */
import type { Database } from '../database/connection.ts';
import type { DriftRow } from './drift.ts';
import { DriftTally, type ReconciliationReport } from './reconciliation-report.ts';

export const runsKeptMax = 100;
const rowsPerInsert = 1_000;

export async function saveRun(
  database: Database,
  { drift, ...report }: ReconciliationReport,
): Promise<void> {
  await database.transaction(async () => {
    const { runId, trigger, status, startedAt, finishedAt, summary } = report;
    await database.query(
      `INSERT INTO rollguard_reconciliation_runs
         (run_id, trigger, status, started_at, finished_at, drift, report)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [runId, trigger, status, startedAt, finishedAt, summary.drift, JSON.stringify(report)],
    );
    for (let at = 0; at < drift.length; at += rowsPerInsert) {
      await insertDrift(database, runId, at, drift.slice(at, at + rowsPerInsert));
    }
    await database.query(
      `DELETE FROM rollguard_reconciliation_runs WHERE run_id IN (
         SELECT run_id FROM rollguard_reconciliation_runs
         ORDER BY started_at DESC, run_id OFFSET ${runsKeptMax})`,
    );
  });
}

/** The newest runs, without their rows. */
export async function lastRuns(
  database: Pick<Database, 'query'>,
  limit: number,
): Promise<readonly Omit<ReconciliationReport, 'drift'>[]> {
  const { rows } = await database.query(
    `SELECT report FROM rollguard_reconciliation_runs
     ORDER BY started_at DESC, run_id LIMIT $1`,
    [limit],
  );
  return rows.map(reportOf);
}

/** When the last run by schedule began that came to an end, milliseconds since 1970. */
export async function lastScheduledMs(database: Database): Promise<number | undefined> {
  const { rows } = await database.query(
    `SELECT (extract(epoch FROM max(started_at)) * 1000)::float8 AS at
     FROM rollguard_reconciliation_runs WHERE trigger = 'schedule'`,
  );
  const at = rows[0]?.['at'];
  return typeof at === 'number' ? at : undefined;
}

/** The newest run, with the rows that are one tenant's, and of its sides what these come to. */
export async function lastReport(
  database: Pick<Database, 'query'>,
  tenantId: string,
): Promise<ReconciliationReport | undefined> {
  const [report] = await lastRuns(database, 1);
  if (report === undefined) return undefined;
  const { rows } = await database.query(
    `SELECT drift_row FROM rollguard_reconciliation_drift
     WHERE run_id = $1 AND tenant_id::text = $2 ORDER BY ordinal`,
    [report.runId, tenantId],
  );
  const tally = new DriftTally(rows.length);
  for (const row of rows) tally.add(JSON.parse(String(row['drift_row'])) as DriftRow);
  const summary = tally.summary(report.summary, Date.parse(report.finishedAt));
  const { status } = report;
  return {
    ...{ ...report, summary, drift: tally.rows },
    // Of others nothing is told.
    status: status === 'drift' && summary.drift === 0 ? 'clean' : status,
    scope: { ...report.scope, tenantIds: [tenantId] },
  };
}

async function insertDrift(
  database: Database,
  runId: string,
  firstOrdinal: number,
  rows: readonly DriftRow[],
): Promise<void> {
  await database.query(
    `INSERT INTO rollguard_reconciliation_drift
       (run_id, ordinal, side, reason, tenant_id, property_id, reservation_id, drift_row)
     SELECT $1, $2::integer + at - 1, r ->> 'side', r ->> 'reason', (r ->> 'tenantId')::uuid,
            (r ->> 'propertyId')::uuid, (r ->> 'reservationId')::uuid, r
     FROM jsonb_array_elements($3::jsonb) WITH ORDINALITY AS rows (r, at)`,
    [runId, firstOrdinal, JSON.stringify(rows)],
  );
}

function reportOf(row: Readonly<Record<string, unknown>>): Omit<ReconciliationReport, 'drift'> {
  return JSON.parse(String(row['report'])) as Omit<ReconciliationReport, 'drift'>;
}
