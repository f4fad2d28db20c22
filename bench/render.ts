/** Figures as text. */
import type { Comparison } from './measure.ts';

export function renderComparison(comparison: Comparison): string {
  const { what, runs, throughputRatio, cpuRatio } = comparison;
  const [first, second] = [...new Set(runs.map(({ side }) => side))];
  const rows = runs.map(({ side, figures }) => [
    ...[side, figures.recordsPerSecond, figures.cpuMicros],
  ]);
  const ratios = [
    `${first} / ${second}, median of pairs: ${throughputRatio} × the records/s`,
    `${cpuRatio} × the CPU a record`,
  ];
  return `${table([[what, 'records/s', 'CPU µs a record'], ...rows])}\n${ratios.join(', ')}`;
}

export function table(rows: readonly (readonly (string | number)[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  return rows
    .map((row) => row.map((cell, column) => String(cell).padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}
