/** What the connectors commands print for people: settings that change, states, short traces. */
import type { ConnectorStatus, FieldProblem } from '../../connectors/connect-client.ts';
import { traceSummary } from '../../connectors/connector-health.ts';
import type { CaptureVerdict } from '../../capture/judge-capture.ts';
import type { CaptureLag, Known } from './capture-lag.ts';
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

/** Setting by setting. */
export function renderDifference({ name, action, changes }: ApplyResult): string {
  if (changes.length === 0) return lines([`${name}: equal`]);
  const title = action === 'create' ? 'missing in Connect' : 'differs';
  return lines([`${name}: ${title} (in Connect → wanted)`, ...changes.map(renderChange)]);
}

const heartbeatLateSeconds = 60;

/** How far capture is behind, with a hint where something is wrong. */
export function renderLag(slotName: string, { slot, heartbeatAgeSeconds }: CaptureLag): string {
  const ages = Object.entries(heartbeatAgeSeconds).map(([from, age]) => {
    if ('unknown' in age) return `  heartbeat (${from}): unknown: ${age.unknown}`;
    if (age.value === undefined) return `  heartbeat (${from}): none yet`;
    const hint = age.value > heartbeatLateSeconds ? '; late: do rows still flow?' : '';
    return `  heartbeat (${from}): ${age.value} s ago${hint}`;
  });
  return lines([renderSlot(slotName, slot), ...ages]);
}

/** Whether changes are missing. */
export function renderCapture(capture: Known<CaptureVerdict>): string {
  if ('unknown' in capture) return lines([`  captured changes: unknown: ${capture.unknown}`]);
  const { value } = capture;
  if (value.kind === 'none') return lines(['  captured changes: capture has not begun']);
  if (value.kind === 'ok') return lines(['  captured changes: none known to be missing']);
  const remedy = value.kind === 'gap' ? '; run `rollguard connectors recover`' : '';
  const word = value.kind === 'gap' ? 'MISSING' : 'look';
  return lines([`  captured changes: ${word} (${value.reason}): ${value.detail}${remedy}`]);
}

function renderSlot(name: string, slot: CaptureLag['slot']): string {
  if ('unknown' in slot) return `  slot ${name}: unknown: ${slot.unknown}`;
  if (slot.value === undefined) return `  slot ${name}: missing; nothing holds changes for capture`;
  const { active, lagBytes, retainedBytes, walStatus } = slot.value;
  const hint = active ? '' : '; inactive: nobody reads it, and WAL piles up';
  return `  slot ${name}: ${lagBytes} bytes behind, ${retainedBytes} bytes of WAL kept, ${walStatus}${hint}`;
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
