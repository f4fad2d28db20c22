/** The bench itself, in small: both sides move every record, both transaction versions commit. */
import { expect, test } from '@jest/globals';
import { runTransportBench, transportParts } from '../../bench/transport/transport-bench.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 180_000;

test(
  'the bench of the transport measures producing, consuming and short transactions',
  async () => {
    const report = await runTransportBench({
      ...{ parts: transportParts, pairs: 1, gapsMs: [0] },
      ...{ consumeRecords: 4_000, produceTransactions: 1, transactions: 20 },
      context: systemOptions,
    });

    expect(report.comparisons.map(({ what }) => what)).toEqual(['produce', 'consume']);
    for (const { runs, throughputRatio } of report.comparisons) {
      expect(runs.map(({ side }) => side)).toEqual(['rollguard', 'kafkajs']);
      expect(runs[0]?.figures.records).toBe(runs[1]?.figures.records);
      for (const { figures } of runs) expect(figures.cpuMicros).toBeGreaterThan(0);
      expect(throughputRatio).toBeGreaterThan(0);
    }
    expect(report.transactions.map(({ version }) => version)).toEqual([1, 2]);
    for (const { p50Ms, p99Ms } of report.transactions) {
      expect(p50Ms).toBeGreaterThan(0);
      expect(p99Ms).toBeGreaterThanOrEqual(p50Ms);
    }
  },
  timeoutMs,
);
