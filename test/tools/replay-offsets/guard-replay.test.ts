/**
 * A replay of the guard, on Kafka in this process: holds taken by callers, by commands, by what the
 * platform sold; released, expired, refused. Afterwards every task has the bytes of before, nothing was
 * said or decided a second time, and a guard that starts goes on.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { noMetrics } from '../../../kernel/metrics.ts';
import { silentLogger } from '../../../kernel/logger.ts';
import { seededRandom } from '../../../kernel/random.ts';
import type { FetchedRecord, KafkaPort } from '../../../streams/index.ts';
import { checkNoReplay } from '../../../streams/replay-mark.ts';
import { readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { guardToReplay } from '../../../tools/replay-offsets/guard/guard-to-replay.ts';
import {
  replayOffsets,
  type ReplayOptions,
  type ReplayReport,
} from '../../../tools/replay-offsets/replay-offsets.ts';
import type { ResetTarget } from '../../../tools/replay-offsets/reset-target.ts';
import {
  commandsTopic,
  deadLetterTopic,
  eventsTopic,
  FollowingGuard,
  followingTopology,
  idOf,
  suite,
} from '../../support/following-guard.ts';
import { KilledPort } from '../guard/killed-port.ts';
import { untilSettled } from '../../support/until-settled.ts';
import { live, lockCommand } from './lived-guard.ts';

const applicationId = 'test';
const killsTimeoutMs = 120_000;
const decisionsTopic = 'test-decisions';
const notificationsTopic = 'availability-guard.notifications';
let guard: FollowingGuard;

beforeEach(async () => {
  guard = await FollowingGuard.besideHotel();
});

afterEach(() => guard.driver.close());

interface Replay {
  readonly target?: ResetTarget;
  readonly topics?: readonly string[];
  readonly port?: KafkaPort;
}

function replay({
  target = { kind: 'earliest' },
  topics = [],
  port,
}: Replay = {}): Promise<ReplayReport> {
  const { kafka, clock } = guard.driver;
  const used = port ?? kafka.client('replay');
  const options: ReplayOptions = {
    ...{ port: used, target, asked: `--to-${target.kind}`, topics, partitions: [] },
    application: guardToReplay({
      ...{ port: used, applicationId, eventsTopic, topicPrefix: 'platform', deadLetterTopic },
      topologyOf: (of) => followingTopology(of === undefined ? {} : { replay: of }),
    }),
    ...{ isExecuted: true, stateDir: undefined, random: seededRandom(1), clock },
    ...{ logger: silentLogger, signal: new AbortController().signal, progress: () => undefined },
  };
  return untilSettled(clock, replayOffsets(options));
}

function written(topic: string): readonly FetchedRecord[][] {
  const { partitions } = guard.driver.kafka.topic(topic) ?? { partitions: [] };
  return partitions.map((log) => [...log.readCommitted(0, Infinity).records]);
}

/** What the guard has said and what it has decided. */
function outputs(): Record<string, readonly FetchedRecord[][]> {
  const topics = [eventsTopic, decisionsTopic, deadLetterTopic, notificationsTopic];
  return Object.fromEntries(topics.map((topic) => [topic, written(topic)]));
}

async function livedAndStopped(): Promise<readonly string[]> {
  await live(guard);
  const standing = await guard.standing();
  await guard.driver.close();
  return standing;
}

function topicIdsOf(): Promise<Record<string, string>> {
  const names = followingTopology().internalTopics.keys();
  const changelogs = ['intake', 'reservations', 'guard'].map((name) => `${name}-changelog`);
  const topics = [...names, ...changelogs].map((name) => `${applicationId}-${name}`);
  return guard.driver.kafka
    .client('ids')
    .admin.describeTopics(topics)
    .then((found) => Object.fromEntries(found.map(({ name, topicId }) => [name, topicId])));
}

describe('a full replay of the guard', () => {
  test('ends in the hashes of before, decides nothing and says nothing', async () => {
    const standing = await livedAndStopped();
    const said = outputs();
    const ids = await topicIdsOf();

    const { plan, notes, before, after } = await replay();

    expect(plan.isFull).toBe(true);
    expect(notes).toEqual([]);
    expect(before.map(({ task }) => task)).toEqual([
      ...['intake_0', 'reservations_0', 'reservations_1', 'guard_0', 'guard_1'],
    ]);
    expect(before.every(({ entries }) => entries > 0)).toBe(true);
    expect(after).toEqual(before);
    expect(outputs()).toEqual(said);
    const now = await topicIdsOf();
    expect(Object.keys(ids).filter((name) => now[name] !== ids[name])).toEqual([
      ...[
        'snapshot-ends',
        'reservation-facts-repartition',
        'intake-changelog',
        'guard-changelog',
      ].map((name) => `${applicationId}-${name}`),
    ]);
    guard = await FollowingGuard.start({}, guard);
    expect(await guard.standing()).toEqual(standing);
    expect(outputs()).toEqual(said);
  });

  test('can be done again, and again after more was decided', async () => {
    await livedAndStopped();
    const first = await replay();
    guard = await FollowingGuard.start({}, guard);
    await guard.held('R1', { stayStart: '2026-07-01', stayEnd: '2026-07-02' });
    await guard.driver.close();
    const second = await replay();
    const third = await replay();

    expect(second.before).not.toEqual(first.after);
    expect(second.after).toEqual(second.before);
    expect(third.after).toEqual(second.before);
  });

  test('leaves to the guard what it had not decided yet, and that once', async () => {
    await live(guard);
    await guard.driver.close();
    // What the other tasks send it while it is not there.
    const others = await FollowingGuard.start({}, guard, noMetrics, 'keep');
    const stay = { roomTypeId: suite, arrival: '2026-08-01', departure: '2026-08-03' };
    await others.reservation('R3', 'CONFIRMED', stay);
    others.captureRoom('301', suite, 'false');
    await others.settle();
    await others.driver.close();
    const said = outputs();

    const { before, after, notes } = await replay();

    expect(after).toEqual(before);
    expect(outputs()).toEqual(said);
    expect(notes).toEqual([
      '1 records of test-orders-repartition wait for the guard, which decides them',
    ]);
    guard = await FollowingGuard.start({}, guard);
    await guard.settle();
    const grants = guard
      .events()
      .filter(({ type, roomTypeId }) => type === 'inventory.locked' && roomTypeId === suite)
      .filter(({ reservationId }) => reservationId === idOf('R3'));
    expect(await guard.standing()).toContain('R3 suite CONFIRMED 08-01 08-02');
    expect(grants).toHaveLength(1);
  });

  test(
    'is what it was whenever it is killed and done again',
    async () => {
      await livedAndStopped();
      const said = outputs();
      const { kafka } = guard.driver;
      const { before } = await replay();
      let kills = 0;
      for (let write = 1; ; write += 4) {
        const when = write % 2 === 0 ? 'before' : 'after';
        const killed = new KilledPort(kafka.client(`killed-${write}`), { write, when });
        const died = await replay({ port: killed.port }).then(
          () => false,
          () => true,
        );
        if (!died) break;
        kills += 1;
        const { after } = await replay();
        expect(after).toEqual(before);
      }

      expect(kills).toBeGreaterThan(10);
      expect(outputs()).toEqual(said);
    },
    killsTimeoutMs,
  );

  test('is refused when state cannot be made of the decisions: the one there is stays', async () => {
    await livedAndStopped();
    const grant = written(decisionsTopic)[0]?.find(({ value }) =>
      readDecisionLine(value ?? Buffer.alloc(0)).changes.some(({ kind }) => kind === 'lock'),
    );
    if (grant === undefined) throw new Error('nothing was granted');
    const ids = await topicIdsOf();
    guard.driver.kafka.append(decisionsTopic, { ...grant, timestampMs: 1 }, 0);

    await expect(replay()).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringMatching(
        /test-decisions-0, and was left as it is: decision \d+: /,
      ) as unknown,
    });
    expect(await topicIdsOf()).toEqual(ids);
    await checkNoReplay(guard.driver.kafka.client('start'), applicationId);
  });
});

describe('any other reset of the guard', () => {
  test('reads the tables again, and changes not a byte', async () => {
    await live(guard);
    const atMs = guard.nowMs() - 10_000;
    await guard.driver.close();
    const said = outputs();
    const ids = await topicIdsOf();

    const some = await replay({ target: { kind: 'datetime', atMs } });
    const all = await replay({ target: { kind: 'datetime', atMs: 0 } });

    expect([some.plan.isFull, all.plan.isFull]).toEqual([false, false]);
    expect(some.plan.again).toBeGreaterThan(0);
    expect(all.plan.again).toBeGreaterThan(some.plan.again);
    expect([some.after, all.after]).toEqual([some.before, some.before]);
    expect(await topicIdsOf()).toEqual(ids);
    expect(outputs()).toEqual(said);
    guard = await FollowingGuard.start({}, guard);
    await guard.settle();
    expect(outputs()).toEqual(said);
  });

  test('reads no command again: what was released stays released', async () => {
    await guard.command('inventory.lock.room', lockCommand);
    const [lock] = await guard.liveHolds();
    const payload = { lockId: lock?.lockId, reason: 'TEST' };
    await guard.command('inventory.release.room', payload, { commandId: idOf('release') });
    await guard.driver.close();

    await expect(replay({ topics: [commandsTopic] })).rejects.toMatchObject({ code: 'USAGE' });
    await replay({ target: { kind: 'datetime', atMs: 0 } });
    await replay();
    guard = await FollowingGuard.start({}, guard);
    await guard.settle();

    expect(lock).toMatchObject({ reservationId: idOf('R3') });
    expect(await guard.liveHolds()).toEqual([]);
  });
});
