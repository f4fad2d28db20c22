/** Runs one seed after another in this process; the first that violates something is made short. */
import { plants } from '../../testing/simulator/plants/plants.ts';
import { randomSchedule } from '../../testing/simulator/random-schedule.ts';
import type { SimulatedSettings, Step } from '../../testing/simulator/schedule.ts';
import { shrink } from '../../testing/simulator/shrink.ts';
import { noPlant, simulate } from '../../testing/simulator/simulate.ts';
import type { CliContext } from '../cli-context.ts';

export interface SearchRequest {
  readonly from: number;
  readonly seeds: number;
  /** Undefined: the real code. */
  readonly plant: string | undefined;
}

export interface FoundViolation {
  readonly seed: number;
  readonly scenario: string;
  readonly settings: SimulatedSettings;
  /** Of the shortest history that was found to show it. */
  readonly steps: readonly Step[];
  readonly violations: readonly string[];
}

export interface SearchReport {
  readonly seeds: number;
  readonly seconds: number;
  readonly seedsPerMinute: number;
  readonly plant: string | undefined;
  readonly violation: FoundViolation | undefined;
}

const progressIntervalMs = 5_000;

export async function searchSeeds(request: SearchRequest, cli: CliContext): Promise<SearchReport> {
  const { clock } = cli;
  const startedMs = clock.monotonicMs();
  let toldMs = startedMs;
  let seeds = 0;
  let violation: FoundViolation | undefined;
  while (seeds < request.seeds && violation === undefined) {
    violation = await violationOf(request.from + seeds, request.plant);
    seeds += 1;
    const nowMs = clock.monotonicMs();
    if (nowMs - toldMs < progressIntervalMs) continue;
    toldMs = nowMs;
    const rate = ratePerMinute(seeds, nowMs - startedMs);
    cli.progress(`simulate: ${seeds} of ${request.seeds} seeds, ${rate} a minute`);
  }
  const spentMs = clock.monotonicMs() - startedMs;
  return {
    seeds,
    seconds: Math.round(spentMs / 100) / 10,
    seedsPerMinute: ratePerMinute(seeds, spentMs),
    plant: request.plant,
    violation,
  };
}

export function ratePerMinute(seeds: number, spentMs: number): number {
  return Math.round((seeds * 60_000) / Math.max(1, spentMs));
}

async function violationOf(
  seed: number,
  plantName: string | undefined,
): Promise<FoundViolation | undefined> {
  const plant = plants[plantName ?? ''] ?? noPlant;
  const schedule = randomSchedule(seed);
  const report = await simulate(schedule, plant);
  if (report.violations.length === 0) return undefined;
  const short = await shrink({ schedule, report }, plant);
  const { scenario, settings, steps } = short.schedule;
  return { seed, scenario, settings, steps, violations: short.report.violations };
}
