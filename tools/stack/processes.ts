/**
 * Other processes, by pid *and* start time: a pid alone may by now be somebody else's, and is never
 * signalled. A zombie counts as ended: where pid 1 does not collect them, they would stay for ever.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Clock } from '../../kernel/clock.ts';
import type { ProcessId } from './stack-state.ts';

const pollIntervalMs = 20;
/** Field 22 of /proc/<pid>/stat, counted from field 3, the first after the command's `)`. */
const startTimeIndex = 22 - 3;

/** The start time of a running process in the system's own words; undefined when there is none. */
export function processStartTime(pid: number): string | undefined {
  if (process.platform === 'linux') return linuxStartTime(readStat(pid));
  const { stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  const [status = '', ...startTime] = stdout.trim().split(/\s+/);
  return status === '' || status.startsWith('Z') ? undefined : startTime.join(' ');
}

/** Reads the start time out of the text of /proc/<pid>/stat. The command in it may hold anything. */
export function linuxStartTime(stat: string): string | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const isEnded = fields[0] === 'Z' || fields[0] === 'X' || fields[0] === '';
  return isEnded ? undefined : fields[startTimeIndex];
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return '';
  }
}

/** How a just-started process is noted. @throws when it has already ended. */
export function identify(pid: number): ProcessId | undefined {
  const startTime = processStartTime(pid);
  return startTime === undefined ? undefined : { pid, processStartTime: startTime };
}

/** True while that very process runs. */
export function isRunning(id: ProcessId): boolean {
  return processStartTime(id.pid) === id.processStartTime;
}

/** Sends a signal to that very process; false when it has ended. */
export function signalProcess(id: ProcessId, signal: NodeJS.Signals): boolean {
  return isRunning(id) && kill(id.pid, signal);
}

function kill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export interface WaitOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** Waits until the process has ended; false when the time is over first. */
export async function waitForEnd(id: ProcessId, options: WaitOptions): Promise<boolean> {
  const deadlineMs = options.clock.monotonicMs() + options.timeoutMs;
  while (isRunning(id)) {
    if (options.clock.monotonicMs() >= deadlineMs) return false;
    await options.clock.sleep(pollIntervalMs);
  }
  return true;
}

/** Asks a process group's leader to end, waits, then ends the whole group by force. */
export async function stopProcess(
  id: ProcessId,
  signal: NodeJS.Signals,
  options: WaitOptions,
): Promise<'stopped' | 'killed' | 'was gone'> {
  if (!signalProcess(id, signal)) return 'was gone';
  const isEnded = await waitForEnd(id, options);
  if (isEnded) return 'stopped';
  if (isRunning(id)) kill(-id.pid, 'SIGKILL');
  await waitForEnd(id, { clock: options.clock, timeoutMs: options.timeoutMs });
  return 'killed';
}
