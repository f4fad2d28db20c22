/**
 * Kills parts of the whole system in the middle of a load, starts them again, and asks afterwards, from
 * durable things only, whether anything was lost, counted twice or blocked.
 */
import { rmSync } from 'node:fs';
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import { compareWithApi, type Comparison } from '../start/comparison.ts';
import { startSystem, type System, type SystemOptions } from '../start/system.ts';
import type { Workload } from '../start/workload.ts';
import { verifyGuardOf, verifySystem } from './verify-system.ts';
import type { GuardReport } from '../verify/verify-guard.ts';
import type { StateReport } from '../verify/verify-state.ts';
import { planFaults, type Fault, type FaultCounts } from './fault-plan.ts';
import { readRestores, summarise, type RestoreSummary } from './restore-log.ts';

export interface CampaignOptions extends Omit<SystemOptions, 'isFresh' | 'httpPort'> {
  readonly workload: Workload;
  readonly seed: number;
  readonly faults: FaultCounts;
  readonly meanDelayMs: number;
  /** False: the stack that runs, with what it holds. */
  readonly isFresh: boolean;
}

export interface CampaignReport {
  readonly seed: number;
  readonly kills: readonly Fault[];
  readonly restores: RestoreSummary;
  readonly totals: Comparison['totals'];
  /** From the load's first row until every figure was right. */
  readonly seconds: number;
  readonly state: StateReport;
  readonly guard: GuardReport;
  /** The Roll Service's state after the state folder was deleted and restored from the changelogs alone. */
  readonly stateAfterLoss: StateReport;
  /** Empty: everything held. */
  readonly violations: readonly string[];
}

const pollMs = 500;
const feedRetryMs = 500;
const stalledMs = 90_000;

/** @throws CHECK_FAILED when the figures do not become right; what the parts throw. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { clock, workload, seed, progress } = options;
  const system = await startSystem({ ...options, httpPort: 0 });
  try {
    const startedMs = clock.monotonicMs();
    const kills = planFaults(seed, options.faults, options.meanDelayMs);
    progress(`faults: seed ${seed}, ${kills.length} kills; load: ${workload.description}`);
    const run = { system, options, isOver: false };
    const feeding = feedThrough(run);
    feeding.catch(() => undefined);
    for (const kill of kills) await inject(kill, run);
    await feeding;
    await system.application.ready(options.signal);
    const { totals } = await untilRight(system, options);
    const seconds = Math.round((clock.monotonicMs() - startedMs) / 1_000);
    await system.application.stop();
    const state = await verifySystem(system, options);
    const guard = await verifyGuardOf(system, options);
    const restores = summarise(readRestores(system.applicationLog));
    const stateAfterLoss = await loseState(system, options);
    const report = { seed, kills, restores, totals, seconds, state, guard, stateAfterLoss };
    return { ...report, violations: violationsOf(report) };
  } finally {
    await system.stop();
  }
}

interface Run {
  readonly system: System;
  readonly options: CampaignOptions;
}

/** The load goes on where it stopped when Postgres was killed below it. */
async function feedThrough({ system, options }: Run): Promise<void> {
  const { clock, signal, workload, progress } = options;
  for (;;) {
    try {
      const databaseUrl = system.stack.endpoints.platformAdminDatabaseUrl;
      await workload.feed({ databaseUrl, clock, signal, progress: () => undefined });
      progress('faults: the load is written');
      return;
    } catch (error) {
      if (signal.aborted || options.faults.postgres === 0) throw error;
      progress(`faults: the load was cut off (${messageOf(error)}), going on`);
      await clock.sleep(feedRetryMs, signal);
    }
  }
}

async function inject({ afterMs, target }: Fault, { system, options }: Run): Promise<void> {
  const { clock, signal, progress } = options;
  // One that has not taken over yet has nothing in its hands that a kill could tear.
  if (target === 'application') await system.application.ready(signal);
  await clock.sleep(afterMs, signal);
  signal.throwIfAborted();
  progress(`faults: kill -9 ${target}`);
  if (target === 'application') {
    system.application.assertAlive();
    await system.application.kill();
    system.startApplication();
    return;
  }
  const part = system.stack.parts.find(({ name }) => name === target);
  if (part === undefined) throw new RollguardError('STACK_START', `the stack has no ${target}`);
  process.kill(part.pid, 'SIGKILL');
  await clock.sleep(pollMs, signal);
  await system.mendStack();
}

async function untilRight(system: System, options: CampaignOptions): Promise<Comparison> {
  const { clock, signal, workload } = options;
  let last = '';
  let changedMs = clock.monotonicMs();
  for (;;) {
    system.application.assertAlive();
    const now = await compareWithApi(system.application.url, workload).catch(() => undefined);
    if (now?.differences.length === 0) return now;
    signal.throwIfAborted();
    const text = JSON.stringify(now ?? null);
    if (text !== last) changedMs = clock.monotonicMs();
    last = text;
    if (clock.monotonicMs() - changedMs > stalledMs) {
      const reasons = now?.differences.join('\n  ') ?? 'the API answers no totals';
      throw new RollguardError('CHECK_FAILED', `the figures do not become right:\n  ${reasons}`);
    }
    await clock.sleep(pollMs, signal);
  }
}

/** The state folder is gone: everything comes from the changelogs, and is the same. */
async function loseState(system: System, options: CampaignOptions): Promise<StateReport> {
  options.progress('faults: deleting the state folder');
  rmSync(system.stateFolder, { recursive: true, force: true });
  system.startApplication();
  await system.application.ready(options.signal);
  await system.application.stop();
  return verifySystem(system, options);
}

function violationsOf({
  restores,
  state,
  guard,
  stateAfterLoss,
}: Pick<CampaignReport, 'restores' | 'state' | 'guard' | 'stateAfterLoss'>): string[] {
  const hashes = ({ tasks }: StateReport): string =>
    tasks.map(({ task, store }) => `${task} ${store}`).join();
  return [
    ...restores.beyondTail.map((restore) => `more than the tail was restored: ${restore}`),
    ...problemsOf('after the kills', state),
    ...[...guard.tasks, ...guard.events].flatMap(({ differing }) =>
      differing.map((problem) => `the guard: ${problem}`),
    ),
    ...problemsOf('after the state folder was lost', stateAfterLoss),
    ...(hashes(state) === hashes(stateAfterLoss)
      ? []
      : ['the restored stores have other hashes than those before']),
  ];
}

function problemsOf(when: string, { tasks, events }: StateReport): string[] {
  return [
    ...tasks.flatMap(({ task, differing }) =>
      differing.map((key) => `${when}: ${task}: ${key} differs`),
    ),
    ...events.repeated.map((place) => `${when}: event ${place} repeats the one before it`),
    ...events.differing.map((id) => `${when}: events of entry ${id} differ from the recomputation`),
  ];
}
