/** CPU time and memory of a process of ours, from the kernel's own accounting (Linux). */
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessUsage {
  readonly cpuSeconds: number;
  readonly rssMb: number;
  /** Highest resident set so far. */
  readonly peakRssMb: number;
}

// Linux counts CPU time in ticks of 10 ms (USER_HZ) on every architecture Node runs on.
const ticksPerSecond = 100;

/** Undefined where the kernel does not tell (not Linux) or the process is gone. */
export function processUsage(pid: number): ProcessUsage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold spaces and parentheses; fields are counted from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
    return {
      cpuSeconds: ticks / ticksPerSecond,
      rssMb: kilobytes('VmRSS') / 1024,
      peakRssMb: kilobytes('VmHWM') / 1024,
    };
  } catch {
    return undefined;
  }
}

/** CPU seconds of a process and everything below it, those that have ended included. */
export function treeCpuSeconds(pid: number): number {
  const below = childrenOf(pid).reduce((sum, child) => sum + treeCpuSeconds(child), 0);
  return (processUsage(pid)?.cpuSeconds ?? 0) + below;
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter((child) => child !== '')
        .map(Number),
    );
  } catch {
    return [];
  }
}
