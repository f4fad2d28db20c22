/** The benches beside other engines, in small: every side that can be had does the same work, checked. */
import { afterAll, describe, expect, test } from '@jest/globals';
import type { BenchBroker } from '../../bench/bench-broker.ts';
import { provideSides } from '../../bench/peers/sides.ts';
import { runRestoreBench } from '../../bench/restore/restore-bench.ts';
import { runSoakBench } from '../../bench/soak/soak-bench.ts';
import { runStreamsBench } from '../../bench/streams/streams-bench.ts';
import type { KafkaPort } from '../../streams/index.ts';
import { portOn, systemOptions, testStack } from './test-system.ts';

const timeoutMs = 180_000;
const { sides, notRun } = await provideSides(['jvm'], systemOptions);
const names = sides.map(({ name }) => name);
// A peer that cannot be had here must not look like one that was compared.
for (const { side, why } of notRun) process.stderr.write(`not run: ${side}: ${why}\n`);

let port: KafkaPort | undefined;
afterAll(() => port?.close());

/** The tests' own: a broker for each bench would take longer than what is tested. */
async function benchBroker(): Promise<BenchBroker> {
  const stack = await testStack();
  port ??= portOn(stack, 'peers-bench');
  return { brokers: stack.endpoints.kafkaBrokers.split(','), port };
}

describe(`the benches of ${names.join(' and ')}`, () => {
  test(
    'have every record counted exactly once by each side, and give its figures',
    async () => {
      const { runs, latencies, ratio } = await runStreamsBench(await benchBroker(), {
        ...{ records: 30_000, keys: 5_000, keysDistribution: 'zipf', partitions: 2, pairs: 1 },
        ...{ peers: ['jvm'], commitIntervalMs: 100, cacheMb: 64 },
        ...{ latencySeconds: 0, latencyRate: 1_000, warmsBroker: false, context: systemOptions },
      });

      expect(runs.map(({ side }) => side)).toEqual(names);
      for (const run of runs) {
        expect(run).toMatchObject({ pair: 1, isCutOff: false });
        expect(run.records).toBeGreaterThan(0);
        expect(run.cpuMicros).toBeGreaterThan(0);
        expect(run.peakRssMb).toBeGreaterThanOrEqual(run.rssMb);
      }
      expect(latencies).toEqual([]);
      expect(ratio !== undefined).toBe(names.includes('jvm'));
    },
    timeoutMs,
  );

  test(
    'restore a lost and a kept store of each side, whose keys are all asked for again',
    async () => {
      const { runs } = await runRestoreBench(await benchBroker(), {
        ...{ keys: 5_000, partitions: 2, pairs: 1, peers: ['jvm'], cacheMb: 64, settleMs: 0 },
        context: systemOptions,
      });

      expect(runs.map(({ side, state }) => `${side} ${state}`)).toEqual(
        names.flatMap((name) => [`${name} kept`, `${name} lost`]),
      );
      for (const { seconds, peakRssMb } of runs) {
        expect(seconds).toBeGreaterThan(0);
        expect(peakRssMb).toBeGreaterThan(0);
      }
      const ours = runs.find(({ side }) => side === 'rollguard');
      expect(ours?.figures).toHaveProperty('eventLoopDelayP99Ms');
    },
    timeoutMs,
  );

  test(
    'watch one instance under an even load over a restored store, and say how steep its memory is',
    async () => {
      const { samples, records, rssP50Mb, slopeMbPerHour } = await runSoakBench(
        await benchBroker(),
        {
          ...{ minutes: 0.1, keys: 5_000, partitions: 2, perSecond: 1_000, sampleMs: 500 },
          ...{ cacheMb: 64, commitIntervalMs: 100, context: systemOptions },
        },
      );

      expect(records).toBe(6_000);
      expect(samples.length).toBeGreaterThan(5);
      expect(samples.at(-1)?.lag).toBeLessThan(6_000);
      expect(rssP50Mb).toBeGreaterThan(0);
      expect(Number.isFinite(slopeMbPerHour)).toBe(true);
    },
    timeoutMs,
  );
});
