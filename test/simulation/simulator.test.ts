/** The simulator's short form: it tells the same history twice, the real code holds, every bug is found. */
import { describe, expect, test } from '@jest/globals';
import { plants } from '../../testing/simulator/plants/plants.ts';
import { randomSchedule } from '../../testing/simulator/random-schedule.ts';
import { shrink } from '../../testing/simulator/shrink.ts';
import { noPlant, simulate } from '../../testing/simulator/simulate.ts';

const seedsOfTheRealCode = 150;
const timeoutMs = 120_000;

/** A seed that finds each bug. */
const findingSeeds: Readonly<Record<string, number>> = {
  'no-fencing': 1,
  'offsets-before-changelog': 2,
  'answer-before-commit': 7,
  'aborted-record-applied': 1,
  'stale-checkpoint-trusted': 19,
  'clock-runs-back': 212,
  'taken-after-unknown': 12,
  'end-repeated': 537,
  'ends-forgotten': 388,
  'offsets-repeated': 2_581,
  'restore-below-watermark': 1,
  'checkpoint-older-than-tombstones': 105_658,
  'commands-forgotten': 6,
  'orders-without-version': 1,
  'ends-unheard': 169,
  'task-given-twice': 0,
  'task-given-to-nobody': 3,
  'standby-forgotten': 1,
  'standby-torn': 81,
  'forward-refused': 200,
  'forward-repeated': 200,
};

describe('the simulator', () => {
  test(
    'finds nothing wrong with the real code',
    async () => {
      const found: string[] = [];
      for (let seed = 0; seed < seedsOfTheRealCode; seed += 1) {
        const { violations } = await simulate(randomSchedule(seed));
        found.push(...violations.map((text) => `seed ${seed}: ${text}`));
      }
      expect(found).toEqual([]);
    },
    timeoutMs,
  );

  test('a task that went elsewhere while its commit failed is not taken back: seed 116171', async () => {
    const { violations } = await simulate(randomSchedule(116_171));

    expect(violations).toEqual([]);
  });

  test('gives the same history for the same seed, another one for another', async () => {
    const hashes: string[] = [];
    for (const seed of [3, 3, 4, 4]) hashes.push((await simulate(randomSchedule(seed))).hash);

    expect(hashes[0]).toBe(hashes[1]);
    expect(hashes[2]).toBe(hashes[3]);
    expect(hashes[0]).not.toBe(hashes[2]);
  });

  test('knows a seed for every bug on purpose', () => {
    expect(Object.keys(findingSeeds).sort()).toEqual(Object.keys(plants).sort());
  });

  test.each(Object.entries(findingSeeds))(
    'finds %s',
    async (name, seed) => {
      const report = await simulate(randomSchedule(seed), plants[name]);
      expect(report.violations).not.toEqual([]);
    },
    timeoutMs,
  );

  test(
    'makes a history shorter that still shows what is wrong',
    async () => {
      const plant = plants['offsets-before-changelog'] ?? noPlant;
      const schedule = randomSchedule(findingSeeds['offsets-before-changelog'] ?? 0);
      const report = await simulate(schedule, plant);
      const short = await shrink({ schedule, report }, plant, 60);

      expect(short.report.violations[0]?.slice(0, 3)).toBe(report.violations[0]?.slice(0, 3));
      expect(short.schedule.steps.length).toBeLessThan(schedule.steps.length / 2);
    },
    timeoutMs,
  );
});
