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
  const targets = faultTargets.flatMap((target) =>
    Array.from({ length: counts[target] }, () => target),
  );
  for (let index = targets.length - 1; index > 0; index -= 1) {
    const other = random.integer(index + 1);
    [targets[index], targets[other]] = [targets[other]!, targets[index]!];
  }
  return targets.map((target) => ({
    afterMs: Math.round(random.next() * 2 * meanDelayMs),
    target,
  }));
}
