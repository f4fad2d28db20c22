import { describe, expect, test } from '@jest/globals';
import type { DriftReason, DriftRow } from '../../reconciliation/drift.ts';
import { reconciliationMetrics } from '../../reconciliation/reconciliation-metrics.ts';
import {
  DriftTally,
  type ReconciliationReport,
} from '../../reconciliation/reconciliation-report.ts';
import { guardDrift } from '../../topology/guard/reservations/guard-drift.ts';
import { Figures } from '../support/figures.ts';

const counts = { tenants: 1, reservations: 1, entries: 1, holds: 1, charged: 0 };

function reportOf(...reasons: readonly DriftReason[]): ReconciliationReport {
  const tally = new DriftTally(10);
  for (const reason of reasons) {
    const side = reason === 'missing_hold' ? 'locks' : 'ledger';
    tally.add({ side, reason, amounts: [], sinceMs: 1_000 } as unknown as DriftRow);
  }
  return {
    status: reasons.length > 0 ? 'drift' : 'clean',
    ...{ startedAt: '2026-05-01T00:00:00.000Z', finishedAt: '2026-05-01T00:00:02.000Z' },
    summary: tally.summary({ ...counts, unsettled: 0, unreadableRows: 0 }, 61_000),
  } as unknown as ReconciliationReport;
}

describe('the metrics of reconciliations', () => {
  test('grow by the entries that differ, once a run, and show what differed in the last', () => {
    const figures = new Figures();
    const metrics = reconciliationMetrics(figures);
    const delta = (): unknown => figures.of('roll_service_shadow_replay_delta_total');
    metrics.ended(reportOf('missing', 'missing', 'extra', 'missing_hold'));
    const first = JSON.stringify(delta());
    const drift = JSON.stringify(figures.of('rollguard_reconciliation_drift'));
    metrics.ended(reportOf());

    expect(first).toContain('3');
    expect(JSON.stringify(delta())).toBe(first);
    expect(drift).toMatch(/missing[^:]*:2/);
    expect(JSON.stringify(figures.of('rollguard_reconciliation_drift'))).not.toMatch(/:[1-9]/);
  });

  test('a hold that differs says since when, and nothing that differs says none', () => {
    expect(reportOf('missing_hold').summary.lockDriftSeconds).toBe(60);
    expect(reportOf('missing').summary.lockDriftSeconds).toBe(0);
  });

  test("the guard's drift is the greater of what the streams saw and of what still differs", () => {
    const figures = new Figures();
    const name = 'availability_guard_drift_seconds';
    const value = (): number | undefined => Object.values(figures.of(name))[0];
    guardDrift(figures).worst(2);
    guardDrift(figures).standing(60);
    const both = value();
    guardDrift(figures).standing(0);

    expect([both, value()]).toEqual([60, 2]);
  });
});
