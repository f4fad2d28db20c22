/** Stops what a state names, last started first: nobody loses a service that it still uses. */
import type { Clock } from '../../kernel/clock.ts';
import { stopProcess } from './processes.ts';
import { partNames, type PartName, type StackPart } from './stack-state.ts';

/** The broker writes its index files, Connect lets its tasks finish a transaction. */
const stopTimeoutMs = 15_000;

/** Postgres takes SIGTERM as "when all clients have gone"; SIGINT ends their sessions. */
const stopSignals: Record<PartName, NodeJS.Signals> = {
  postgres: 'SIGINT',
  kafka: 'SIGTERM',
  registry: 'SIGTERM',
  connect: 'SIGTERM',
};

export interface StopOptions {
  readonly clock: Clock;
  readonly progress: (line: string) => void;
}

/** Does nothing about a part that has ended, nor about a process that has its pid by now. */
export async function stopParts(parts: readonly StackPart[], options: StopOptions): Promise<void> {
  for (const name of [...partNames].reverse()) {
    const part = parts.find((candidate) => candidate.name === name);
    if (part === undefined) continue;
    const startedMs = options.clock.monotonicMs();
    const outcome = await stopProcess(part, stopSignals[name], {
      clock: options.clock,
      timeoutMs: stopTimeoutMs,
    });
    const seconds = ((options.clock.monotonicMs() - startedMs) / 1_000).toFixed(1);
    options.progress(`${name}: ${outcome}${outcome === 'was gone' ? '' : ` in ${seconds} s`}`);
  }
}
