/** The campaign's plan: all of it from the seed, and possible in its order. */
import { describe, expect, test } from '@jest/globals';
import {
  describeFault,
  faultKinds,
  instancesMax,
  noFaults,
  planFaults,
  skewSpanMs,
  type FaultCounts,
} from '../../../tools/faults/fault-plan.ts';
import { frozenMsMin } from '../../../tools/faults/instance-settings.ts';

const many = Object.fromEntries(faultKinds.map((kind) => [kind, 6])) as FaultCounts;
const seeds = Array.from({ length: 50 }, (_, seed) => seed);

function plan(seed: number, counts = many, instances = 2): ReturnType<typeof planFaults> {
  return planFaults({ seed, counts, meanDelayMs: 1_000, instances });
}

describe('the plan of a campaign', () => {
  test('is the same for the same seed, and another one for another', () => {
    expect(plan(7)).toEqual(plan(7));
    expect(plan(8)).not.toEqual(plan(7));
  });

  test('has every wished fault once, at distances around the mean', () => {
    const faults = plan(7);
    const delays = faults.map(({ afterMs }) => afterMs);

    for (const kind of faultKinds) {
      expect(faults.filter((fault) => fault.kind === kind)).toHaveLength(6);
    }
    expect(Math.max(...delays)).toBeLessThanOrEqual(2_000);
    expect(delays.reduce((sum, each) => sum + each, 0) / delays.length).toBeGreaterThan(700);
  });

  test('names instances only that run then, and always leaves one', () => {
    for (const seed of seeds) {
      let running: readonly number[] = [1, 2];
      for (const fault of plan(seed)) {
        if ('instance' in fault) expect(running).toContain(fault.instance);
        if (fault.kind !== 'scale') continue;

        expect(fault.instances.length).not.toBe(running.length);
        expect(fault.instances.length).toBeGreaterThan(0);
        expect(new Set(fault.instances).size).toBe(fault.instances.length);
        expect(Math.max(...fault.instances)).toBeLessThanOrEqual(instancesMax);

        running = fault.instances;
      }
    }
  });

  test('lets an instance stand still for longer than the group waits', () => {
    const frozen = seeds.flatMap((seed) =>
      plan(seed).flatMap((fault) => (fault.kind === 'freeze' ? [fault.lastsMs] : [])),
    );

    expect(Math.min(...frozen)).toBeGreaterThanOrEqual(frozenMsMin);
    expect(frozenMsMin).toBeGreaterThan(6_000);
  });

  test('says how far apart its clocks may be', () => {
    const faults = plan(7, { ...noFaults, clock: 3 });
    const skews = faults.flatMap((fault) => (fault.kind === 'clock' ? [fault.skewMs] : []));

    expect(skews).toHaveLength(3);
    expect(skewSpanMs(faults)).toBeGreaterThanOrEqual(Math.max(...skews) - Math.min(...skews));
    expect(skewSpanMs(plan(7, noFaults))).toBe(0);
  });

  test('can be read', () => {
    const lines = plan(7).map(describeFault);

    expect(lines.every((line) => /^[a-zA-Z]/.test(line) && !line.includes('undefined'))).toBe(true);
    expect(lines).toContain('kill -9 kafka');
  });
});
