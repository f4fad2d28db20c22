/** `rollguard replay offsets --application availability-guard` on the real stack, killed again and again, too. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { seededRandom } from '../../kernel/random.ts';
import { ReplayedGuard } from './replayed-guard.ts';
import { systemOptions } from './test-system.ts';

const timeoutMs = 1_800_000;
const kills = 20;
const seed = Math.floor(systemClock.nowMs());
let guard: ReplayedGuard;

beforeAll(async () => {
  guard = await ReplayedGuard.start('guard-replay');
  await guard.live();
}, timeoutMs);

afterAll(() => guard.stop(), timeoutMs);

/** Holds of nights that nobody else wants, one after another. @returns the statuses of the answers. */
async function askUntil(isOver: () => boolean): Promise<readonly number[]> {
  const answers: number[] = [];
  do {
    answers.push(await guard.lock(`beside-${answers.length}`, 1_000 + answers.length));
    await systemClock.sleep(20);
  } while (!isOver());
  return answers;
}

describe('a replay of the guard', () => {
  test(
    'is refused while an instance runs, which is named; a plan is not',
    async () => {
      const planned = await guard.replay('--to-earliest');
      const refused = await guard.replay('--to-earliest', '--execute');

      expect(planned.report).toMatchObject({ outcome: 'would-replay', plan: { isFull: true } });
      expect(refused.exitCode).toBe(1);
      expect(refused.err).toContain(`group ${guard.applicationId} has 1 live member`);
    },
    timeoutMs,
  );

  test(
    'into a side ends in the state of a guard that goes on deciding, and leaves it alone',
    async () => {
      const planned = await guard.replay('--into', '-side');
      const started = performance.now();
      let isOver = false;
      const asking = askUntil(() => isOver);
      const { exitCode, report, err } = await guard.replay('--into', '-side', '--execute');
      isOver = true;
      const answers = await asking;
      const spentMs = Math.round(performance.now() - started);

      process.stderr.write(`into a side beside ${answers.length} calls in ${spentMs} ms\n`);
      expect(planned.report).toMatchObject({ outcome: 'would-replay', plan: { isFull: true } });
      expect({ exitCode, err: exitCode === 0 ? '' : err }).toEqual({ exitCode: 0, err: '' });
      expect(report.after).toEqual(report.before);
      expect(report.before.filter(({ entries }) => entries > 0).length).toBeGreaterThan(4);
      expect(report.notes.join()).toMatch(/-decisions-0 at \d.*has gone on by \d+ offsets since/);
      expect(answers.filter((status) => status !== 200)).toEqual([]);
      await guard.settled();
    },
    timeoutMs,
  );

  test(
    'from the beginning, and from the middle, changes no byte of state, decides and says nothing',
    async () => {
      const { application } = guard.system;
      await application.stop();
      const said = await guard.topicHashes();
      const tables = await guard.tableHashes();
      const decisions = await guard.decisions();
      const started = performance.now();
      const whole = await guard.replay('--to-earliest', '--execute');
      const spentMs = performance.now() - started;
      const middle = new Date(guard.middleMs).toISOString();
      const part = await guard.replay('--to-datetime', middle, '--execute');

      process.stderr.write(`${decisions} decisions folded in ${Math.round(spentMs)} ms\n`);
      expect([whole.exitCode, part.exitCode]).toEqual([0, 0]);
      expect(whole.report).toMatchObject({ outcome: 'replayed', plan: { isFull: true } });
      expect(part.report).toMatchObject({ outcome: 'replayed', plan: { isFull: false } });
      expect(whole.report.before.filter(({ entries }) => entries > 0).length).toBeGreaterThan(8);
      expect(whole.report.after).toEqual(whole.report.before);
      expect(part.report.after).toEqual(whole.report.before);
      expect(decisions).toBeGreaterThan(200);
      expect(await guard.topicHashes()).toEqual(said);
      expect(await guard.tableHashes()).toEqual(tables);
    },
    timeoutMs,
  );

  test(
    'is followed by a start that says nothing and knows who holds what',
    async () => {
      const said = await guard.topicHashes();
      const tables = await guard.tableHashes();
      guard.system.startApplication(guard.settings);
      await guard.system.application.ready(systemOptions.signal);
      await guard.settled();

      expect(await guard.topicHashes()).toEqual(said);
      expect(await guard.tableHashes()).toEqual(tables);
      expect(await guard.lock('kept-3', 3)).toBe(200);
      expect(await guard.lock('late-3', 3)).toBe(409);
    },
    timeoutMs,
  );

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
});
