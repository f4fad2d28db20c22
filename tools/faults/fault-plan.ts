/** What fails when: from a seed, so that a run can be repeated. */
import { seededRandom, type Random } from '../../kernel/random.ts';
import type { PartName } from '../stack/stack-state.ts';
import type { Cut } from './kafka-proxy.ts';
import { frozenMsMin } from './instance-settings.ts';

export const instanceFaults = [
  ...(['kill', 'freeze', 'terminate', 'cut', 'delay'] as const),
  ...(['scale', 'lose-state', 'disk-full', 'clock'] as const),
] as const;
export const partFaults = [
  'connect',
  'kafka',
  'postgres',
  'registry',
] as const satisfies readonly PartName[];
export const faultKinds = [...instanceFaults, ...partFaults] as const;
export type FaultKind = (typeof faultKinds)[number];
export type FaultCounts = Readonly<Record<FaultKind, number>>;

export const noFaults = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as FaultCounts;

/** Instances are numbered from 1. */
export type FaultAction =
  /** kill -9 and a start; hasty: whether or not it has taken over what it owns. */
  | { readonly kind: 'kill'; readonly instance: number; readonly isHasty: boolean }
  /** SIGSTOP, longer than the group waits for it, then SIGCONT. */
  | { readonly kind: 'freeze'; readonly instance: number; readonly lastsMs: number }
  /** SIGTERM, and a start when it has ended in order. */
  | { readonly kind: 'terminate'; readonly instance: number }
  /** Its link to the broker. */
  | { readonly kind: 'cut'; readonly instance: number; readonly lastsMs: number; readonly how: Cut }
  /** So much more on that link, each way. */
  | {
      readonly kind: 'delay';
      readonly instance: number;
      readonly lastsMs: number;
      readonly delayMs: number;
    }
  /** Those that run from now on. */
  | { readonly kind: 'scale'; readonly instances: readonly number[] }
  /** Killed, its state folder deleted, started. */
  | { readonly kind: 'lose-state'; readonly instance: number }
  /** Every write to a file fails. */
  | { readonly kind: 'disk-full'; readonly instance: number; readonly lastsMs: number }
  /** Killed, and started with its clock off by so much. */
  | { readonly kind: 'clock'; readonly instance: number; readonly skewMs: number }
  /** kill -9 of a part of the stack, which is started again. */
  | { readonly kind: (typeof partFaults)[number] };

export type Fault = FaultAction & {
  /** Milliseconds after the fault before it, or after the start of the load. */
  readonly afterMs: number;
};

export interface PlanOptions {
  readonly seed: number;
  readonly counts: FaultCounts;
  readonly meanDelayMs: number;
  /** That run at first. */
  readonly instances: number;
}

export const instancesMax = 3;
const hastyShare = 0.25;
/** A checkpoint of every task falls into it: `checkpointIntervalMs` is 30 s. */
const diskFullMs = { least: 33_000, more: 10_000 };
/** From one that retries bridge to one that costs the membership. */
const cutMs = { least: 2_000, more: 12_000 };
const slowMs = { least: 4_000, more: 8_000 };
const delayMs = { least: 20, more: 380 };
const frozenMs = { least: frozenMsMin, more: 4_000 };
const skewMsMax = 300_000;

/** Every wished fault once, in random order and at random distances (0 to twice the mean). */
export function planFaults({
  seed,
  counts,
  meanDelayMs,
  instances,
}: PlanOptions): readonly Fault[] {
  const random = seededRandom(seed);
  const remaining = faultKinds.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind));
  const kinds: FaultKind[] = [];
  while (remaining.length > 0) {
    kinds.push(...remaining.splice(random.integer(remaining.length), 1));
  }
  let running = Array.from({ length: instances }, (_, index) => index + 1);
  return kinds.map((kind) => {
    const afterMs = Math.round(random.next() * 2 * meanDelayMs);
    const action = drawAction(kind, running, random);
    if (action.kind === 'scale') running = [...action.instances];
    return { afterMs, ...action };
  });
}

function drawAction(kind: FaultKind, running: readonly number[], random: Random): FaultAction {
  const instance = running[random.integer(running.length)] ?? 1;
  switch (kind) {
    case 'kill':
      return { kind, instance, isHasty: random.next() < hastyShare };
    case 'freeze':
      return { kind, instance, lastsMs: draw(frozenMs, random) };
    case 'terminate':
    case 'lose-state':
      return { kind, instance };
    case 'cut': {
      const how = random.next() < 0.5 ? 'refused' : 'silent';
      return { kind, instance, lastsMs: draw(cutMs, random), how };
    }
    case 'delay':
      return { kind, instance, lastsMs: draw(slowMs, random), delayMs: draw(delayMs, random) };
    case 'scale':
      return { kind, instances: drawInstances(running, random) };
    case 'disk-full':
      return { kind, instance, lastsMs: draw(diskFullMs, random) };
    case 'clock':
      return { kind, instance, skewMs: random.integer(2 * skewMsMax) - skewMsMax };
    default:
      return { kind };
  }
}

function draw(
  { least, more }: { readonly least: number; readonly more: number },
  random: Random,
): number {
  return least + random.integer(more);
}

/** Another number of instances than before: whichever stop, and the first of those that do not run. */
function drawInstances(running: readonly number[], random: Random): readonly number[] {
  const others = Array.from({ length: instancesMax }, (_, index) => index + 1).filter(
    (count) => count !== running.length,
  );
  const count = others[random.integer(others.length)] ?? 1;
  const after = [...running];
  while (after.length > count) after.splice(random.integer(after.length), 1);
  for (let number = 1; after.length < count; number += 1) {
    if (!after.includes(number)) after.push(number);
  }
  return after.sort((one, other) => one - other);
}

/** How far apart the clocks of two machines of the plan may be. */
export function skewSpanMs(plan: readonly Fault[]): number {
  const skews = plan.map((fault) => (fault.kind === 'clock' ? Math.abs(fault.skewMs) : 0));
  return 2 * Math.max(0, ...skews);
}

export function describeFault(fault: FaultAction): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 instance ${fault.instance}${fault.isHasty ? ', ready or not' : ''}`;
    case 'freeze':
      return `SIGSTOP instance ${fault.instance} for ${seconds(fault.lastsMs)}`;
    case 'terminate':
      return `SIGTERM instance ${fault.instance}`;
    case 'cut':
      return `cut instance ${fault.instance} off from the broker for ${seconds(fault.lastsMs)}: ${fault.how}`;
    case 'delay':
      return `slow the link of instance ${fault.instance} by ${fault.delayMs} ms for ${seconds(fault.lastsMs)}`;
    case 'scale':
      return `scale to ${fault.instances.length}: instance ${fault.instances.join(', ')}`;
    case 'lose-state':
      return `lose the state folder of instance ${fault.instance}`;
    case 'disk-full':
      return `fill the disk of instance ${fault.instance} for ${seconds(fault.lastsMs)}`;
    case 'clock':
      return `set the clock of instance ${fault.instance} off by ${fault.skewMs} ms`;
    default:
      return `kill -9 ${fault.kind}`;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
