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
  /** What was compared in the end. */
  readonly compared: DrillComparison;
  /** In words, one each; empty: passed. */
  readonly violations: readonly string[];
}

export interface DrillComparison {
  /** Of the tables, each with the newest that its topic says of it (V7). */
  readonly rows: number;
  /** Whose ledgers are what their rows say, entry for entry (V8). */
  readonly properties: number;
  /** Reservations that were deleted, or never were: without entries (V8). */
  readonly gone: number;
  /** Live reservations, each held once. */
  readonly holds: number;
}

export function renderDrill(report: DrillReport): string {
  const { drill, detectedSeconds, reason, recovered, settledSeconds, compared, violations } =
    report;
  const tables = (recovered?.tables ?? []).map(
    ({ table, rows, inserted, changed, deleted }) =>
      `  ${table}: ${rows} rows read, ${inserted} new, ${changed} changed, ${deleted} deleted`,
  );
  return [
    `gap found after ${shown(detectedSeconds)} (${reason || 'no reason'}), limit 30 s`,
    `recovered in ${shown(recovered?.seconds)}, reading ${recovered?.epoch ?? '-'}`,
    ...tables,
    `ledgers and holds right ${shown(settledSeconds)} later`,
    `compared: ${compared.rows} rows with their topics (V7), ledgers of ${compared.properties} properties and ${compared.gone} reservations gone (V8), ${compared.holds} holds, stores with their topics (state verify)`,
    ...violations.map((violation) => `VIOLATION ${violation}`),
    `drill ${drill}: ${violations.length === 0 ? 'PASS' : 'FAIL'}`,
    '',
  ].join('\n');
}

function shown(seconds: number | undefined): string {
  return seconds === undefined ? 'never' : `${seconds.toFixed(1)} s`;
}
