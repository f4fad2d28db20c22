import { describe, expect, test } from '@jest/globals';
import { runCampaign } from '../../tools/faults/campaign.ts';
import { chainWorkload } from '../../tools/start/workload.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 420_000;

/** The short form of `npm run faults`, on the shared stack and what it holds by now. */
describe('kill -9 of every part in the middle of a load', () => {
  test(
    'F1 F7 F14 F31 F32: loses nothing, writes nothing twice, replays only tails; the stores equal a recomputation',
    async () => {
      const seed = Math.floor(Date.now() / 1_000);
      const lines: string[] = [];
      const report = await runCampaign({
        ...systemOptions,
        workload: chainWorkload({ seed, days: 20 }),
        seed,
        faults: { application: 3, connect: 1, kafka: 1, postgres: 0, registry: 1 },
        meanDelayMs: 1_500,
        progress: (line) => void lines.push(line),
      }).catch((error: unknown) => {
        throw new Error(`seed ${seed}\n${lines.join('\n')}`, { cause: error });
      });

      expect({ seed, violations: report.violations }).toEqual({ seed, violations: [] });
      expect(report.kills).toHaveLength(6);
      expect(report.restores.restores).toBeGreaterThan(0);
      expect(report.state.tasks.every(({ store }) => store !== undefined)).toBe(true);
    },
    timeoutMs,
  );
});
