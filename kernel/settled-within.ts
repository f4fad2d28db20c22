/** Waiting for work for a bounded time, without leaving a timer behind that keeps the process. */
import type { Clock } from './clock.ts';

export const late = Symbol('late');

/** What the work came to, or `late`; the work itself goes on. @throws what the work throws in time. */
export async function settledWithin<T>(
  clock: Clock,
  timeoutMs: number,
  work: Promise<T>,
): Promise<T | typeof late> {
  const timer = new AbortController();
  const deadline = clock.sleep(timeoutMs, timer.signal).then((): typeof late => late);
  try {
    return await Promise.race([work, deadline]);
  } finally {
    // A reason of our own: without one every abort makes an exception with its stack.
    timer.abort(late);
  }
}
