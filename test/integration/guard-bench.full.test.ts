/** The bench itself, in small: every kind of side answers, is charged for its CPU and sells nothing twice. */
import { expect, test } from '@jest/globals';
import { runGuardBench } from '../../bench/guard/guard-bench.ts';
import { loadKinds } from '../../bench/guard/wishes.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 180_000;
const sides = ['rollguard', 'postgres exclude behind grpc', 'postgres advisory'];

test(
  'the bench of the guard measures each side and finds no double booking',
  async () => {
    const report = await runGuardBench({
      kinds: loadKinds.filter(({ name }) => name === 'uniform' || name === 'hot'),
      isWanted: (side) => sides.includes(side),
      ...{ seconds: 1, warmUpSeconds: 1, rates: [50], callers: [8] },
      ...{ partitions: 4, connections: 4, system: systemOptions },
    });

    expect(report.doubleBookings).toEqual(sides.map((side) => ({ side, count: 0 })));
    expect(report.runs).toHaveLength(2 * 2 * sides.length);
    for (const { load, side, figures } of report.runs) {
      const { calls, outcomes, cpuMicros } = figures;
      expect(calls).toBeGreaterThan(0);
      expect(outcomes.ERROR).toBe(0);
      if (load === 'uniform') expect(outcomes.LOCKED).toBe(calls);
      else expect(outcomes.LOCKED).toBe(1);
      const server = side === 'rollguard' ? 'application' : 'postgres';
      expect(cpuMicros[server]).toBeGreaterThan(0);
    }
  },
  timeoutMs,
);
