/** What `/metrics` says about reconciliations; labels are the sides and reasons that there are, no tenants. */
import type { Metrics } from '../kernel/metrics.ts';
import { everyReason, type ReconciliationReport } from './reconciliation-report.ts';

export interface ReconciliationMetrics {
  /** Once for each run that came to an end. */
  ended(report: ReconciliationReport): void;
  failed(): void;
}

export function reconciliationMetrics(metrics: Metrics): ReconciliationMetrics {
  const delta = metrics.counter({
    name: 'roll_service_shadow_replay_delta_total',
    help: 'Entries that a reconciliation found to differ in any way: others, missing, not expected.',
  });
  const runs = metrics.counter({
    name: 'rollguard_reconciliation_runs_total',
    help: 'Reconciliations, by how they ended: clean, drift, behind, failed.',
    labels: ['status'],
  });
  const drift = metrics.gauge({
    name: 'rollguard_reconciliation_drift',
    help: 'What differed in the last reconciliation, by side and reason.',
    labels: ['side', 'reason'],
  });
  const duration = metrics.histogram({
    name: 'rollguard_reconciliation_duration_seconds',
    help: 'Time that one reconciliation took.',
    buckets: [1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600],
  });
  const last = metrics.gauge({
    name: 'rollguard_reconciliation_last_run_timestamp_seconds',
    help: 'When the last reconciliation came to its end, seconds since 1970.',
  });
  return {
    ended: (report) => {
      const { status, summary, startedAt, finishedAt } = report;
      delta.add(summary.sides.ledger.drift);
      runs.add(1, { status });
      for (const { side, reason, count } of everyReason(summary))
        drift.set(count, { side, reason });
      const endedMs = Date.parse(finishedAt);
      duration.observe((endedMs - Date.parse(startedAt)) / 1_000);
      last.set(endedMs / 1_000);
    },
    failed: () => runs.add(1, { status: 'failed' }),
  };
}
