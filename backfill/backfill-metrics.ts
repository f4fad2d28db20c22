/** What `/metrics` says about the backfill. */
import type { Counter, Gauge, Histogram, Metrics } from '../kernel/metrics.ts';

export interface BackfillMetrics {
  readonly batches: Counter;
  /** result: read, refused (to the dead letters). */
  readonly rows: Counter;
  readonly batchSeconds: Histogram;
  readonly errors: Counter;
  /** Seconds since 1970. */
  readonly checkpoint: Gauge;
}

export function backfillMetrics(metrics: Metrics): BackfillMetrics {
  return {
    batches: metrics.counter({
      name: 'roll_service_backfill_batches_total',
      help: 'Batches of rows that the backfill has published.',
    }),
    rows: metrics.counter({
      name: 'roll_service_backfill_rows_total',
      help: 'Rows that the backfill has read and published, and those that it put to the dead letters.',
      labels: ['result'],
    }),
    batchSeconds: metrics.histogram({
      name: 'roll_service_backfill_batch_duration_seconds',
      help: 'From the read of a batch to its acknowledgement by Kafka.',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    }),
    errors: metrics.counter({
      name: 'roll_service_backfill_errors_total',
      help: "Passes that failed, each tenant's for itself.",
    }),
    checkpoint: metrics.gauge({
      name: 'roll_service_backfill_checkpoint_timestamp',
      help: 'When the last row was created at which a checkpoint stands, seconds since 1970.',
    }),
  };
}
