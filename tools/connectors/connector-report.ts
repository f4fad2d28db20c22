/** What the connectors commands print for people: settings that change, states, short traces. */
import type { ConnectorStatus, FieldProblem } from '../../connectors/connect-client.ts';
import { traceSummary } from '../../connectors/connector-health.ts';
import type { ApplyResult, SettingChange } from '../../connectors/reconcile.ts';

/** What was done about one connector, and how it is now. */
export function renderApplied({ name, action, changes, status }: ApplyResult): string {
  return lines([`${name}: ${action}`, ...changes.map(renderChange), ...renderParts(status)]);
}

/** How one connector is. */
export function renderStatus(name: string, status: ConnectorStatus | undefined): string {
  if (status === undefined) {
    return lines([`${name}: missing; create it with \`rollguard connectors apply\``]);
  }
  return lines([name, ...renderParts(status)]);
}

export function renderProblems(problems: readonly FieldProblem[]): string {
  return lines(problems.map(({ field, message }) => `${field}: ${message}`));
}

function renderChange({ setting, actual, desired }: SettingChange): string {
  return `  ${setting}: ${actual ?? '(not set)'} → ${desired ?? '(not set)'}`;
}

function renderParts(status: ConnectorStatus | undefined): readonly string[] {
  if (status === undefined) return [];
  const tasks = status.tasks.map((task) => ({ ...task, title: `task ${task.id}` }));
  const parts = [{ ...status.connector, title: 'connector' }, ...tasks];
  const noTask = tasks.length === 0 ? ['  no task: nothing is captured'] : [];
  return [
    ...parts.flatMap(({ title, state, worker, trace }) => [
      `  ${title} ${state} on ${worker}`,
      ...(trace === undefined ? [] : traceSummary(trace).map((line) => `    ${line}`)),
    ]),
    ...noTask,
  ];
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
