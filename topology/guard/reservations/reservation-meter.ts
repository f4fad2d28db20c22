/**
 * Two figures of the guard beside the platform: what became, there, of what the guard would have
 * refused; and how far apart in time the two end a stay. They are this process's own: what it saw.
 */
import type { Counter, Metrics } from '../../../kernel/metrics.ts';
import { guardDrift, type GuardDrift } from './guard-drift.ts';

/** What the platform did with a stay that the guard had a conflict for. */
export type LegacyOutcome = 'allowed' | 'refused' | 'unknown';

/** Further tenants share a label: a metric must not grow with the customers. */
const tenantsMax = 100;
const otherTenants = 'other';
const hourMs = 3_600_000;

export class ReservationMeter {
  readonly #conflicts: Counter;
  readonly #drift: GuardDrift;
  readonly #tenants = new Set<string>();
  /** Of the last hour, each greater than those after it. */
  #drifts: readonly { readonly atMs: number; readonly seconds: number }[] = [];

  constructor(metrics: Metrics) {
    this.#conflicts = metrics.counter({
      name: 'availability_guard_shadow_lock_conflicts_total',
      help: "The guard's conflicts in shadow mode, by what the platform did with the same stay.",
      labels: ['tenantId', 'legacy'],
    });
    this.#drift = guardDrift(metrics);
  }

  conflict(tenantId: string, legacy: LegacyOutcome, count = 1): void {
    this.#conflicts.add(count, { tenantId: this.#labelOf(tenantId), legacy });
  }

  drift(driftMs: number, nowMs: number): void {
    const seconds = Math.abs(driftMs) / 1_000;
    const greater = this.#drifts.filter((one) => one.seconds > seconds);
    this.#drifts = [...greater, { atMs: nowMs, seconds }];
    this.tick(nowMs);
  }

  /** Forgets what is older than an hour. */
  tick(nowMs: number): void {
    this.#drifts = this.#drifts.filter(({ atMs }) => atMs > nowMs - hourMs);
    this.#drift.worst(this.#drifts[0]?.seconds ?? 0);
  }

  #labelOf(tenantId: string): string {
    if (this.#tenants.has(tenantId)) return tenantId;
    if (this.#tenants.size >= tenantsMax) return otherTenants;
    this.#tenants.add(tenantId);
    return tenantId;
  }
}
