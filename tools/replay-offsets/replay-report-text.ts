/** A replay, or its plan, as lines for people. */
import { partitionName } from '../../streams/kafka/partition-name.ts';
import type { ReplayPlan } from './replay-plan.ts';
import type { ReplayReport } from './replay-offsets.ts';

export function renderReplayReport(report: ReplayReport): string {
  const lines = report.outcome === 'replayed' ? replayedLines(report) : planLines(report);
  return `${lines.join('\n')}\n`;
}

function planLines({ outcome, applicationId, replayId, plan }: ReplayReport): readonly string[] {
  const head =
    outcome === 'would-replay'
      ? `${applicationId} would be replayed: ${plan.why}`
      : `${applicationId}: replay ${replayId} is not complete and would go on (${plan.why})`;
  return [
    head,
    ...partitionLines(plan),
    `  ${plan.again} offsets are read again${plan.skipped > 0 ? `, ${plan.skipped} NEVER READ` : ''}`,
    plan.cleared.length === 0
      ? '  nothing is cleared'
      : `  made anew: ${plan.cleared.join(', ')}, and the state in them`,
    `  written: ${plan.emits}`,
    'nothing was changed; --execute does it',
  ];
}

function partitionLines({ partitions }: ReplayPlan): readonly string[] {
  const moved = partitions.filter(({ now, then }) => now !== then);
  const width = Math.max(0, ...moved.map((each) => partitionName(each).length));
  const still = partitions.length - moved.length;
  return [
    ...moved.map((each) => {
      const clipped =
        each.clippedFrom === undefined ? '' : `  (${each.clippedFrom} is not there: clipped)`;
      const name = partitionName(each).padEnd(width);
      return `  ${name}  ${each.now} -> ${each.then}${clipped}`;
    }),
    ...(still === 0 ? [] : [`  ${still} partitions stay where they are`]),
  ];
}

function replayedLines(report: ReplayReport): readonly string[] {
  const { applicationId, replayId, plan, emitted, notes, before, after, spentMs } = report;
  const hashes = after.map(({ task, entries, hash }) => {
    const old = before.find((each) => each.task === task)?.hash;
    const verdict = old === hash ? 'as before' : `before ${old ?? 'nothing'}`;
    return `  ${task}  ${entries} entries  ${hash}  ${verdict}`;
  });
  const isSame = JSON.stringify(before) === JSON.stringify(after);
  return [
    `${applicationId} was replayed (${replayId}): ${plan.again} offsets in ${Math.round(spentMs / 1_000)} s`,
    ...hashes,
    `  ${emitted} differences written to outputs`,
    ...notes.map((note) => `  ${note}`),
    isSame ? 'the state is that of before' : 'the state is ANOTHER than before',
  ];
}
