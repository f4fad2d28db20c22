/** What a projector tells of itself. */
import type { Metrics } from '../kernel/metrics.ts';
import type { TopicPartition } from '../streams/kafka/port.ts';
import type { WrittenRows } from './projection.ts';

export interface ProjectorMetrics {
  /** False: Postgres or Kafka keeps it from applying anything. */
  running(isRunning: boolean): void;
  lag(partition: TopicPartition, records: number): void;
  written(rows: readonly WrittenRows[]): void;
  deadLettered(topic: string, records: number): void;
  /** A batch found the table elsewhere: it was somebody else's. */
  refused(topic: string): void;
  /** Records were deleted from the topic before they were applied. */
  gap(topic: string): void;
  failed(code: string): void;
}

export function projectorMetrics(metrics: Metrics, group: string): ProjectorMetrics {
  const name = (suffix: string): string => `rollguard_projector_${suffix}`;
  const counter = (suffix: string, help: string, labels: readonly string[]) =>
    metrics.counter({ name: name(suffix), help, labels: ['group', ...labels] });
  const running = metrics.gauge({
    name: name('running'),
    help: '1: applies what comes; 0: waits for Postgres or Kafka.',
    labels: ['group'],
  });
  const lag = metrics.gauge({
    name: name('lag_records'),
    help: 'Records on the broker that the tables do not show.',
    labels: ['group', 'topic', 'partition'],
  });
  const rows = counter('rows_total', 'Rows written to Postgres.', ['table', 'operation']);
  const dead = counter('records_dead_lettered_total', 'Records no table could take.', ['topic']);
  const refused = counter('batches_refused_total', 'Batches that somebody else had applied.', [
    'topic',
  ]);
  const gaps = counter('gaps_total', 'Times records were gone before they were applied.', [
    'topic',
  ]);
  const failures = counter('failures_total', 'Times it began anew, by reason.', ['code']);
  return {
    running: (isRunning) => running.set(Number(isRunning), { group }),
    lag: ({ topic, partition }, records) => lag.set(records, { group, topic, partition }),
    written: (written) => {
      for (const { table, operation, count } of written) {
        if (count > 0) rows.add(count, { group, table, operation });
      }
    },
    deadLettered: (topic, records) => dead.add(records, { group, topic }),
    refused: (topic) => refused.add(1, { group, topic }),
    gap: (topic) => gaps.add(1, { group, topic }),
    failed: (code) => failures.add(1, { group, code }),
  };
}
