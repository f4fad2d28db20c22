/**
 * `replay offsets` killed at twenty moments of its life, and of the real bookings where they are: always
 * the hashes of before. Prints how fast it is.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { readReplayMark } from '../../streams/replay-mark.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { ReplayReport } from '../../tools/replay-offsets/replay-offsets.ts';
import { startSystem, type System } from '../../tools/start/system.ts';
import { bookingsWorkload, chainWorkload, type Workload } from '../../tools/start/workload.ts';
import { replayedRoll, type EndedReplay, type ReplayedRoll } from './replayed-roll.ts';
import { portOn, root, systemOptions } from './test-system.ts';

const timeoutMs = 3_600_000;
const killsWanted = 20;
const bookings = path.resolve(root, '../shared/data/hotel-bookings.csv');
const lifecycle = 'platform.public.reservation_command_lifecycle';

let system: System;
let port: KafkaPort;
let roll: ReplayedRoll | undefined;

beforeAll(async () => {
  system = await startSystem({ ...systemOptions, isBare: true });
  port = portOn(system.stack, 'replay-offsets-full-test');
}, timeoutMs);

afterEach(() => roll?.close());

afterAll(async () => {
  await port.close();
  await system.stop();
}, timeoutMs);

async function lived(name: string, workload: Workload): Promise<ReplayedRoll> {
  roll = await replayedRoll(system.stack, port, name);
  await workload.feed({
    ...{ databaseUrl: system.stack.endpoints.platformAdminDatabaseUrl, clock: systemClock },
    ...{ signal: systemOptions.signal, progress: () => undefined },
  });
  await roll.liveUntilRight(workload);
  return roll;
}

/** Rows of commands a second, from the command's start to its end. */
function tell(what: string, { plan, spentMs }: ReplayReport): void {
  const rows = plan.partitions
    .filter(({ topic }) => topic === lifecycle)
    .reduce((sum, { again }) => sum + again, 0);
  const perSecond = Math.round((rows / spentMs) * 1_000);
  process.stderr.write(
    `replay offsets, ${what}: ${rows} lifecycle rows (${plan.again} offsets) in ` +
      `${(spentMs / 1_000).toFixed(1)} s, ${perSecond} lifecycle rows/s with fencing, hashing and comparing\n`,
  );
}

describe('replay offsets', () => {
  test(
    'killed at twenty moments and run again ends in the hashes of before',
    async () => {
      const seed = systemClock.nowMs() % 1_000_000;
      const random = seededRandom(seed);
      const on = await lived('replay-kills', chainWorkload({ seed, days: 20 }));
      const [ends, rows] = [await on.keptEnds(), await on.table()];
      const args = ['--to-earliest', '--execute'];
      const undisturbed = await on.replay(...args).ended;
      const wholeMs = undisturbed.report?.spentMs ?? 0;
      let kills = 0;
      let begun = 0;
      let last: EndedReplay | undefined;
      while (kills < killsWanted) {
        const replay = on.replay(...args);
        const over = systemClock.sleep(random.integer(wholeMs + 2_000));
        await Promise.race([over, replay.ended]);
        if (replay.process.exitCode !== null) {
          last = await replay.ended;
          expect(last.exitCode).toBe(0);
          expect(last.report?.after).toEqual(undisturbed.report?.before);
          continue;
        }
        replay.process.kill('SIGKILL');
        await replay.ended;
        kills += 1;
        const mark = await readReplayMark(port, on.applicationId);
        if (mark?.completed === undefined) begun += 1;
      }
      last = await on.replay(...args).ended;

      process.stderr.write(
        `replay offsets, seed ${seed}: killed ${kills} times, ${begun} on its way\n`,
      );
      expect(begun).toBeGreaterThan(5);
      expect(last.exitCode).toBe(0);
      expect(last.report?.after).toEqual(undisturbed.report?.before);
      expect(await on.keptEnds()).toEqual(ends);
      expect(await on.table()).toEqual(rows);
    },
    timeoutMs,
  );

  test(
    'of the real bookings, whole, from the middle, and beside a live original',
    async () => {
      if (!existsSync(bookings)) {
        process.stderr.write(`not run: there is no ${bookings}\n`);
        return;
      }
      const beganMs = systemClock.nowMs();
      const on = await lived('replay-bookings', bookingsWorkload(bookings));
      const middle = new Date((beganMs + systemClock.nowMs()) / 2).toISOString();
      const [ends, rows] = [await on.keptEnds(), await on.table()];
      const whole = await on.replay('--to-earliest', '--execute').ended;
      const half = await on.replay('--to-datetime', middle, '--execute').ended;
      const side = await on.replay('--into', '-side', '--execute').ended;
      const complaints = [whole, half, side].map(({ exitCode, err }) =>
        exitCode === 0 ? '' : err,
      );

      expect(complaints).toEqual(['', '', '']);
      expect(whole.report?.after).toEqual(whole.report?.before);
      expect(half.report?.after).toEqual(whole.report?.before);
      expect(side.report?.after).toEqual(whole.report?.before);
      expect(half.report?.plan.again).toBeGreaterThan(1_000);
      expect(await on.keptEnds()).toEqual(ends);
      expect(await on.table()).toEqual(rows);
      if (whole.report !== undefined) tell('real bookings, all', whole.report);
      if (half.report !== undefined) tell('real bookings, from the middle', half.report);
    },
    timeoutMs,
  );
});
