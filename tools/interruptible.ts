/** A command that Ctrl-C ends in order. */
import { RollguardError } from '../kernel/errors.ts';

/**
 * Runs `work` with a signal that SIGINT and SIGTERM abort.
 * @param message of the INTERRUPTED that the signal's `throwIfAborted` throws; undefined: `work` looks at
 *   `aborted` and ends by itself.
 */
export async function interruptible<Result>(
  message: string | undefined,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const interrupt = new AbortController();
  const onSignal = (): void =>
    interrupt.abort(message === undefined ? undefined : new RollguardError('INTERRUPTED', message));
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await work(interrupt.signal);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}
