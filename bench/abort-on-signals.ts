/** Ctrl-C in a bench. */
import { RollguardError } from '../kernel/errors.ts';

/** The first signal stops in order; a second one ends this process, and the rest ends with it. */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new RollguardError('INTERRUPTED', 'interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return controller.signal;
}
