/** A replay of the guard that is killed again and again, and repeated until it comes to its end. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { ReplayedGuard } from './replayed-guard.ts';

const timeoutMs = 1_800_000;
const kills = 20;
const seed = Math.floor(systemClock.nowMs());
let guard: ReplayedGuard;

beforeAll(async () => {
  guard = await ReplayedGuard.start('guard-replay-kills');
  await guard.live();
}, timeoutMs);

afterAll(() => guard.stop(), timeoutMs);

test(
  `killed at ${kills} random moments and repeated, it ends in the hashes of before (seed ${seed})`,
  async () => {
    await guard.system.application.stop();
    const said = await guard.topicHashes();
    const tables = await guard.tableHashes();
    const startedMs = systemClock.monotonicMs();
    const first = await guard.replay('--to-earliest', '--execute');
    const spentMs = systemClock.monotonicMs() - startedMs;
    const random = seededRandom(seed);
    let done = 0;
    let ended = 0;
    while (done < kills) {
      // Its process has to start first, and may have to wait for the session of the one before.
      const afterMs = random.next() * (spentMs + 10_000);
      const child = guard.spawn('--to-earliest', '--execute');
      const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const killed = systemClock.sleep(afterMs).then(() => child.kill('SIGKILL'));
      const code = await exit;
      if (code === null) done += 1;
      else ended += 1;
      expect([null, 0]).toContain(code);
      await killed;
    }
    const last = await guard.replay('--to-earliest', '--execute');

    process.stderr.write(`killed ${done} times, came to its end ${ended} times between\n`);
    expect([first.exitCode, last.exitCode]).toEqual([0, 0]);
    expect(last.report.before).toEqual(first.report.before);
    expect(last.report.after).toEqual(first.report.before);
    expect(await guard.topicHashes()).toEqual(said);
    expect(await guard.tableHashes()).toEqual(tables);
  },
  timeoutMs,
);
