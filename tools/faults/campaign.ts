/**
 * Lets parts of the whole system fail in the middle of a load, and asks afterwards, from durable things
 * only, whether anything was lost, counted twice, sold twice or blocked.
 */
import { rmSync } from 'node:fs';
import { messageOf } from '../../kernel/errors.ts';
import { sumTotals, type ExpectedTotals } from '../../examples/reservation-platform/expected.ts';
import { compareWithApi, type Comparison } from '../start/comparison.ts';
import { startSystem, type System, type SystemOptions } from '../start/system.ts';
import { chainWorkload, type Workload } from '../start/workload.ts';
import { CampaignLoad } from './campaign-load.ts';
import { violationsOf, type CampaignReport, type DurableReport } from './campaign-report.ts';
import { planFaults, skewSpanMs, type Fault, type FaultCounts } from './fault-plan.ts';
import { Fleet } from './fleet.ts';
import { injectFault } from './inject-fault.ts';
import type { Instance } from './instance.ts';
import { readRestores, summarise } from './restore-log.ts';
import { verifyGuardOf, verifyStoresOf, verifySystem, withPort } from './verify-system.ts';
import { verifyLocks } from './verify-locks.ts';
import { zombieAnswers } from './zombie-answers.ts';

export interface CampaignOptions extends Omit<SystemOptions, 'isFresh' | 'httpPort' | 'isBare'> {
  readonly workload: Workload;
  /** Days of each generated chain that follows it. */
  readonly days: number;
  readonly seed: number;
  readonly faults: FaultCounts;
  /** That run at first. */
  readonly instances: number;
  readonly meanDelayMs: number;
  /** False: the stack that runs, with what it holds. */
  readonly isFresh: boolean;
}

const pollMs = 500;
const stalledMs = 90_000;
const shownMax = 5;
/** Seeds of the chains beside that of the campaign, far from those of other campaigns. */
const seedsApart = 1_000_003;
const usualDoubtMs = 50;

interface Run {
  readonly system: System;
  readonly fleet: Fleet;
  readonly load: CampaignLoad;
  readonly plan: readonly Fault[];
  readonly options: CampaignOptions;
}

/** @throws what the parts throw. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const { clock, progress, signal, seed, instances, settings = {} } = options;
  const system = await startSystem({ ...options, httpPort: 0, isBare: true });
  try {
    const fleet = await Fleet.create({ system, settings, clock, progress, signal });
    try {
      const counts = options.faults;
      const plan = planFaults({ seed, counts, meanDelayMs: options.meanDelayMs, instances });
      const load = loadOf(system, fleet, options);
      const run = { system, fleet, load, plan, options };
      return await campaign(run).finally(() => load.giveUp());
    } finally {
      await fleet.close();
    }
  } finally {
    await system.stop();
  }
}

async function campaign(run: Run): Promise<CampaignReport> {
  const { system, fleet, load, plan, options } = run;
  const { clock, progress, seed, workload } = options;
  // Of two that register a schema for the first time at the same moment one is refused, and ends.
  await fleet.scale([1]);
  await fleet.ready(fleet.instance(1));
  await fleet.scale(Array.from({ length: options.instances }, (_, index) => index + 1));
  await load.start(chainWorkload({ seed: seed + seedsApart - 1, days: 1 }));
  await fleet.settled();
  const startedMs = clock.monotonicMs();
  progress(`faults: seed ${seed}, ${plan.length} faults; load: ${workload.description}`);
  for (const [index, fault] of plan.entries()) {
    const name = `${index + 1}/${plan.length}`;
    await injectFault(fault, name, { system, fleet, ...options });
  }
  await fleet.settled();
  progress('faults: the last one is over');
  const callers = await load.stop();
  const totals = await untilAllRight(run);
  const seconds = Math.round((clock.monotonicMs() - startedMs) / 1_000);
  await Promise.all(fleet.running.map((instance) => fleet.stop(instance)));
  const durable = await verifyDurable(run);
  const frozen = new Map(fleet.instances.map(({ name, frozen: spans }) => [name, spans]));
  const report = {
    ...{ seed, faults: plan, totals, seconds, ...durable },
    workloads: load.fed.length,
    abandoned: load.abandoned.map(({ description }) => description),
    callers: callers && {
      ...callers,
      attempts: load.attempts.length,
      unanswered: load.attempts.filter(({ kind }) => kind === 'again').length,
      ofZombies: zombieAnswers(load.attempts, frozen),
    },
  };
  return { ...report, violations: [...fleet.violations, ...violationsOf(report)] };
}

function loadOf(system: System, fleet: Fleet, options: CampaignOptions): CampaignLoad {
  const { seed, days, workload, faults, clock, signal, progress } = options;
  return new CampaignLoad({
    ...{ seed, workload, clock, signal, progress },
    databaseUrl: () => system.stack.endpoints.platformAdminDatabaseUrl,
    place: (random) => fleet.place(random),
    nextWorkload: (round) => chainWorkload({ seed: seed + round * seedsApart, days }),
    mayBeCutOff: faults.postgres > 0,
  });
}

/** What every live instance says in the end of everything that was written. */
async function untilAllRight({ fleet, load, options }: Run): Promise<ExpectedTotals> {
  let totals: ExpectedTotals = sumTotals([]);
  for (const instance of fleet.running) {
    options.progress(`faults: comparing what ${instance.name} answers`);
    const compared: Comparison[] = [];
    for (const workload of load.fed) {
      const found = await untilRight(instance, workload, options);
      compared.push(found);
      if (found.differences.length === 0) continue;
      const what = `${workload.description}: ${found.differences.slice(0, shownMax).join('; ')}`;
      fleet.violations.push(`${instance.name} does not become right: ${what}`);
      break;
    }
    totals = sumTotals(compared.map((each) => each.totals));
  }
  return totals;
}

/** Right, or as it is when nothing has changed for long. */
async function untilRight(
  instance: Instance,
  workload: Workload,
  { clock, signal }: CampaignOptions,
): Promise<Comparison> {
  let last = '';
  let changedMs = clock.monotonicMs();
  for (;;) {
    const now = await compareWithApi(instance.url ?? '', workload).catch((error: unknown) => ({
      totals: sumTotals([]),
      differences: [`${messageOf(error)} ${messageOf((error as Error).cause)}`],
    }));
    if (now.differences.length === 0) return now;
    signal.throwIfAborted();
    const text = JSON.stringify(now);
    if (text !== last) changedMs = clock.monotonicMs();
    last = text;
    if (clock.monotonicMs() - changedMs > stalledMs) return now;
    await clock.sleep(pollMs, signal);
  }
}

/** Nothing runs any more but Kafka and the registry. */
async function verifyDurable(run: Run): Promise<DurableReport> {
  const { system, fleet, load, plan, options } = run;
  const { stack } = system;
  const [first, ...others] = fleet.instances.map(({ name, stateFolder }) => ({
    ...{ name, stack, stateFolder },
  }));
  if (first === undefined) throw new Error('there is an instance');
  const locks = await withPort(system, options, (port) =>
    verifyLocks({
      ...{ port, types: load.types, callers: load.callers, lies: load.lies },
      clockDoubtMs: usualDoubtMs + skewSpanMs(plan),
    }),
  );
  const state = await verifySystem(first, options);
  const guard = await verifyGuardOf(first, options);
  const stores = [];
  for (const other of others) {
    stores.push({ of: other.name, tasks: await verifyStoresOf(other, options) });
  }
  const restores = fleet.instances
    .filter((instance) => instance.hasRun)
    .map(({ name, logFile }) => ({
      of: name,
      ...summarise(readRestores(logFile), false),
    }));
  const { events, violations } = locks;
  const stateAfterLoss = await loseState(run);
  return { locks: { events, violations }, state, guard, stores, restores, stateAfterLoss };
}

/** Every state folder is gone: everything comes from the changelogs, to one instance, and is the same. */
async function loseState({
  system,
  fleet,
  options,
}: Run): Promise<DurableReport['stateAfterLoss']> {
  options.progress('faults: deleting every state folder');
  for (const { stateFolder } of fleet.instances) {
    rmSync(stateFolder, { recursive: true, force: true });
  }
  const survivor = fleet.instance(1);
  survivor.start();
  await survivor.ready(options.signal);
  await fleet.stop(survivor);
  const { stateFolder } = survivor;
  return verifySystem({ stack: system.stack, stateFolder }, options);
}
