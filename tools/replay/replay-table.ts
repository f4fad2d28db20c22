/** A replay's outcome as a short table for people. */
import type {
  EntryReport,
  FieldDiff,
  ReplaySide,
  ReplaySummary,
} from '../../topology/roll/replay-report.ts';
import type { SideStatus } from '../../reconciliation/replay-side.ts';

/** Differing entries that are named. */
const shownMax = 20;
const statusWidth = 'missing_in_shadow'.length;

export interface ReplayOutcome {
  readonly title: string;
  readonly summary: ReplaySummary;
  readonly state: SideStatus;
  readonly table: SideStatus;
  readonly entries: readonly (EntryReport & { readonly reservationId?: string })[];
  /** What else has to be known to read the figures. */
  readonly notes: readonly string[];
}

export function renderReplay(outcome: ReplayOutcome): string {
  const { title, summary, entries, notes } = outcome;
  const differing = entries.filter(({ status }) => status !== 'match');
  const shown = differing.slice(0, shownMax);
  const count = summary.mismatches + summary.missingInShadow + summary.extraInShadow;
  const lines = [
    title,
    row('lifecycle rows', summary.lifecycleEvents),
    row('entries that follow', summary.derivedEntries),
    row('in the state', summary.stateEntries ?? sideText(outcome.state)),
    row('in the table', summary.shadowEntries ?? sideText(outcome.table)),
    row('match', summary.matches),
    row('differ', summary.mismatches),
    row('missing', summary.missingInShadow),
    row('not expected', summary.extraInShadow),
    row('amounts that differ', summary.financialMismatches),
    row('unreadable rows', summary.unreadableRows),
    ...notes,
    ...(shown.length === 0 ? [] : ['']),
    ...shown.flatMap(entryLines),
    ...(count > shown.length ? [`… and ${count - shown.length} more: see the report`] : []),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function entryLines(entry: ReplayOutcome['entries'][number]): readonly string[] {
  const { reservationId, status, diffs } = entry;
  const where = sidesOf(entry)
    .filter(([, each]) => each !== 'match')
    .map(([side]) => side)
    .join(' and ');
  const of = reservationId === undefined ? '' : `  reservation ${reservationId}`;
  const what = `${text(entry.rollType)} ${text(entry.rollDate)}  ${text(entry.lifecycleEventId)}`;
  return [`${status.padEnd(statusWidth)}  ${what}  ${where}${of}`, ...diffs.map(diffLine)];
}

function sidesOf({ state, table }: EntryReport): [side: ReplaySide, status: string | undefined][] {
  const sides: [ReplaySide, string | undefined][] = [
    ['state', state],
    ['table', table],
  ];
  return sides.filter(([, status]) => status !== undefined);
}

function diffLine({ side, field, expected, actual }: FieldDiff): string {
  return `  ${side} ${field}: ${text(expected)} follows, ${text(actual)} is there`;
}

function sideText({ status, reason }: SideStatus): string {
  const words = status.replaceAll('_', ' ');
  return reason === undefined ? words : `${words}: ${reason}`;
}

function row(name: string, value: number | string): string {
  return `  ${name.padEnd(20)} ${String(value).padStart(typeof value === 'number' ? 8 : 0)}`;
}

function text(value: EntryReport['rollType']): string {
  if (value === null) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
