/** Metrics that a test can read: sums of counters, last values of gauges, counts of histograms. */
import type {
  Counter,
  Gauge,
  Histogram,
  Labels,
  MetricOptions,
  Metrics,
} from '../../kernel/metrics.ts';

export class Figures implements Metrics {
  readonly values = new Map<string, number>();

  counter({ name }: MetricOptions): Counter {
    return {
      add: (amount = 1, labels: Labels = {}) => {
        const key = keyOf(name, labels);
        this.values.set(key, (this.values.get(key) ?? 0) + amount);
      },
    };
  }

  gauge({ name }: MetricOptions): Gauge {
    return {
      set: (value: number, labels: Labels = {}) => void this.values.set(keyOf(name, labels), value),
      remove: (labels: Labels) => void this.values.delete(keyOf(name, labels)),
    };
  }

  histogram({ name }: MetricOptions): Histogram {
    return {
      observe: (_value: number, labels: Labels = {}) => {
        const key = keyOf(name, labels);
        this.values.set(key, (this.values.get(key) ?? 0) + 1);
      },
    };
  }

  of(name: string): Readonly<Record<string, number>> {
    return Object.fromEntries(
      [...this.values]
        .filter(([key]) => key.startsWith(name))
        .map(([key, value]) => [key.slice(name.length + 1), value]),
    );
  }
}

function keyOf(name: string, labels: Labels): string {
  return `${name} ${Object.values(labels).join(' ')}`.trim();
}
