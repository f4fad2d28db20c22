/**
 * Starts one part as a process group of its own, notes it at once (what is not noted cannot be
 * stopped), and waits until it answers a real request.
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Clock } from '../../kernel/clock.ts';
import { messageOf, RollguardError } from '../../kernel/errors.ts';
import { boundLog } from './bounded-log.ts';
import { endpointsOf, healthEndpoint } from './endpoints.ts';
import type { Part, PartCommand, PartContext } from './parts/part.ts';
import { identify, isRunning } from './processes.ts';
import type { StackPart } from './stack-state.ts';

const pollIntervalMs = 50;
const againAfterMs = 200;
const logTailLines = 5;

export interface StartOptions<Context extends PartContext> {
  readonly part: Part<Context>;
  readonly context: Context;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  /** Called when the process is there, and again when it is healthy. */
  readonly note: (part: StackPart) => void;
  readonly timeoutMs: number;
}

/** @throws STACK_START naming the part, the reason and the log. */
export async function startPart<Context extends PartContext>(
  options: StartOptions<Context>,
): Promise<void> {
  const { part, context, clock, progress, note } = options;
  const startedMs = clock.monotonicMs();
  progress(`${part.name}: starting`);
  const command = await part.prepare(context);
  // Nothing may start once a stop has begun.
  context.signal.throwIfAborted();
  const deadlineMs = startedMs + options.timeoutMs;
  let noted = launchNoted(options, command);
  while (!(await becomesHealthy(options, noted, deadlineMs))) {
    await clock.sleep(againAfterMs, context.signal);
    noted = launchNoted(options, command);
  }
  await part.furnish?.(context);
  const startedInMs = Math.round(clock.monotonicMs() - startedMs);
  note({ ...noted, health: 'healthy', startedInMs });
  progress(`${part.name}: up in ${(startedInMs / 1_000).toFixed(1)} s`);
}

function launchNoted<Context extends PartContext>(
  { part, context, note }: StartOptions<Context>,
  command: PartCommand,
): StackPart {
  const logFile = path.join(context.folders.logs, `${part.name}.log`);
  const id = launch(command, logFile);
  if (id === undefined) throw startError(part.name, 'ended at once', logFile);
  const { name } = part;
  const noted: StackPart = { name, ...id, ports: part.ports(context), logFile, health: 'starting' };
  note(noted);
  return noted;
}

function launch(command: PartCommand, logFile: string): ReturnType<typeof identify> {
  mkdirSync(path.dirname(logFile), { recursive: true });
  boundLog(logFile);
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(command.command, command.args, {
      cwd: command.cwd,
      env: command.env,
      ...command.user,
      detached: true,
      stdio: ['ignore', log, log],
    });
    // A program that cannot be executed has no pid; the caller says so.
    child.on('error', () => undefined);
    return child.pid === undefined ? undefined : identify(child.pid);
  } finally {
    closeSync(log);
  }
}

/** False: it has ended, and may be started again. */
async function becomesHealthy<Context extends PartContext>(
  { part, context, clock }: StartOptions<Context>,
  noted: StackPart,
  deadlineMs: number,
): Promise<boolean> {
  const url = healthEndpoint(part.name, endpointsOf(context.identity));
  for (;;) {
    context.signal.throwIfAborted();
    if (!isRunning(noted)) {
      const isNotYet = part.notYet?.test(lastLines(noted.logFile)) === true;
      if (isNotYet && clock.monotonicMs() < deadlineMs) return false;
      throw startError(part.name, 'ended', noted.logFile);
    }
    try {
      await part.check({ url });
      return true;
    } catch (error) {
      if (clock.monotonicMs() >= deadlineMs) {
        throw startError(part.name, `is not healthy in time (${messageOf(error)})`, noted.logFile);
      }
    }
    await clock.sleep(pollIntervalMs, context.signal);
  }
}

function startError(name: string, reason: string, logFile: string): RollguardError {
  const tail = lastLines(logFile);
  return new RollguardError(
    'STACK_START',
    `${name} ${reason}; its log is ${logFile}${tail === '' ? '' : `, which ends with:\n${tail}`}`,
  );
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-logTailLines).join('\n');
  } catch {
    return '';
  }
}
