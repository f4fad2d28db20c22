/** Lines of progress, not one for each step. */
import type { CliContext } from './cli-context.ts';

const intervalMs = 2_000;

/** @param lineOf what to say of what is done, and of the milliseconds since the beginning. */
export function pacedProgress(
  { clock, progress }: Pick<CliContext, 'clock' | 'progress'>,
  lineOf: (done: number, spentMs: number) => string,
): (done: number) => void {
  const beganMs = clock.monotonicMs();
  let toldMs = beganMs;
  return (done) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - toldMs < intervalMs) return;
    toldMs = nowMs;
    progress(lineOf(done, nowMs - beganMs));
  };
}
