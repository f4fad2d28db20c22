/** Which part is killed when: from a seed, so that a run can be repeated. */
import { seededRandom } from '../../kernel/random.ts';

export const faultTargets = ['application', 'connect', 'kafka', 'postgres', 'registry'] as const;
export type FaultTarget = (typeof faultTargets)[number];
export type FaultCounts = Readonly<Record<FaultTarget, number>>;

export interface Fault {
  /** Milliseconds after the fault before it, or after the start of the load. */
  readonly afterMs: number;
  readonly target: FaultTarget;
}

/** Every wished fault once, in random order and at random distances (0 to twice the mean). */
export function planFaults(
  seed: number,
  counts: FaultCounts,
  meanDelayMs: number,
): readonly Fault[] {
  const random = seededRandom(seed);
  const remaining = faultTargets.flatMap((target) =>
    Array.from({ length: counts[target] }, () => target),
  );
  const targets: FaultTarget[] = [];
  while (remaining.length > 0)
    targets.push(...remaining.splice(random.integer(remaining.length), 1));
  return targets.map((target) => ({
    afterMs: Math.round(random.next() * 2 * meanDelayMs),
    target,
  }));
}
