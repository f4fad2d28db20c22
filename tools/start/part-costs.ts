/** What each part of the system spent between two looks, and which of them the others wait for. */
import type { Clock } from '../../kernel/clock.ts';
import { processUsage, treeCpuSeconds } from './process-usage.ts';
import type { System } from './system.ts';

export interface PartCosts {
  /** Since the look it began with. */
  readonly seconds: number;
  /** CPU seconds by part: postgres, kafka, registry, connect, application, feed (this process). */
  readonly cpuSeconds: Readonly<Record<string, number>>;
  /** Highest resident set of the application, MiB. */
  readonly peakRssMb: number;
}

/** Begins to count; the function it returns tells what was spent since. */
export function countCosts(system: System, clock: Clock): () => PartCosts {
  const pids = new Map([
    ...system.stack.parts.map(({ name, pid }) => [name, pid] as const),
    ['application', system.application.pid] as const,
  ]);
  const look = (): ReadonlyMap<string, number> => {
    const { user, system: kernel } = process.cpuUsage();
    const others = [...pids].map(([name, pid]) => [name, treeCpuSeconds(pid)] as const);
    return new Map([...others, ['feed', (user + kernel) / 1e6]]);
  };
  const before = look();
  const startedMs = clock.monotonicMs();
  return () => ({
    seconds: (clock.monotonicMs() - startedMs) / 1_000,
    cpuSeconds: Object.fromEntries(
      [...look()].map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)]),
    ),
    peakRssMb: processUsage(system.application.pid)?.peakRssMb ?? 0,
  });
}

/** The part that used the most CPU: on a machine that is busy throughout, making it cheaper helps most. */
export function bottleneckOf({ cpuSeconds }: PartCosts): string {
  const [first] = Object.entries(cpuSeconds).sort(([, left], [, right]) => right - left);
  return first?.[0] ?? '';
}
