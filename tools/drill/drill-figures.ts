/** What a drill has found, and how it is printed: figures, and what is wrong. */
import type { RecoverReport } from '../../capture/recover-capture.ts';

export interface DrillReport {
  readonly drill: 'slot' | 'standby';
  /** From what was done to the database until readiness said it; undefined: it never did. */
  readonly detectedSeconds: number | undefined;
  /** As the service named it. */
  readonly reason: string;
  readonly recovered: RecoverReport | undefined;
  /** From the end of the recovery until ledgers and holds were right. */
  readonly settledSeconds: number | undefined;
  /** In words, one each; empty: passed. */
  readonly violations: readonly string[];
}

export function renderDrill(report: DrillReport): string {
  const { drill, detectedSeconds, reason, recovered, settledSeconds, violations } = report;
  const tables = (recovered?.tables ?? []).map(
    ({ table, rows, inserted, changed, deleted }) =>
      `  ${table}: ${rows} rows read, ${inserted} new, ${changed} changed, ${deleted} deleted`,
  );
  return [
    `gap found after ${shown(detectedSeconds)} (${reason || 'no reason'}), limit 30 s`,
    `recovered in ${shown(recovered?.seconds)}, reading ${recovered?.epoch ?? '-'}`,
    ...tables,
    `ledgers and holds right ${shown(settledSeconds)} later`,
    ...violations.map((violation) => `VIOLATION ${violation}`),
    `drill ${drill}: ${violations.length === 0 ? 'PASS' : 'FAIL'}`,
    '',
  ].join('\n');
}

function shown(seconds: number | undefined): string {
  return seconds === undefined ? 'never' : `${seconds.toFixed(1)} s`;
}
