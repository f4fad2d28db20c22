/** What `state verify` found, as lines for people. */
import type { GuardReport, GuardTaskReport } from './verify-guard.ts';
import type { StateReport, TaskReport } from './verify-state.ts';

export type ServiceReport =
  | ({ readonly service: 'roll'; readonly applicationId: string } & StateReport)
  | ({ readonly service: 'guard'; readonly applicationId: string } & GuardReport);

export function renderReports(reports: readonly ServiceReport[]): string {
  const lines = reports.flatMap((report) => [
    `${report.service} (${report.applicationId})`,
    ...(report.service === 'roll' ? rollLines(report) : guardLines(report)).map(
      (line) => `  ${line}`,
    ),
  ]);
  return `${lines.join('\n')}\n`;
}

function rollLines({ tasks, events, isEqual }: StateReport): readonly string[] {
  return [
    row('task', 'entries', 'store', 'changelog', 'recomputed', 'tail'),
    ...tasks.map((task) => taskRow(task, task.recomputed)),
    ...differencesOf(tasks),
    `events: ${events.events} of ${events.entries} entries, ${events.hash}; recomputed ${events.recomputed}`,
    ...events.repeated.map(
      (place) => `events: ${place} repeats what its entry's event before it said`,
    ),
    ...toldAgainLines(events),
    ...events.differing.map((id) => `events: entry ${id} differs`),
    isEqual ? 'equal: store = changelog = recomputed, every event once' : 'DIFFERENT',
  ];
}

function toldAgainLines({ toldAgain, contradicting }: StateReport['events']): readonly string[] {
  if (toldAgain === 0) return [];
  return [
    `events: ${toldAgain} more told once more on request`,
    ...contradicting.map((place) => `events: ${place}, told once more, says something else`),
  ];
}

function guardLines({ tasks, events, truncated, isEqual }: GuardReport): readonly string[] {
  return [
    row('task', 'entries', 'store', 'changelog', 'decisions', 'tail'),
    ...tasks.map((task) => taskRow(task, task.decisions ?? 'none')),
    ...differencesOf(tasks),
    ...events.map(
      ({ partition, events: count, implied, hash, impliedHash }) =>
        `events ${partition}: ${count}, ${hash}; of the decisions ${implied}, ${impliedHash}`,
    ),
    ...events.flatMap(({ partition, differing }) =>
      differing.map((problem) => `events ${partition}: ${problem}`),
    ),
    ...truncated.map((place) => `events not compared: ${place}`),
    isEqual ? 'equal: store = changelog = decisions folded, every event once' : 'DIFFERENT',
  ];
}

function taskRow(task: TaskReport | GuardTaskReport, again: string): string {
  const { entries, store = 'not here', changelog, tailRecords } = task;
  return row(task.task, String(entries), store, changelog, again, String(tailRecords));
}

function differencesOf(tasks: readonly (TaskReport | GuardTaskReport)[]): readonly string[] {
  return tasks.flatMap(({ task, differing }) =>
    differing.map((key) => `${task}: ${key}${key.endsWith('differ') ? '' : ' differs'}`),
  );
}

function row(...[task = '', entries = '', ...hashes]: readonly string[]): string {
  return [task.padEnd(12), entries.padStart(8), ...hashes.map((hash) => hash.padEnd(16))]
    .join('  ')
    .trimEnd();
}
