/** A projector that is killed with -9 at random moments: nothing is lost, nothing is there twice. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { projected, until, type Projected } from './projected.ts';

const timeoutMs = 600_000;
const kills = 20;
/** A life: longer than it takes to begin applying, by at most so much. */
const lifeMsMax = 1_500;
const script = fileURLToPath(new URL('projector-process.ts', import.meta.url));

describe('a projector killed at random moments', () => {
  let on: Projected;

  beforeAll(async () => {
    on = await projected('projector-kills');
  }, timeoutMs);

  afterAll(async () => {
    await on.close();
  });

  test(
    'leaves a table that is what the events say, and offsets that are the mirror of Kafka',
    async () => {
      const seed = systemClock.nowMs();
      const random = seededRandom(seed);
      const positions: number[] = [];
      for (let kill = 0; kill < kills; kill += 1) {
        await on.write(1_500);
        const before = await applied();
        const child = spawn(process.execPath, ['--import', 'tsx', script], {
          env: { ...process.env, ...on.environment },
          stdio: 'ignore',
        });
        const ended = once(child, 'exit');
        await until(async () => (await applied()) > before);
        await systemClock.sleep(random.integer(lifeMsMax));
        child.kill('SIGKILL');
        await ended;
        positions.push(await applied());
      }
      const metrics = createMetricsRegistry();
      const last = on.projector({ metrics });
      last.start();
      await on.mirrored();
      await last.close();

      expect(positions).toEqual([...positions].sort((left, right) => left - right));
      expect({ seed, table: await on.table() }).toEqual({ seed, table: on.expected() });
    },
    timeoutMs,
  );

  async function applied(): Promise<number> {
    return (await on.offsets()).reduce((sum, { table }) => sum + Math.max(0, table), 0);
  }
});
