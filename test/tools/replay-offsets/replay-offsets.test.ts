/** Replays of the real roll topology, on Kafka in this process. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { checkNoReplay, readReplayMark } from '../../../streams/replay-mark.ts';
import type { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import { replayIdHeader, replayIdOf } from '../../../topology/roll/replay-header.ts';
import { KilledPort } from '../guard/killed-port.ts';
import type { ReplayReport } from '../../../tools/replay-offsets/replay-offsets.ts';
import {
  applicationId,
  capture,
  eventsTopic,
  livedRoll,
  middleMs,
  oneDayMore,
  replayIntoSide,
  replayOn,
  startRoll,
  topicOf,
} from './lived-roll.ts';

const ticks = `${applicationId}-ticks`;
const letters = `${applicationId}-dlq`;
const kept = [eventsTopic, ticks, letters, `${applicationId}-closed-dates`];

let driver: TopologyTestDriver;

beforeEach(async () => {
  driver = await livedRoll();
});

function recordsOf(topic: string) {
  return (driver.kafka.topic(topic)?.partitions ?? []).flatMap(
    (log) => log.readCommitted(0, Infinity).records,
  );
}

function lengths(): number[] {
  return kept.map((topic) => recordsOf(topic).length);
}

describe('a full reset', () => {
  test('ends in the hashes of before; no event, tick or dead letter is written', async () => {
    const before = lengths();
    const topicIds = [ticks, `${applicationId}-ledger-changelog`].map(topicId);
    const report = await replayOn(driver);

    expect(report.plan).toMatchObject({ isFull: true, skipped: 0 });
    expect(report.plan.again).toBeGreaterThan(40);
    expect(report.before.map(({ entries }) => entries).reduce((a, b) => a + b)).toBeGreaterThan(20);
    expect(report.after).toEqual(report.before);
    expect(report.emitted).toBe(0);
    expect(lengths()).toEqual(before);
    expect(before[2]).toBe(1);
    const [ticksAfter, changelogAfter] = [ticks, `${applicationId}-ledger-changelog`].map(topicId);
    expect(ticksAfter).toBe(topicIds[0]);
    expect(changelogAfter).not.toBe(topicIds[1]);
  });

  test('leaves a service that goes on as if there had been none', async () => {
    const undisturbed = await livedRoll();
    await replayOn(driver);
    await oneDayMore(driver);
    await oneDayMore(undisturbed);

    const other = await replayOn(undisturbed);
    expect((await replayOn(driver)).before).toEqual(other.before);
  });

  test('says again what the events have lost, once, and takes back what they should not have', async () => {
    const [lost] = recordsOf(eventsTopic);
    const stray = JSON.parse(String(lost?.value)) as { entry: { ledgerId: string } };
    stray.entry.ledgerId = 'stray';
    const entries = new Set(recordsOf(eventsTopic).map(({ value }) => ledgerIdOf(value)));
    driver.kafka.deleteTopic(eventsTopic);
    driver.kafka.createTopic({ name: eventsTopic, partitionCount: 3, configs: {} });
    driver.kafka.append(eventsTopic, {
      ...{ key: lost?.key ?? null, value: Buffer.from(JSON.stringify(stray)), timestampMs: 1 },
    });
    const report = await replayOn(driver);
    const again = await replayOn(driver);

    expect([report.emitted, again.emitted]).toEqual([entries.size + 1, 0]);
    const written = recordsOf(eventsTopic).slice(0);
    const ofReplay = written.filter(({ headers }) =>
      headers.some(({ key, value }) => key === replayIdHeader && String(value) === report.replayId),
    );
    expect(ofReplay.length).toBe(entries.size + 1);
    // For a reader they are changes, not what was told before once more.
    expect(ofReplay.map((record) => replayIdOf(record))).not.toContain(report.replayId);
    expect(new Set(written.map(({ value }) => ledgerIdOf(value)))).toEqual(
      new Set([...entries, 'stray']),
    );
    expect(written.map(({ value }) => JSON.parse(String(value)) as object)).toContainEqual(
      expect.objectContaining({ kind: 'voided', entry: stray.entry }),
    );
  });

  test('tells the dates that were read and never told', async () => {
    const before = recordsOf(ticks).length;
    const shortened = recordsOf(ticks).length / 2 - 1;
    cutTicks(shortened);
    const report = await replayOn(driver);

    expect(report.notes.join()).toMatch(/1 business dates that no tick told/);
    expect(recordsOf(ticks).length).toBe(before);
  });
});

describe('any other reset', () => {
  test.each([
    ['to the middle', () => ({ kind: 'offset', offset: 2 }) as const],
    ['back by three', () => ({ kind: 'shift', by: -3 }) as const],
    ['to a time', () => ({ kind: 'datetime', atMs: middleMs }) as const],
  ])('%s keeps the state, reads again and writes nothing', async (asked, targetOf) => {
    const before = lengths();
    const topic = `${applicationId}-ledger-changelog`;
    const changelogId = topicId(topic);
    const report = await replayOn(driver, { target: targetOf(), asked });

    expect(report.plan.isFull).toBe(false);
    expect(report.plan.again).toBeGreaterThan(5);
    expect(report.after).toEqual(report.before);
    expect(report.emitted).toBe(0);
    expect(lengths()).toEqual(before);
    expect(topicId(topic)).toBe(changelogId);
  });

  test('of one topic leaves the others where they are', async () => {
    const topics = [topicOf('reservations')];
    const { plan, after, before } = await replayOn(driver, { topics });

    expect(plan.isFull).toBe(false);
    expect(
      new Set(plan.partitions.flatMap(({ topic, again }) => (again > 0 ? topic : []))),
    ).toEqual(new Set(topics));
    expect(after).toEqual(before);
  });
});

describe('a replay is refused', () => {
  test('while a member is alive, which it names with its host', async () => {
    const alive = await startRoll(driver);
    await expect(replayOn(driver)).rejects.toThrow(
      /1 live member\(s\): \S+ \(client in-process\) on in-process; stop every instance/,
    );
    expect(await readReplayMark(driver.kafka.client(), applicationId)).toBeUndefined();
    await alive.close();
  });

  test('while another one is not complete', async () => {
    await killedAt(30);
    const target = { kind: 'latest' } as const;
    await expect(replayOn(driver, { target, asked: '--to-latest' })).rejects.toThrow(
      /is not complete: run that one to its end first .*--to-earliest --execute/,
    );
  });

  test('of an application that never ran', async () => {
    const fresh = {
      kafka: new (driver.kafka.constructor as new (clock: object) => typeof driver.kafka)(
        driver.clock,
      ),
      clock: driver.clock,
    };
    await expect(replayOn(fresh)).rejects.toThrow(/has roll-service-shadow ever run/);
  });
});

describe('a dry run', () => {
  test('changes nothing and says what would be, also while members live', async () => {
    const alive = await startRoll(driver);
    const writes = new KilledPort(driver.kafka.client('dry'), { write: 1, when: 'before' });
    const report = await replayOn(driver, { port: writes.port, isExecuted: false });
    await alive.close();

    expect(writes.isKilled).toBe(false);
    expect(report.outcome).toBe('would-replay');
    expect(report.plan.cleared).toContain(`${applicationId}-contributions-repartition`);
    expect(report.plan.cleared).not.toContain(ticks);
  });
});

describe('a replay that is killed', () => {
  test.each(['before', 'after'] as const)(
    'right %s its writes and run again, ends as if it had not been; no service starts meanwhile',
    async (when) => {
      const before = lengths();
      let kills = 0;
      let refusals = 0;
      let report: ReplayReport | undefined;
      for (let write = 1; report === undefined; write += 1) {
        report = await killedAt(write, when);
        if (report !== undefined) break;
        kills += 1;
        const mark = await readReplayMark(driver.kafka.client(), applicationId);
        if (mark === undefined) continue;
        if (mark.completed !== undefined) {
          // It was killed with everything done: another one is a replay of its own.
          report = await replayOn(driver);
          break;
        }
        refusals += 1;
        await expect(checkNoReplay(driver.kafka.client(), applicationId)).rejects.toThrow(
          /is not complete, so its state is neither .*rollguard replay offsets --to-earliest --execute/,
        );
      }

      expect(kills).toBeGreaterThan(12);
      expect(refusals).toBeGreaterThan(5);
      expect(report.after).toEqual(report.before);
      expect(lengths()).toEqual(before);
      await checkNoReplay(driver.kafka.client(), applicationId);
    },
    120_000,
  );
});

/** @returns the report, if it came to its end before it was killed. */
async function killedAt(
  write: number,
  when: 'before' | 'after' = 'before',
): Promise<ReplayReport | undefined> {
  const killed = new KilledPort(driver.kafka.client(`kill-${write}`), { write, when });
  try {
    const report = await replayOn(driver, { port: killed.port }, () => killed.isKilled);
    return killed.isKilled ? undefined : report;
  } catch (error) {
    if (!killed.isKilled) throw error;
    // The session of the member that it may have been.
    await driver.clock.advance(11_000);
    return undefined;
  }
}

function topicId(topic: string): string | undefined {
  return driver.kafka.topic(topic)?.topicId;
}

function ledgerIdOf(value: Buffer | null): string {
  return (JSON.parse(String(value)) as { entry: { ledgerId: string } }).entry.ledgerId;
}

/** The topic with so many of its ticks. */
function cutTicks(count: number): void {
  const logs = driver.kafka.topic(ticks)?.partitions ?? [];
  const left = logs.map((log) => log.readCommitted(0, Infinity).records.slice(0, count));
  driver.kafka.deleteTopic(ticks);
  driver.kafka.createTopic({ name: ticks, partitionCount: left.length, configs: {} });
  for (const [partition, records] of left.entries()) {
    for (const record of records) driver.kafka.append(ticks, record, partition);
  }
}

test('what is captured while it is replayed waits for the service', async () => {
  capture(driver, 'properties', { id: 'late' });
  const { after, before, plan } = await replayOn(driver);

  expect(after).toEqual(before);
  const { partitions } = plan;
  const moved = partitions.filter(({ topic }) => topic === topicOf('properties'));
  expect(moved.reduce((sum, { now }) => sum + now, 0)).toBeLessThan(
    recordsOf(topicOf('properties')).length,
  );
});

describe('a replay into a side', () => {
  const side = `${applicationId}-side`;

  test('ends in the hashes of the original, which may live, and is left as it was', async () => {
    const before = lengths();
    const alive = await startRoll(driver);
    const report = await replayIntoSide(driver);
    const again = await replayIntoSide(driver);

    expect(alive.streams.notReady()).toBeUndefined();
    await alive.close();
    expect(report.before.map(({ entries }) => entries).reduce((a, b) => a + b)).toBeGreaterThan(20);
    expect(report.after).toEqual(report.before);
    expect(again.after).toEqual(report.after);
    expect(lengths()).toEqual(before);
    const entries = new Set(recordsOf(eventsTopic).map(({ value }) => ledgerIdOf(value)));
    // And the row that cannot be read.
    expect(report.emitted).toBe(entries.size + 1);
    expect(new Set(recordsOf(`${eventsTopic}-side`).map(({ value }) => ledgerIdOf(value)))).toEqual(
      entries,
    );
  });

  test('reads its copies to their end, whatever offsets they have, and the inputs as far as the original', async () => {
    const bounded: string[] = [];
    await replayIntoSide(driver, (bounds) => bounded.push(...bounds.keys()));

    expect(bounded.filter((name) => name.startsWith(applicationId))).toEqual([]);
    expect(bounded).toContain(`${topicOf('reservations')}-0`);
  });

  test('is refused where somebody lives already', async () => {
    const name = `${side}-ticks`;
    driver.kafka.createTopic({ name, partitionCount: 2, configs: {} });
    await expect(replayIntoSide(driver)).rejects.toThrow(
      /has a life of its own \(roll-service-shadow-side-ticks\).*name another suffix with --into/,
    );
  });
});
