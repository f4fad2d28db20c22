/**
 * `availability_guard_drift_seconds`: how far apart in time the platform and the guard are, as two parts of
 * one instance see it. The streams see holds that ended late, a reconciliation those that differ still; the
 * greater one is told.
 */
import type { Gauge, Metrics } from '../../../kernel/metrics.ts';

export class GuardDrift {
  readonly #gauge: Gauge;
  #worstSeconds = 0;
  #standingSeconds = 0;

  constructor(metrics: Metrics) {
    this.#gauge = metrics.gauge({
      name: 'availability_guard_drift_seconds',
      help: "The greater of: worst of the last hour, when the guard ended a hold against when the ending command was applied; since when the oldest hold differs that the last reconciliation found to differ from the platform's rows.",
      labels: [],
    });
  }

  /** Of the last hour. */
  worst(seconds: number): void {
    this.#worstSeconds = seconds;
    this.#tell();
  }

  /** 0: nothing differs. */
  standing(seconds: number): void {
    this.#standingSeconds = seconds;
    this.#tell();
  }

  #tell(): void {
    this.#gauge.set(Math.max(this.#worstSeconds, this.#standingSeconds), {});
  }
}

const known = new WeakMap<Metrics, GuardDrift>();

/** One for all parts that count into the same metrics. */
export function guardDrift(metrics: Metrics): GuardDrift {
  const drift = known.get(metrics) ?? new GuardDrift(metrics);
  known.set(metrics, drift);
  return drift;
}
