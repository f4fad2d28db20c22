/** The whole system of a bench: beside every other one, with empty data. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliContext } from '../tools/cli-context.ts';
import type { SystemOptions } from '../tools/start/system.ts';
import { abortOnSignals } from './abort-on-signals.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

/** @param name of its folder under `.rollguard`. */
export function benchSystem(
  { env, clock, progress }: CliContext,
  name = 'bench',
): Omit<SystemOptions, 'settings'> {
  return {
    ...{ root, env, clock, progress, signal: abortOnSignals() },
    ...{ isFresh: true, stateDir: path.join(root, '.rollguard', name), httpPort: 0 },
  };
}
