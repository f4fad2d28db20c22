/**
 * A replay of the guard into a side, on Kafka in this process: the guard that it is compared with lives on,
 * and nothing of it is touched.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../kernel/logger.ts';
import { seededRandom } from '../../../kernel/random.ts';
import type { KafkaPort } from '../../../streams/index.ts';
import { readReplayMark } from '../../../streams/replay-mark.ts';
import type { ReplayedApplication } from '../../../tools/replay-offsets/replayed-application.ts';
import { guardBeside } from '../../../tools/replay-offsets/guard/guard-beside.ts';
import type { ReplayReport } from '../../../tools/replay-offsets/replay-offsets.ts';
import { sideReplay } from '../../../tools/replay-offsets/side-replay.ts';
import {
  allSources,
  partitionsOfTopics,
  topicsOf,
} from '../../../tools/stopped-application/application-topics.ts';
import {
  deadLetterTopic,
  eventsTopic,
  FollowingGuard,
  followingTopology,
  idOf,
  suite,
} from '../../support/following-guard.ts';
import { untilSettled } from '../../support/until-settled.ts';
import { KilledPort } from '../guard/killed-port.ts';
import { live, lockCommand } from './lived-guard.ts';

const applicationId = 'test';
const side = `${applicationId}-side`;
const killsTimeoutMs = 120_000;
let guard: FollowingGuard;

beforeEach(async () => {
  guard = await FollowingGuard.besideHotel();
  await live(guard);
});

afterEach(() => guard.driver.close());

interface IntoSide {
  readonly isExecuted?: boolean;
  readonly port?: KafkaPort;
  readonly progress?: (line: string) => void;
}

function intoSide({
  isExecuted = true,
  port = guard.driver.kafka.client('replay'),
  progress = () => undefined,
}: IntoSide = {}): Promise<ReplayReport> {
  const { clock } = guard.driver;
  const replay = sideReplay({
    ...{ port, isExecuted, progress, clock, random: seededRandom(1), logger: silentLogger },
    ...{ original: beside(port, ''), side: beside(port, '-side'), stateDir: undefined },
    signal: new AbortController().signal,
  });
  return untilSettled(clock, replay);
}

function beside(port: KafkaPort, suffix: string): ReplayedApplication {
  return guardBeside({
    ...{ port, applicationId: `${applicationId}${suffix}`, eventsTopic: `${eventsTopic}${suffix}` },
    ...{ topicPrefix: 'platform', deadLetterTopic },
    topologyOf: (of) => followingTopology(of === undefined ? {} : { replay: of }),
  });
}

/** Of everything that is not the side's: each topic's id and ends, and where the group stands. */
async function original(): Promise<unknown> {
  const { kafka } = guard.driver;
  const topology = followingTopology();
  const outputs = [eventsTopic, deadLetterTopic, 'availability-guard.notifications'];
  const names = [...topicsOf(topology, applicationId), ...allSources(topology, applicationId)];
  const topics = [...new Set([...names, ...outputs, `${applicationId}-replay`])].map((name) => {
    const { topicId, partitions = [] } = kafka.topic(name) ?? {};
    return [name, topicId, ...partitions.map((log) => log.highWatermark)];
  });
  const partitions = await partitionsOfTopics(kafka.client('look'), names);
  return { topics, offsets: kafka.group(applicationId).stableOffsets(partitions) };
}

/** The first record of the original's topic that has a value with this in it. */
function recordWith(topic: string, text: string) {
  const { partitions = [] } = guard.driver.kafka.topic(topic) ?? {};
  const found = partitions
    .flatMap((log, partition) =>
      log.readCommitted(0, Infinity).records.map((record) => ({ record, partition })),
    )
    .find(({ record }) => String(record.value).includes(text));
  if (found === undefined) throw new Error(`there is no ${text} in ${topic}`);
  return found;
}

/** A command that the guard which lives takes a hold for. */
function askForMore(count: number): void {
  const day = String(10 + count).padStart(2, '0');
  const metadata = {
    ...{ commandId: idOf(`more ${count}`), commandName: 'inventory.lock.room' },
    ...{ tenantId: idOf('tenant'), targetService: 'availability-guard-service' },
    ...{ correlationId: 'more', issuedAt: new Date(guard.nowMs()).toISOString() },
  };
  const stay = { stayStart: `2026-07-${day}`, stayEnd: `2026-07-${Number(day) + 1}` };
  const payload = { ...lockCommand, ...stay, idempotencyKey: `more ${count}` };
  const value = Buffer.from(JSON.stringify({ metadata, payload }));
  guard.driver.kafka.append(
    'commands.primary',
    { key: Buffer.from('key'), value, timestampMs: guard.nowMs() },
    0,
  );
}

describe('a replay of the guard into a side', () => {
  test('ends in the hashes of the original, which lives on and is left as it was', async () => {
    const before = await original();
    const report = await intoSide();
    const again = await intoSide();

    expect(report.before.map(({ task }) => task)).toEqual(['intake_0', 'guard_0', 'guard_1']);
    expect(report.before.every(({ entries }) => entries > 0)).toBe(true);
    expect(report.after).toEqual(report.before);
    expect(again.after).toEqual(report.after);
    expect(report.emitted).toBe(0);
    expect(report.notes).toHaveLength(1);
    expect(await original()).toEqual(before);
    // Its own, and no events.
    const topics = ['decisions', 'catalogue', 'snapshot-ends', 'intake-changelog'];
    expect(topics.every((name) => guard.driver.kafka.topic(`${side}-${name}`))).toBe(true);
    const absent = [`${side}-orders-repartition`, `${eventsTopic}-side`, `${side}-replay-dlq`];
    expect(absent.filter((name) => guard.driver.kafka.topic(name))).toEqual([]);
    // Nobody has taken its tasks.
    await guard.held('R1', { stayStart: '2026-07-01', stayEnd: '2026-07-02' });
  });

  test('as a plan says how far it would go, and makes nothing', async () => {
    const before = await original();
    const { outcome, plan } = await intoSide({ isExecuted: false });
    const decisions = plan.partitions.filter(({ topic }) => topic === 'test-decisions');

    expect(outcome).toBe('would-replay');
    expect(decisions.map(({ now }) => now)).toEqual(
      [0, 1].map(
        (partition) => guard.driver.kafka.log({ topic: 'test-decisions', partition }).highWatermark,
      ),
    );
    expect(decisions.every(({ now }) => now > 0)).toBe(true);
    expect(await original()).toEqual(before);
    expect(guard.driver.kafka.topic(`${side}-decisions`)).toBeUndefined();
    expect(guard.driver.kafka.topic(`${side}-replay`)).toBeUndefined();
  });

  test('compares up to where it says, whatever is decided meanwhile', async () => {
    let asked = 0;
    const first = await intoSide({ progress: () => askForMore((asked += 1)) });
    const { plan, before, after, notes } = first;
    const second = await intoSide();
    const decisions = plan.partitions.filter(({ topic }) => topic === 'test-decisions');

    expect(asked).toBeGreaterThan(5);
    expect(after).toEqual(before);
    expect(second.after).toEqual(second.before);
    expect(second.before).not.toEqual(first.before);
    const told = decisions.map(({ partition, now }) => `test-decisions-${partition} at ${now}`);
    expect(told.filter((text) => notes[0]?.includes(text))).toEqual(told);
    expect(notes[1]).toMatch(/^test has gone on by \d+ offsets since, which are not compared$/);
  });

  test('takes a moment at which nothing is decided between its looks, and keeps to it', async () => {
    const { kafka, clock } = guard.driver;
    const port = kafka.client('replay');
    const listOffsets = port.admin.listOffsets.bind(port.admin);
    let looks = 0;
    port.admin.listOffsets = async (partitions, which) => {
      const offsets = await listOffsets(partitions, which);
      const isChangelog = partitions.some(({ topic }) => topic === 'test-guard-changelog');
      if (isChangelog && which === 'stable') looks += 1;
      // Three times it has moved before the second look, and then while the stores are hashed.
      const isMoving = which === 'stable' ? looks < 4 : which === 'earliest' && looks === 4;
      if (!isChangelog || !isMoving) return offsets;
      guard.captureRoom('301', suite, 'false');
      await clock.sleep(2_000);
      return offsets;
    };
    const { before, after, notes } = await intoSide({ port });

    expect(looks).toBe(4);
    expect(after).toEqual(before);
    expect(notes[1]).toMatch(/gone on by \d+ offsets/);
  });

  test('tells of a hold that does not follow from the decisions', async () => {
    const changelog = 'test-guard-changelog';
    const { record, partition } = recordWith(changelog, '"status":"CONFIRMED"');
    const value = Buffer.from(String(record.value).replace('CONFIRMED', 'TENTATIVE'));
    guard.driver.kafka.append(changelog, { ...record, value }, partition);
    const { before, after } = await intoSide();
    const unlike = after.filter(({ hash }, at) => hash !== before[at]?.hash);

    expect(unlike.map(({ task }) => task)).toEqual([`guard_${partition}`]);
  });

  test('is refused when state cannot be made of the decisions, and nothing is made', async () => {
    const { record, partition } = recordWith('test-decisions', '"kind":"lock"');
    guard.driver.kafka.append('test-decisions', { ...record, timestampMs: 1 }, partition);

    await expect(intoSide()).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringMatching(
        /cannot be made of test-decisions-\d.*decision \d+: /,
      ) as unknown,
    });
    expect(guard.driver.kafka.topic(`${side}-replay`)).toBeUndefined();
  });

  test('is refused while a transaction stays open, and where somebody lives already', async () => {
    const { kafka } = guard.driver;
    const hanging = await kafka
      .client('hanging')
      .openProducer({ transactionalId: 'hanging', transactionTimeoutMs: 900_000 });
    const records = [{ key: null, value: Buffer.from('{}'), timestampMs: guard.nowMs() }];
    await hanging.produce([{ topic: 'test-decisions', partition: 1, records }]);

    await expect(intoSide()).rejects.toMatchObject({
      code: 'NOT_READY',
      message: expect.stringMatching(/^--into .*guard_1 of test .*test-decisions-1/) as unknown,
    });
    await hanging.abort();
    kafka.createTopic({ name: `${side}-catalogue`, partitionCount: 2, configs: {} });
    await expect(intoSide()).rejects.toThrow(/has a life of its own \(test-side-catalogue\)/);
  });

  test(
    'is what it was whenever it is killed and done again, while the original goes on',
    async () => {
      const before = await original();
      const { kafka } = guard.driver;
      let kills = 0;
      let wentOn = 0;
      for (let write = 1; ; write += 3) {
        const when = write % 2 === 0 ? 'before' : 'after';
        const killed = new KilledPort(kafka.client(`killed-${write}`), { write, when });
        const report = await intoSide({ port: killed.port }).catch(() => undefined);
        if (report !== undefined) break;
        kills += 1;
        const mark = await readReplayMark(kafka.client('look'), side);
        const isOpen = mark?.isReset === true && mark.completed === undefined;
        expect(await original()).toEqual(before);
        const again = await intoSide();
        expect(again.after).toEqual(again.before);
        if (isOpen) {
          wentOn += 1;
          expect(again.replayId).toBe(mark.begun.replayId);
        }
      }

      expect(kills).toBeGreaterThan(8);
      expect(wentOn).toBeGreaterThan(3);
      expect(await original()).toEqual(before);
    },
    killsTimeoutMs,
  );

  test('killed once the original had gone on is compared with what it was begun with', async () => {
    const { kafka } = guard.driver;
    let died: ReplayReport | undefined;
    for (let write = 1; write < 200; write += 1) {
      const killed = new KilledPort(kafka.client(`killed-${write}`), { write, when: 'after' });
      died = await intoSide({ port: killed.port }).catch(() => undefined);
      const mark = await readReplayMark(kafka.client('look'), side);
      if (mark?.isReset === true || died !== undefined) break;
    }
    const begun = (await readReplayMark(kafka.client('look'), side))?.begun;
    await guard.held('R1', { stayStart: '2026-07-01', stayEnd: '2026-07-02' });
    const { replayId, before, after, notes, plan } = await intoSide();
    const decided = plan.partitions.filter(({ topic }) => topic === 'test-decisions');

    expect(died).toBeUndefined();
    expect(replayId).toBe(begun?.replayId);
    expect(before).toEqual(begun?.hashes);
    expect(after).toEqual(before);
    expect(notes[1]).toMatch(/gone on by \d+ offsets/);
    const positions = begun?.positions.filter(({ topic }) => topic === `${side}-decisions`);
    expect(decided.map(({ now }) => now)).toEqual(positions?.map(({ now }) => now));
  });
});
