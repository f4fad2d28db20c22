/**
 * A lock between processes: a file, created only where none is, that names its holder. A holder that
 * no longer runs holds nothing: its file is taken over.
 */
import { linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isNativeError } from 'node:util/types';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { identify, isRunning } from './processes.ts';
import { readJson, type ProcessId } from './stack-state.ts';

const pollIntervalMs = 100;
const defaultWaitMs = 10 * 60_000;

export interface FileLockOptions {
  readonly file: string;
  /** What the holder does, for the line that says who is waited for. */
  readonly what: string;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for another holder. */
  readonly waitMs?: number | undefined;
}

/** Runs the action while holding the lock. @throws STACK_START when another process keeps it. */
export async function withFileLock<Result>(
  options: FileLockOptions,
  action: () => Promise<Result>,
): Promise<Result> {
  await acquire(options);
  try {
    return await action();
  } finally {
    rmSync(options.file, { force: true });
  }
}

async function acquire(options: FileLockOptions): Promise<void> {
  const { clock, file, what, progress, signal } = options;
  const deadlineMs = clock.monotonicMs() + (options.waitMs ?? defaultWaitMs);
  let isTold = false;
  while (!tryAcquire(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && !isRunning(holder)) {
      takeAway(file);
      continue;
    }
    if (!isTold) progress(`waiting for ${what} by process ${holder?.pid ?? 'unknown'}`);
    isTold = true;
    if (signal?.aborted === true || clock.monotonicMs() >= deadlineMs) {
      throw new RollguardError(
        'STACK_START',
        `${what} is held by process ${holder?.pid ?? 'unknown'} (${file}); wait for it or end it`,
      );
    }
    await clock.sleep(pollIntervalMs, signal);
  }
}

/** The file appears with its content: a link to a written file, which fails where one exists. */
function tryAcquire(file: string): boolean {
  mkdirSync(path.dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identify(process.pid)));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (isNativeError(error) && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder(file: string): ProcessId | undefined {
  const json = readJson(file);
  return json === undefined ? undefined : (json as ProcessId);
}

/**
 * Two waiters may see the same dead holder, and the slower one would take away the lock that the
 * faster one just made. Renaming shows what was taken: a living holder's lock is put back.
 */
function takeAway(file: string): void {
  const taken = `${file}.${process.pid}.taken`;
  try {
    renameSync(file, taken);
  } catch {
    return;
  }
  const holder = readHolder(taken);
  try {
    if (holder !== undefined && isRunning(holder)) linkSync(taken, file);
  } finally {
    rmSync(taken, { force: true });
  }
}
