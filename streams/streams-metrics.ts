/** The engine's metrics, by the names that `docs/operations.md` explains. */
import type { Counter, Histogram, Metrics } from '../kernel/metrics.ts';
import type { FailurePolicy } from './streams-config.ts';
import { formatTaskId, type TaskId } from './task-id.ts';

export interface StreamsMetrics {
  processed(id: TaskId, records: number, durationMs: number): void;
  committed(id: TaskId, records: number, durationMs: number): void;
  restored(id: TaskId, records: number): void;
  lag(id: TaskId, records: number): void;
  /** A record that could not be used was dead-lettered or passed over. */
  recordFailed(topic: string, stage: string, policy: FailurePolicy): void;
  /** A partition waits for a record that cannot be decoded yet. */
  partitionHeld(topic: string): void;
  taskFailed(id: TaskId, code: string): void;
  /** A record's window or session is expired: the store did not take it. */
  lateRecord(id: TaskId, store: string): void;
}

const commitBucketsSeconds = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

const name = (suffix: string): string => `rollguard_streams_${suffix}`;

/** @param batchDuration seconds that each batch of records took, by the name the application gives it */
export function createStreamsMetrics(
  metrics: Metrics,
  applicationId: string,
  batchDuration?: Histogram,
): StreamsMetrics {
  const application = applicationId;
  const taskLabels = ['application', 'task'];
  const processed = metrics.counter({
    name: name('records_processed_total'),
    help: 'Input records processed.',
    labels: taskLabels,
  });
  const commits = metrics.histogram({
    name: name('commit_duration_seconds'),
    help: 'Time from the first request of a commit to its end.',
    labels: taskLabels,
    buckets: commitBucketsSeconds,
  });
  const committed = metrics.counter({
    name: name('records_committed_total'),
    help: 'Input records whose transaction committed.',
    labels: taskLabels,
  });
  const restored = metrics.counter({
    name: name('records_restored_total'),
    help: 'Changelog records replayed into stores.',
    labels: taskLabels,
  });
  const lag = metrics.gauge({
    name: name('lag_records'),
    help: 'Records on the broker that the task has not processed.',
    labels: taskLabels,
  });
  const failures = metrics.counter({
    name: name('task_failures_total'),
    help: 'Times a task dropped its memory and took ownership anew.',
    labels: [...taskLabels, 'code'],
  });
  const late = lateRecords(metrics, [...taskLabels, 'store']);
  const labels = (id: TaskId): { application: string; task: string } => ({
    application,
    task: formatTaskId(id),
  });
  return {
    processed: (id, records, durationMs) => {
      processed.add(records, labels(id));
      batchDuration?.observe(durationMs / 1_000);
    },
    committed: (id, records, durationMs) => {
      commits.observe(durationMs / 1_000, labels(id));
      committed.add(records, labels(id));
    },
    restored: (id, records) => restored.add(records, labels(id)),
    lag: (id, records) => lag.set(records, labels(id)),
    ...inputMetrics(metrics, application),
    lateRecord: (id, store) => late.add(1, { ...labels(id), store }),
    taskFailed: (id, code) => failures.add(1, { ...labels(id), code }),
  };
}

/** Of records that could not be used, or not yet. */
function inputMetrics(
  metrics: Metrics,
  application: string,
): Pick<StreamsMetrics, 'recordFailed' | 'partitionHeld'> {
  const deadLettered = metrics.counter({
    name: name('records_dead_lettered_total'),
    help: 'Records written to the dead-letter topic.',
    labels: ['application', 'topic', 'stage'],
  });
  const passedOver = metrics.counter({
    name: name('records_passed_over_total'),
    help: "Records that could not be used and whose policy is 'continue'.",
    labels: ['application', 'topic', 'stage'],
  });
  const holds = metrics.counter({
    name: name('partition_holds_total'),
    help: 'Times a partition was held because a record could not be decoded yet.',
    labels: ['application', 'topic'],
  });
  return {
    recordFailed: (topic, stage, policy) =>
      (policy === 'continue' ? passedOver : deadLettered).add(1, { application, topic, stage }),
    partitionHeld: (topic) => holds.add(1, { application, topic }),
  };
}

function lateRecords(metrics: Metrics, labels: readonly string[]): Counter {
  return metrics.counter({
    name: 'rollguard_streams_late_records_dropped_total',
    help: 'Records that a window or session store did not take: what they belong to is expired.',
    labels,
  });
}
