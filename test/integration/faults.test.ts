import { describe, expect, test } from '@jest/globals';
import { runCampaign } from '../../tools/faults/campaign.ts';
import { noFaults } from '../../tools/faults/fault-plan.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 420_000;
const shortForm = {
  kill: 1,
  freeze: 1,
  cut: 1,
  'lose-state': 1,
  clock: 1,
  kafka: 1,
};

/** The short form of `npm run faults` (Connect is killed in `capture-crashes.full.test.ts`), on the shared stack and what it holds by now. */
describe('two instances whose parts fail in the middle of a load', () => {
  test(
    'F1 F2 F7 F14 F44: lose nothing, write nothing twice, sell nothing twice; the stores equal a recomputation',
    async () => {
      const seed = Math.floor(Date.now() / 1_000);
      const lines: string[] = [];
      const report = await runCampaign({
        ...systemOptions,
        workload: chainWorkload({ seed, days: 5 }),
        ...{ seed, days: 3, instances: 2 },
        faults: { ...noFaults, ...shortForm },
        meanDelayMs: 1_000,
        progress: (line) => void lines.push(line),
      }).catch((error: unknown) => {
        throw new Error(`seed ${seed}\n${lines.join('\n')}`, { cause: error });
      });

      expect({ seed, violations: report.violations }).toEqual({ seed, violations: [] });
      expect(report.faults).toHaveLength(6);
      expect(report.restores.every(({ restores }) => restores > 0)).toBe(true);
      expect(report.stateAfterLoss.tasks.every(({ store }) => store !== undefined)).toBe(true);
      expect(report.callers?.locks).toBeGreaterThan(10);
    },
    timeoutMs,
  );
});
