/** The bench itself, in small: each guarantee works every record off. */
import { expect, test } from '@jest/globals';
import { runEosBench } from '../../bench/eos/eos-bench.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 180_000;

test(
  'the bench of exactly-once measures the same topology with each guarantee',
  async () => {
    const { runs, throughputRatio } = await runEosBench({
      ...{ records: 20_000, keys: 1_000, partitions: 2, commitIntervalMs: 100, pairs: 1 },
      context: systemOptions,
    });

    expect(runs.map(({ side }) => side)).toEqual(['exactly-once', 'at-least-once']);
    for (const { figures } of runs) {
      expect(figures.records).toBeGreaterThan(0);
      expect(figures.cpuMicros).toBeGreaterThan(0);
    }
    expect(throughputRatio).toBeGreaterThan(0);
  },
  timeoutMs,
);
