/**
 * The local stack as other tools use it: up, down, status. One `up` or `down` at a time per state
 * folder (`stack.lock`); the work itself is done by the supervisor process.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { boundLog } from './bounded-log.ts';
import { withFileLock } from './file-lock.ts';
import { isRunning, signalProcess, waitForEnd } from './processes.ts';
import { stackFolders, type StackFolders } from './stack-folders.ts';
import { stackStatus } from './stack-status.ts';
import {
  partNames,
  readStackState,
  removeStackState,
  type PartName,
  type StackState,
} from './stack-state.ts';
import { stopParts } from './stop-parts.ts';
import {
  knownErrorCode,
  repairSignal,
  type FromSupervisor,
  type SupervisorTask,
  type ToSupervisor,
} from './supervisor-messages.ts';

const supervisorFile = fileURLToPath(new URL('./supervisor-process.ts', import.meta.url));
const packageRoot = fileURLToPath(new URL('../..', import.meta.url));
const defaultTimeoutMs = 120_000;
/** Four parts, each with a bounded wait and a kill. */
const stopTimeoutMs = 75_000;
const pollIntervalMs = 200;

export interface StackOptions {
  /** The checkout: `.rollguard/` in it is the default state folder. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  /** Another state folder, to run a stack beside the user's own; else `ROLLGUARD_STACK_DIR`. */
  readonly stateDir?: string | undefined;
}

export interface StackUpOptions extends StackOptions {
  /** Aborts the start: everything that was started is stopped before `stackUp` throws. */
  readonly signal?: AbortSignal | undefined;
  /** True: runs until `stackDown`. False (default): ends with this process, however that ends. */
  readonly detached?: boolean | undefined;
  /** For starting the parts; fetching has its own. */
  readonly timeoutMs?: number | undefined;
  /** Default: all. A stack of some parts needs a state folder of its own. */
  readonly parts?: readonly PartName[] | undefined;
}

/**
 * Brings every part up; what runs already stays as it is, a part that ended is started again with its
 * data. @throws STACK_TOOL_MISSING, STACK_DOWNLOAD, STACK_START
 */
export async function stackUp(options: StackUpOptions): Promise<StackState> {
  const folders = stackFolders(options);
  return underLock(options, folders, async () => {
    const running = await useRunning(options, folders);
    return running ?? (await startSupervisor(options, folders));
  });
}

/** Stops what `stack.json` names and nothing else. @returns false when nothing was there to stop. */
export async function stackDown(
  options: StackOptions & { readonly deleteData?: boolean | undefined },
): Promise<boolean> {
  const folders = stackFolders(options);
  return underLock(options, folders, async () => {
    const state = readStackState(folders.stateFile);
    if (state !== undefined) await stopAll(state, options, folders);
    if (options.deleteData === true) {
      for (const folder of [folders.data, folders.postgres, folders.identityFile]) {
        rmSync(folder, { recursive: true, force: true });
      }
    }
    return state !== undefined;
  });
}

/** True when the stack ends with this process, which therefore should stop it: nobody else will. */
export function isOwnedByThisProcess(state: StackState): boolean {
  return state.owner?.pid === process.pid;
}

function underLock<Result>(
  options: StackUpOptions,
  folders: StackFolders,
  action: () => Promise<Result>,
): Promise<Result> {
  const what = 'another `stack up` or `stack down`';
  return withFileLock({ ...options, file: folders.lockFile, what }, action);
}

async function stopAll(
  state: StackState,
  options: StackOptions,
  folders: StackFolders,
): Promise<void> {
  const { clock, progress } = options;
  if (signalProcess(state.supervisor, 'SIGTERM')) {
    progress('stack: stopping');
    await waitForEnd(state.supervisor, { clock, timeoutMs: stopTimeoutMs });
    signalProcess(state.supervisor, 'SIGKILL');
  }
  // What a supervisor leaves behind that was itself killed.
  const left = (readStackState(folders.stateFile) ?? state).parts.filter((part) => isRunning(part));
  await stopParts(left, options);
  removeStackState(folders.stateFile);
}

/** The state of a stack that is up, mended if need be; undefined when there is none to use. */
async function useRunning(
  options: StackUpOptions,
  folders: StackFolders,
): Promise<StackState | undefined> {
  const { clock, progress, signal } = options;
  const deadlineMs = clock.monotonicMs() + (options.timeoutMs ?? defaultTimeoutMs);
  let isRepairAsked = false;
  for (;;) {
    const state = readStackState(folders.stateFile);
    if (state === undefined || !isRunning(state.supervisor)) return undefined;
    const isStopping = state.owner !== undefined && !isRunning(state.owner);
    const unhealthy = (await stackStatus(options)).parts.filter(
      ({ name, health }) => health !== 'healthy' && (options.parts ?? partNames).includes(name),
    );
    if (!isStopping && unhealthy.length === 0) {
      const holder = state.owner === undefined ? '' : `; it ends with process ${state.owner.pid}`;
      progress(isRepairAsked ? 'stack: up again' : `stack: already up${holder}`);
      return state;
    }
    if (!isStopping && !isRepairAsked) {
      progress(`stack: starting again: ${unhealthy.map((part) => part.name).join(', ')}`);
      isRepairAsked = signalProcess(state.supervisor, repairSignal);
    }
    if (signal?.aborted === true || clock.monotonicMs() >= deadlineMs) {
      const names = unhealthy.map((part) => `${part.name} (${part.detail})`).join(', ');
      throw new RollguardError('STACK_START', `not healthy: ${names}; logs are in ${folders.logs}`);
    }
    await clock.sleep(pollIntervalMs, signal);
  }
}

async function startSupervisor(
  options: StackUpOptions,
  folders: StackFolders,
): Promise<StackState> {
  options.signal?.throwIfAborted();
  const child = spawnSupervisor(options, folders);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  // The supervisor stops everything when the channel closes.
  const abort = (): void => child.disconnect();
  options.signal?.addEventListener('abort', abort, { once: true });
  const outcome = await outcomeOf(child, exited, options.progress);
  options.signal?.removeEventListener('abort', abort);
  if (outcome.kind === 'failed') {
    await exited;
    // Stopped by us: who asked for it is what there is to say.
    options.signal?.throwIfAborted();
    throw new RollguardError(knownErrorCode(outcome.code), outcome.message);
  }
  if (options.detached === true) await keepRunning(child);
  // Neither the process nor the channel keeps this process alive; the channel's end is what counts.
  child.unref();
  child.channel?.unref();
  const state = readStackState(folders.stateFile);
  if (state !== undefined) return state;
  throw new RollguardError('STACK_START', `${folders.stateFile} vanished while the stack came up`);
}

function spawnSupervisor(options: StackUpOptions, folders: StackFolders): ChildProcess {
  const task: SupervisorTask = {
    root: options.root,
    stateDir: folders.stateFolder,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    parts: options.parts ?? partNames,
  };
  const logFile = path.join(folders.logs, 'supervisor.log');
  mkdirSync(folders.logs, { recursive: true });
  boundLog(logFile);
  const log = openSync(logFile, 'a', 0o600);
  try {
    return spawn(process.execPath, ['--import', 'tsx', supervisorFile, JSON.stringify(task)], {
      // tsx is found from here.
      cwd: packageRoot,
      env: options.env,
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
    });
  } finally {
    closeSync(log);
  }
}

type Outcome = Exclude<FromSupervisor, { kind: 'progress' }>;

async function outcomeOf(
  child: ChildProcess,
  exited: Promise<void>,
  progress: (line: string) => void,
): Promise<Outcome> {
  const told = new Promise<Outcome>((resolve) => {
    child.on('message', (message: FromSupervisor) => {
      if (message.kind === 'progress') progress(message.line);
      else resolve(message);
    });
  });
  const ended: Promise<Outcome> = exited.then(() => ({
    kind: 'failed',
    code: 'STACK_START',
    message: 'the start of the stack was stopped; see supervisor.log in its logs folder',
  }));
  return Promise.race([told, ended]);
}

async function keepRunning(child: ChildProcess): Promise<void> {
  const disconnected = new Promise<void>((resolve) => child.once('disconnect', () => resolve()));
  const keep: ToSupervisor = { kind: 'keep' };
  child.send(keep);
  await disconnected;
}
