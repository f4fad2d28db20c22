/** Runs one schedule: its world, its scenario, and whatever goes wrong outside of both. */
import process from 'node:process';
import { messageOf } from '../../kernel/errors.ts';
import { countingScenario } from './counting.ts';
import { guardScenario } from './guard.ts';
import type { Plant } from './plant.ts';
import type { Schedule } from './schedule.ts';
import { World, type HistoryReport } from './world.ts';

export const noPlant: Plant = { summary: 'the real code' };

export async function simulate(schedule: Schedule, plant = noPlant): Promise<HistoryReport> {
  const { scenario, partitions } = schedule;
  const world = new World(
    schedule,
    scenario === 'count'
      ? countingScenario(partitions)
      : guardScenario(partitions, scenario === 'streams'),
    plant,
  );
  const unhandled = (error: unknown): void => {
    world.violation(`an unhandled rejection: ${messageOf(error)}`);
  };
  process.on('unhandledRejection', unhandled);
  // Refusals are common here, and nobody reads where they were made.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return await world.run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    process.off('unhandledRejection', unhandled);
  }
}
