/**
 * Runs a helper program (Maven, tar, initdb, Kafka's formatter) to its end. It has its own process
 * group, so that an abort ends its children too; its output is kept, bounded, for the error message.
 */
import { spawn } from 'node:child_process';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { RollguardError } from '../../kernel/errors.ts';

const outputBytesMax = 64 * 1024;
const shownCharactersMax = 1_500;

export interface ToolOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** What to install when the program is not there. */
  readonly install: string;
  /** Thrown when it fails. */
  readonly code: ErrorCode;
  readonly cwd?: string | undefined;
  /** Another user to run it as. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Resolves with its output. @throws STACK_TOOL_MISSING when there is no such program, else the code given. */
export function runTool(options: ToolOptions): Promise<string> {
  const { command, args, cwd, env, user, signal, timeoutMs } = options;
  return new Promise((resolve, reject) => {
    const abortOrTimeout = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const child = spawn(command, args, {
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = `${output}${chunk.toString()}`.slice(-outputBytesMax);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const stop = (): void => killGroup(child.pid);
    if (abortOrTimeout.aborted) stop();
    abortOrTimeout.addEventListener('abort', stop, { once: true });
    child.once('error', (error) => {
      abortOrTimeout.removeEventListener('abort', stop);
      reject(notStarted(options, error));
    });
    child.once('close', (code) => {
      abortOrTimeout.removeEventListener('abort', stop);
      if (code === 0) resolve(output);
      else reject(failed(options, code, output));
    });
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

function notStarted(options: ToolOptions, cause: Error): RollguardError {
  const isMissing = 'code' in cause && cause.code === 'ENOENT';
  return isMissing
    ? new RollguardError(
        'STACK_TOOL_MISSING',
        `the local stack needs \`${options.command}\`: install ${options.install}`,
      )
    : new RollguardError(options.code, `${options.command} did not start`, { cause });
}

function failed(options: ToolOptions, code: number | null, output: string): RollguardError {
  const reason = options.signal.aborted
    ? 'was stopped'
    : code === null
      ? `did not end within ${options.timeoutMs / 1_000} s`
      : `ended with code ${code}`;
  const said = output.trim().slice(-shownCharactersMax);
  return new RollguardError(
    options.code,
    `${options.command} ${reason}${said === '' ? '' : `; it said: ${said}`}`,
  );
}
