/** Moves a manual clock on until what waits for it has ended. */
import type { ManualClock } from '../../testing/manual-clock.ts';

const stepMs = 100;

export async function untilSettled<Value>(
  clock: ManualClock,
  waiting: Promise<Value>,
): Promise<Value> {
  let isSettled = false;
  const settled = waiting.finally(() => (isSettled = true));
  // Whoever awaits it below is told; here nobody may be left unhandled.
  settled.catch(() => undefined);
  // Set while it waits, which the linter cannot see.
  while (!(isSettled as boolean)) await clock.advance(stepMs);
  return settled;
}
