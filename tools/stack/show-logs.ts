/** `stack logs`: the last lines of each part's log, then what is added to them. */
import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { partNames } from './stack-state.ts';

const pollIntervalMs = 250;
const readBytesMax = 1024 * 1024;
const logNames = [...partNames, 'supervisor'];

export interface LogsOptions {
  readonly folder: string;
  /** All parts when left out. */
  readonly part: string | undefined;
  readonly lines: number;
  readonly clock: Clock;
  readonly out: (text: string) => void;
  /** When given: goes on until it aborts. */
  readonly follow: AbortSignal | undefined;
}

/** @throws USAGE for an unknown part. */
export async function showLogs(options: LogsOptions): Promise<void> {
  const { folder, part, lines, clock, follow } = options;
  if (part !== undefined && !logNames.includes(part)) {
    throw new RollguardError('USAGE', `${part} is no part; there are ${logNames.join(', ')}`);
  }
  const names = part === undefined ? logNames : [part];
  const positions = new Map<string, number>();
  const print = (name: string, text: string): void => {
    const prefix = part === undefined ? `${name.padEnd(10)} | ` : '';
    for (const line of text.split('\n')) options.out(`${prefix}${line}\n`);
  };
  for (const name of names) {
    const { text, end } = readFrom(path.join(folder, `${name}.log`), -readBytesMax);
    positions.set(name, end);
    if (text !== '') print(name, text.trimEnd().split('\n').slice(-lines).join('\n'));
  }
  while (follow?.aborted === false) {
    await clock.sleep(pollIntervalMs, follow);
    for (const name of names) {
      const { text, end } = readFrom(path.join(folder, `${name}.log`), positions.get(name) ?? 0);
      positions.set(name, end);
      if (text !== '') print(name, text.trimEnd());
    }
  }
}

/** Text from a position on (negative: from the end); from the beginning when the file was emptied. */
function readFrom(file: string, position: number): { text: string; end: number } {
  if (!existsSync(file)) return { text: '', end: 0 };
  const descriptor = openSync(file, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const wanted = position < 0 ? Math.max(0, size + position) : position;
    const start = wanted > size ? 0 : wanted;
    const buffer = Buffer.alloc(Math.min(size - start, readBytesMax));
    const length = readSync(descriptor, buffer, 0, buffer.length, start);
    return { text: buffer.toString('utf8', 0, length), end: start + length };
  } finally {
    closeSync(descriptor);
  }
}
