/** The metrics port over prom-client (its only importer), rendered for Prometheus. */
import {
  Registry,
  Counter,
  Gauge,
  Histogram,
  Pushgateway,
  collectDefaultMetrics,
} from 'prom-client';
import type { Metrics } from '../kernel/metrics.ts';

export interface MetricsRegistry extends Metrics {
  /** The text that `/metrics` answers, and its content type. */
  render(): Promise<{ readonly body: string; readonly contentType: string }>;
}

export function createMetricsRegistry(): MetricsRegistry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  // Two engines of one instance count into the same metrics, told apart by a label.
  const known = (name: string): unknown => registry.getSingleMetric(name);
  return {
    counter: ({ name, help, labels = [] }) => {
      const counter =
        (known(name) as Counter | undefined) ??
        new Counter({ name, help, labelNames: labels, registers });
      return { add: (amount = 1, values = {}) => counter.inc(values, amount) };
    },
    gauge: ({ name, help, labels = [] }) => {
      const gauge =
        (known(name) as Gauge | undefined) ??
        new Gauge({ name, help, labelNames: labels, registers });
      return {
        set: (value, values = {}) => gauge.set(values, value),
        remove: (values) => gauge.remove(values),
      };
    },
    histogram: ({ name, help, labels = [], buckets }) => {
      const base = { name, help, labelNames: labels, registers };
      const histogram =
        (known(name) as Histogram | undefined) ??
        new Histogram(buckets === undefined ? base : { ...base, buckets: [...buckets] });
      return { observe: (value, values = {}) => histogram.observe(values, value) };
    },
    render: async () => ({ body: await registry.metrics(), contentType: registry.contentType }),
  };
}

/** Longer than a gateway takes; a command must not hang at its end. */
const pushTimeoutMs = 5_000;

export interface CountToPush {
  readonly name: string;
  readonly help: string;
  readonly value: number;
}

/**
 * Puts the counts of something that ran once in place of those of its last run.
 * @param url of a Pushgateway.
 * @param job the group they replace.
 */
export async function pushCounts(
  url: string,
  job: string,
  counts: readonly CountToPush[],
): Promise<void> {
  const registry = new Registry();
  for (const { name, help, value } of counts) {
    new Counter({ name, help, registers: [registry] }).inc(value);
  }
  await new Pushgateway(url, { timeout: pushTimeoutMs }, registry).push({ jobName: job });
}
