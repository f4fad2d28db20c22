/**
 * The shortest history that still shows what is wrong: parts of the schedule are left out as long as a
 * violation of the same invariant remains. Bounded, so not always the very shortest.
 */
import type { Plant } from './plant.ts';
import type { Schedule, Step } from './schedule.ts';
import { simulate } from './simulate.ts';
import type { HistoryReport } from './world.ts';

export interface Shrunk {
  readonly schedule: Schedule;
  readonly report: HistoryReport;
  readonly attempts: number;
}

const attemptsMaxDefault = 400;

export async function shrink(
  failing: { readonly schedule: Schedule; readonly report: HistoryReport },
  plant: Plant,
  attemptsMax = attemptsMaxDefault,
): Promise<Shrunk> {
  const wanted = invariantOf(failing.report);
  let best = { ...failing, attempts: 0 };
  const tryWith = async (schedule: Schedule): Promise<boolean> => {
    const attempts = best.attempts + 1;
    const report = await simulate(schedule, plant);
    const isSame = invariantOf(report) === wanted;
    best = isSame ? { schedule, report, attempts } : { ...best, attempts };
    return isSame;
  };
  const withSteps = (steps: readonly Step[]): Schedule => ({ ...best.schedule, steps });
  const { settings } = best.schedule;
  await tryWith({ ...best.schedule, settings: { ...settings, jitter: 0 } });
  for (let size = Math.ceil(best.schedule.steps.length / 2); size >= 1;) {
    let hasShrunk = false;
    for (let at = 0; at < best.schedule.steps.length && best.attempts < attemptsMax;) {
      const { steps } = best.schedule;
      if (await tryWith(withSteps([...steps.slice(0, at), ...steps.slice(at + size)]))) {
        hasShrunk = true;
      } else at += size;
    }
    if (best.attempts >= attemptsMax) break;
    if (size === 1 && !hasShrunk) break;
    size = size === 1 ? 1 : Math.ceil(size / 2);
  }
  return best;
}

/** What is violated, without the details. */
function invariantOf({ violations: [first = ''] }: HistoryReport): string {
  return first.slice(0, first.indexOf(':'));
}
