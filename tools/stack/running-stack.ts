/** The local stack of this checkout, when it runs: what commands use when no address is set. */
import { fileURLToPath } from 'node:url';
import type { CliContext } from '../cli-context.ts';
import { isRunning } from './processes.ts';
import { stackFolders } from './stack-folders.ts';
import { readStackState, type StackState } from './stack-state.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The stack of ROLLGUARD_STACK_DIR, or of `.rollguard/` when that is not set.
 * @param noun the command that says on stderr that it is used.
 */
export function runningStack(noun: string, cli: CliContext): StackState | undefined {
  const { stateFile } = stackFolders({ root, env: cli.env });
  const state = readStackState(stateFile);
  // The file outlives a stack that was killed; its ports may be somebody else's by now.
  if (state === undefined || !isRunning(state.supervisor)) return undefined;
  cli.progress(`${noun}: no address is set; the local stack of ${stateFile} is used`);
  return state;
}
