/**
 * Two instances of the Roll Service, one of which leads the backfill; whichever leads is killed at twenty
 * random moments while the platform writes. The other one takes the lead each time, and in the end the
 * ledgers are those of capture alone: nothing is lost, and no event is written twice.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { backfillTopic } from '../../topology/roll/roll-names.ts';
import type { ApplicationProcess } from '../../tools/start/application-process.ts';
import { chainWorkload, type Workload } from '../../tools/start/workload.ts';
import {
  RollApplications,
  tenantsOf,
  type RollApplication,
  type RollNames,
} from './roll-applications.ts';

const timeoutMs = 1_200_000;
const kills = 20;
const seed = systemClock.nowMs() % 1_000_000;
const settleMs = 300_000;
const batches = /^roll_service_backfill_batches_total(?:\{[^}]*\})? (\d+)/m;

describe('an instance that leads the backfill', () => {
  const random = seededRandom(seed);
  let rolls: RollApplications;
  let workload: Workload;
  let tenantIds: readonly string[];
  let prefix: string;
  let killed: RollNames;
  let captured: RollApplication;
  let ownUrl: string;
  const running = new Map<string, ApplicationProcess>();

  beforeAll(async () => {
    rolls = await RollApplications.open('backfill-leader', { settleMs });
    workload = chainWorkload({ seed, days: 12 });
    tenantIds = tenantsOf(workload);
    prefix = await rolls.emptyTopics();
    killed = rolls.names('killed', prefix, 'roll.events');
    ownUrl = await rolls.ownTables();
    captured = await rolls.start('captured', 'platform');
  }, timeoutMs);

  afterAll(async () => {
    for (const each of running.values()) await each.stop();
    await rolls.close();
  }, timeoutMs);

  test(
    `is killed at ${kills} random moments, and the other one goes on (seed ${seed})`,
    async () => {
      const feeding = rolls.feed(workload);
      // It is waited for below; one that cannot begin ends the test here.
      await Promise.race([feeding, systemClock.sleep(5_000)]);
      for (const name of ['first', 'second']) launch(name, { rowsPerSecond: 30 });
      const ends: number[] = [];
      const leaders: string[] = [];
      for (let kill = 0; kill < kills; kill += 1) {
        const [name, leader] = await leading();
        await systemClock.sleep(random.integer(1_500));
        process.kill(leader.pid, 'SIGKILL');
        await leader.ended;
        leaders.push(name);
        ends.push(await rolls.endOf(backfillTopic(killed.applicationId)));
        launch(name, { rowsPerSecond: 30 });
      }
      await feeding;
      for (const each of running.values()) await each.stop();
      await rolls.copyDates(prefix);
      await rolls.untilRight(captured, workload);
      launch('last', { rowsPerSecond: 0 });
      const wanted = await rolls.hashes(captured, tenantIds);
      const found = await untilEqual(wanted);
      await running.get('last')?.stop();

      expect(new Set(leaders).size).toBe(2);
      // What it published before it was killed stays.
      expect(ends.filter((end, n) => end > (ends[n - 1] ?? 0)).length).toBeGreaterThan(kills / 2);
      expect(found).toEqual(wanted);
      const events = await rolls.events(killed, tenantIds);
      expect(events.repeated).toEqual([]);
      expect(events.content).toEqual((await rolls.events(captured, tenantIds)).content);
      const { rows } = await rolls.backfill(killed, ownUrl, { tenantIds });
      expect(rows).toBe(0);
    },
    timeoutMs,
  );

  function launch(name: string, { rowsPerSecond }: { readonly rowsPerSecond: number }): void {
    const settings = {
      ...rolls.environment(killed, ownUrl),
      ...{ ROLLGUARD_SERVICES: 'roll', SHADOW_MODE: 'false', PLATFORM_TOPIC_PREFIX: prefix },
      ...{ ROLL_SERVICE_CONSUMER_ENABLED: 'false', ROLL_SERVICE_BACKFILL_ENABLED: 'true' },
      ROLL_SERVICE_BACKFILL_INTERVAL_MS: '500',
      ROLL_SERVICE_BACKFILL_BATCH_SIZE: '15',
      ROLL_SERVICE_BACKFILL_ROWS_PER_SECOND: String(rowsPerSecond),
    };
    running.set(name, rolls.system.startBeside(`backfill-${name}`, settings));
  }

  /** Waits until one publishes batches. */
  async function leading(): Promise<readonly [name: string, leader: ApplicationProcess]> {
    const before = new Map<ApplicationProcess, number>();
    const deadlineMs = systemClock.monotonicMs() + settleMs;
    for (;;) {
      for (const [name, each] of running) {
        each.assertAlive();
        const found = await batchesOf(each);
        const known = before.get(each);
        if (known !== undefined && found !== undefined && found > known) return [name, each];
        if (found !== undefined) before.set(each, found);
      }
      if (systemClock.monotonicMs() > deadlineMs) throw new Error('nobody leads the backfill');
      await systemClock.sleep(100);
    }
  }

  /** Undefined: it does not answer yet. */
  async function batchesOf({ url }: ApplicationProcess): Promise<number | undefined> {
    if (url === '') return undefined;
    try {
      const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2_000) });
      return Number(batches.exec(await answer.text())?.[1] ?? 0);
    } catch {
      return undefined;
    }
  }

  /** The ledgers of the instances, once they are as wanted, or after a while. */
  async function untilEqual(wanted: unknown): Promise<unknown> {
    const deadlineMs = systemClock.monotonicMs() + settleMs;
    for (;;) {
      const found = await rolls.hashes(killed, tenantIds);
      const isEqual = JSON.stringify(found) === JSON.stringify(wanted);
      if (isEqual || systemClock.monotonicMs() > deadlineMs) return found;
      await systemClock.sleep(2_000);
    }
  }
});
