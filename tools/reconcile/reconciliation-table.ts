/** A reconciliation's report as a short table for people. */
import { driftSides, type DriftRow } from '../../reconciliation/drift.ts';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';
import { amountText } from '../../reconciliation/report-page.ts';

/** Rows that are named. */
const shownMax = 20;

export function renderReconciliation(report: ReconciliationReport): string {
  const { summary, sides, drift, problem } = report;
  const shown = drift.slice(0, shownMax);
  const lines = [
    runLine(report),
    row('reservations', summary.reservations),
    row('entries that follow', summary.entries),
    row('holds', summary.holds),
    ...driftSides.flatMap((side) => {
      const { status, reason } = sides[side];
      if (status !== 'compared') {
        const words = status.replaceAll('_', ' ');
        return [`  ${side}: ${words}${reason === undefined ? '' : `: ${reason}`}`];
      }
      const { reasons, amounts, drift: count } = summary.sides[side];
      const money = amounts.length === 0 ? '' : `  ${amounts.map(amountText).join(', ')}`;
      return [
        `${row(`${side} that differ`, count)}${money}`,
        ...Object.entries(reasons).map(([name, each]) => row(`  ${name}`, each)),
      ];
    }),
    row('changing', summary.unsettled),
    row('unreadable rows', summary.unreadableRows),
    ...(problem === null ? [] : [problem]),
    ...shown.map(driftLine),
    ...(summary.drift > shown.length ? [`… and ${summary.drift - shown.length} more`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

/** A run in one line. */
export function runLine(run: Omit<ReconciliationReport, 'drift'>): string {
  const { startedAt, status, trigger, summary } = run;
  const seconds = (Date.parse(run.finishedAt) - Date.parse(startedAt)) / 1_000;
  const of = `${summary.drift} differ, ${summary.reservations} reservations`;
  return `${startedAt}  ${status.padEnd(6)}  ${of}, ${seconds.toFixed(1)} s, by ${trigger}`;
}

function driftLine({ side, reason, what, reservationId, key, amounts }: DriftRow): string {
  const money = amounts.length === 0 ? '' : `  ${amounts.map(amountText).join(', ')}`;
  const id = key === null ? '' : `  ${key}`;
  return `${side} ${reason}  ${what}  reservation ${reservationId}${id}${money}`;
}

function row(name: string, value: number): string {
  return `  ${name.padEnd(22)} ${String(value).padStart(8)}`;
}
