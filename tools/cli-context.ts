/** What every verb gets: where to write, the environment, the clock, a signal for Ctrl-C. */
import { readFileSync } from 'node:fs';
import { systemClock, type Clock } from '../kernel/clock.ts';

export interface CliContext {
  readonly version: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Data: stdout. */
  readonly out: (text: string) => void;
  /** Progress and errors: stderr. */
  readonly err: (text: string) => void;
  /** One line of progress on stderr. */
  readonly progress: (line: string) => void;
  /** Set by a verb that ends well but has something to say (3 = difference found). */
  exitCode: number;
}

export function createCliContext(): CliContext {
  const err = (text: string): void => void process.stderr.write(text);
  const packageJson = new URL('../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(packageJson, 'utf8')) as { version: string };
  return {
    version,
    env: process.env,
    clock: systemClock,
    out: (text) => void process.stdout.write(text),
    err,
    progress: (line) => err(`${line}\n`),
    exitCode: 0,
  };
}
