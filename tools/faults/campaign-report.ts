/** What a campaign found, what of it must not be, and both in words. */
import type { ExpectedTotals } from '../../examples/reservation-platform/expected.ts';
import type { MixFigures } from '../load/lock-mix.ts';
import { describeTotals } from '../start/once.ts';
import type { GuardReport } from '../verify/verify-guard.ts';
import type { StateReport } from '../verify/verify-state.ts';
import type { StoreReport } from '../verify/verify-stores.ts';
import { faultKinds, type Fault } from './fault-plan.ts';
import type { RestoreSummary } from './restore-log.ts';

/** From durable things, and from what callers noted. */
export interface DurableReport {
  readonly locks: { readonly events: number; readonly violations: readonly string[] };
  /** With the stores of the first instance. */
  readonly state: StateReport;
  readonly guard: GuardReport;
  /** Of the other instances. */
  readonly stores: readonly { readonly of: string; readonly tasks: readonly StoreReport[] }[];
  readonly restores: readonly ({ readonly of: string } & RestoreSummary)[];
  /** The Roll Service's state after every state folder was deleted and one restored from the changelogs. */
  readonly stateAfterLoss: StateReport;
}

export interface CampaignReport extends DurableReport {
  readonly seed: number;
  readonly faults: readonly Fault[];
  readonly totals: ExpectedTotals;
  /** From the first fault's delay until every figure was right. */
  readonly seconds: number;
  /** That were written and compared. */
  readonly workloads: number;
  /** That were cut off: they are part of the recomputation alone. */
  readonly abandoned: readonly string[];
  readonly callers:
    | (MixFigures & {
        /** Requests. */
        readonly attempts: number;
        /** Of those, the ones to be asked again. */
        readonly unanswered: number;
        /** What instances said that had stood still, by kind. */
        readonly ofZombies: Readonly<Record<string, number>>;
      })
    | undefined;
  /** Empty: everything held. */
  readonly violations: readonly string[];
}

export function violationsOf({
  restores,
  locks,
  state,
  guard,
  stores,
  stateAfterLoss,
}: DurableReport): string[] {
  return [
    ...locks.violations.map((violation) => `locks: ${violation}`),
    ...restores.flatMap(({ of, beyondTail }) =>
      beyondTail.map((restore) => `${of}: more than the tail was restored: ${restore}`),
    ),
    ...problemsOf('after the faults', state),
    ...[...guard.tasks, ...guard.events].flatMap(({ differing }) =>
      differing.map((problem) => `the guard: ${problem}`),
    ),
    ...stores.flatMap(({ of, tasks }) =>
      tasks.flatMap(({ task, differing }) =>
        differing.map((key) => `${of}: ${task}: ${key} is not as the changelog says`),
      ),
    ),
    ...problemsOf('after every state folder was lost', stateAfterLoss),
    ...stateAfterLoss.tasks
      .filter(({ task, store }) => store !== changelogOf(state, task))
      .map(({ task }) => `${task}: what was restored has another hash than the changelog before`),
  ];
}

function changelogOf({ tasks }: StateReport, name: string): string | undefined {
  return tasks.find(({ task }) => task === name)?.changelog;
}

function problemsOf(when: string, { tasks, events }: StateReport): string[] {
  return [
    ...tasks.flatMap(({ task, differing }) =>
      differing.map((key) => `${when}: ${task}: ${key} differs`),
    ),
    ...events.repeated.map((place) => `${when}: event ${place} repeats the one before it`),
    ...events.contradicting.map(
      (place) => `${when}: event ${place}, told once more, says something else`,
    ),
    ...events.differing.map((id) => `${when}: events of entry ${id} differ from the recomputation`),
  ];
}

export function renderCampaign(report: CampaignReport): string {
  const { seed, faults, totals, seconds, workloads, state, guard, stores, violations } = report;
  const lines = [
    `seed       ${seed}: ${faults.length} faults in ${seconds} s`,
    `faults     ${countsOf(faults)}`,
    `rows       ${workloads} workloads, ${report.abandoned.length} cut off; ${describeTotals(totals)}`,
    ...callerLines(report),
    ...report.restores.map(
      ({ of, restores, recordsTotal, recordsMax }) =>
        `restores   ${of}: ${restores}, ${recordsTotal} records in all, at most ${recordsMax} at once`,
    ),
    ...state.tasks.map(
      ({ task, store, changelog, recomputed }) =>
        `${task.padEnd(10)} store ${store ?? 'not here'}, changelog ${changelog}, recomputed ${recomputed}`,
    ),
    ...guard.tasks.map(
      ({ task, store, changelog, decisions }) =>
        `${task.padEnd(10)} store ${store ?? 'not here'}, changelog ${changelog}, decisions ${decisions ?? 'none'}`,
    ),
    ...stores.map(
      ({ of, tasks }) =>
        `stores     ${of}: ${tasks.filter(({ differing }) => differing.length === 0).length} of ${tasks.length} as their changelogs say`,
    ),
    `events     ${state.events.events} of ${state.events.entries} entries, ${state.events.repeated.length} repeated`,
    ...violations.map((violation) => `VIOLATION  ${violation}`),
    violations.length === 0
      ? "all invariants hold: nothing sold twice, every zombie's grant withheld, no input skipped or applied twice"
      : `${violations.length} violations`,
  ];
  return `${lines.join('\n')}\n`;
}

function callerLines({ callers, locks }: CampaignReport): readonly string[] {
  if (callers === undefined) return [];
  const { changes, releases, repeats, conflicts, attempts, unanswered, ofZombies } = callers;
  const zombies = Object.entries(ofZombies).map(([kind, count]) => `${count} ${kind}`);
  return [
    `callers    ${callers.locks} locks, ${changes} changes, ${releases} releases, ${repeats} repeats; ${conflicts} conflicts`,
    `requests   ${attempts}, ${unanswered} without an answer; of instances that had stood still: ${zombies.join(', ') || 'none'}`,
    `holds      ${locks.events} events, each answered grant among them: ${locks.violations.length === 0 ? 'yes' : 'NO'}`,
  ];
}

function countsOf(faults: readonly Fault[]): string {
  return faultKinds
    .map((kind) => ({ kind, count: faults.filter((fault) => fault.kind === kind).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`)
    .join(', ');
}
