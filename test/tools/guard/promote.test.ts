import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isRollguardError } from '../../../kernel/errors.ts';
import type { DescribedMember } from '../../../streams/kafka/port.ts';
import type { FetchedRecord, KafkaPort } from '../../../streams/index.ts';
import type { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import { committedPositions } from '../../../tools/stopped-application/application-topics.ts';
import { readPromotionMark } from '../../../tools/guard/promotion-mark.ts';
import { readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { guardTestTopology, hotel, lockOne } from '../../support/guard-driver.ts';
import { KilledPort } from './killed-port.ts';
import {
  livedInShadow,
  plain,
  promoteOn,
  recordsOf,
  shadow,
  startPlain,
  verifyPlain,
} from './promoted-guard.ts';

const [roomId] = hotel.roomIds;
let driver: TopologyTestDriver;

beforeEach(async () => {
  driver = await livedInShadow();
});

describe('guard promote', () => {
  test('holds taken in shadow still block, repeats get them, versions go on', async () => {
    await promoteOn(driver);
    const guard = await startPlain(driver);
    const other = await lockOne(guard, { reservationId: 'r9', roomId });
    const repeat = await lockOne(guard, { reservationId: 'r1', roomId, stayEnd: '2026-05-03' });
    const next = await lockOne(guard, { reservationId: 'r9', roomId: hotel.roomIds[1] });
    await guard.close();

    expect(other.status).toBe('CONFLICT');
    expect(repeat).toMatchObject({ status: 'LOCKED', isRepeat: true });
    const held = repeat.status === 'LOCKED' ? repeat.lock.version : Infinity;
    expect(next.status === 'LOCKED' ? next.lock.version : 0).toBeGreaterThan(held + 1);
  });

  test('nothing of the captured tables is read a second time', async () => {
    await promoteOn(driver);
    const before = recordsOf(driver.kafka, plain);
    const guard = await startPlain(driver);
    await guard.close();

    expect(counts(recordsOf(driver.kafka, plain))).toEqual(counts(before));
  });

  test('every committed record is there as it was; only decisions name their inputs anew', async () => {
    await promoteOn(driver);
    const old = recordsOf(driver.kafka, shadow);
    const copy = recordsOf(driver.kafka, plain);

    expect(counts(copy)).toEqual(counts(old));
    for (const [name, partitions] of Object.entries(old)) {
      const plainly = (records: readonly FetchedRecord[][] | undefined) =>
        records?.map((each) => each.map((record) => contentOf(record, name === '-decisions')));
      expect(plainly(copy[name])).toEqual(plainly(partitions));
    }
    const inputs = (records: typeof old) =>
      decisionsOf(records).map(({ origin }) =>
        origin === undefined
          ? undefined
          : records[`-${origin.topic.split('-').at(-1) ?? ''}`]?.[origin.partition]
              ?.find(({ offset }) => offset === origin.offset)
              ?.value?.toString(),
      );
    expect(inputs(copy)).toEqual(inputs(old));
    expect(inputs(copy).filter((input) => input !== undefined).length).toBeGreaterThan(2);
    const topics = decisionsOf(copy).flatMap(({ origin }) => origin?.topic ?? []);
    expect(new Set(topics)).toEqual(new Set([`${plain}-catalogue`]));
  });

  test('topics have the partitions and settings of the old ones', async () => {
    await promoteOn(driver);

    for (const name of ['catalogue', 'decisions', 'snapshot-ends', 'guard-changelog']) {
      const [old, copy] = [shadow, plain].map((id) => driver.kafka.topic(`${id}-${name}`));
      expect(copy?.partitions.length).toBe(old?.partitions.length);
      expect(copy?.configs).toEqual(old?.configs);
    }
  });

  test('the shadow stays as it was, and can be promoted from again: a way back', async () => {
    const before = recordsOf(driver.kafka, shadow);
    const offsets = await offsetsOf(shadow);
    await promoteOn(driver);

    expect(recordsOf(driver.kafka, shadow)).toEqual(before);
    expect(await offsetsOf(shadow)).toEqual(offsets);
  });

  test('a dry run writes nothing and says what would be carried', async () => {
    const writes = new KilledPort(driver.kafka.client('dry'), { write: 1, when: 'before' });
    const report = await promoteOn(driver, { dryRun: true, port: writes.port });

    expect(writes.isKilled).toBe(false);
    expect(report.outcome).toBe('would-promote');
    expect(report.topics.map(({ to }) => to)).toContain(`${plain}-guard-changelog`);
    expect(report.offsets.length).toBeGreaterThan(2);
  });

  test('run again after it is done it says so, also while the plain guard lives', async () => {
    await promoteOn(driver);
    const guard = await startPlain(driver);
    await lockOne(guard, { reservationId: 'r9', roomId: hotel.roomIds[1] });
    const before = recordsOf(driver.kafka, plain);

    expect(await promoteOn(driver)).toMatchObject({ outcome: 'already-promoted', topics: [] });
    expect(recordsOf(driver.kafka, plain)).toEqual(before);
    expect((await lockOne(guard, { reservationId: 'r8', roomId })).status).toBe('CONFLICT');
    await guard.close();
  });
});

describe('guard promote, killed', () => {
  test.each(['before', 'after'] as const)(
    'right %s any of its writes and run again, ends as if it had never been',
    async (when) => {
      let kills = 0;
      for (let write = 1; ; write += 1) {
        const killed = new KilledPort(driver.kafka.client(`kill-${write}`), { write, when });
        await promoteOn(driver, { port: killed.port }).catch((error: unknown) => {
          if (!killed.isKilled) throw error;
        });
        if (!killed.isKilled) break;
        kills += 1;
        // The session of the member that it may have been.
        await driver.clock.advance(11_000);
        if (await isComplete()) break;
      }
      const copy = recordsOf(driver.kafka, plain);
      const offsets = await offsetsOf(plain);
      const undisturbed = await livedInShadow();
      await promoteOn(undisturbed);
      const expected = recordsOf(undisturbed.kafka, plain);

      expect(kills).toBeGreaterThan(20);
      expect(counts(copy)).toEqual(counts(expected));
      expect(decisionsOf(copy).map(({ origin }) => origin)).toEqual(
        decisionsOf(expected).map(({ origin }) => origin),
      );
      expect(offsets).toEqual(await offsetsOf(plain, undisturbed));
      expect(await promoteOn(driver)).toMatchObject({ outcome: 'already-promoted' });
    },
  );
});

describe('guard promote refuses', () => {
  /** The refusal of a promotion and of its rehearsal, which leave everything as it was. */
  const refusal = async (): Promise<string> => {
    const before = recordsOf(driver.kafka, plain);
    const rehearsed = await messageOfRefusal(promoteOn(driver, { dryRun: true }));
    const told = await messageOfRefusal(promoteOn(driver));
    expect(recordsOf(driver.kafka, plain)).toEqual(before);
    expect(told).toBe(rehearsed);
    return told;
  };

  test.each([shadow, plain])('while %s has a member', async (groupId) => {
    const member = driver.kafka.client('member').openMember({
      ...{ groupId, topics: [], userData: () => Buffer.alloc(0), assignor: () => new Map() },
      ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 },
    });
    await member.join();

    expect(await refusal()).toMatch(
      new RegExp(`group ${groupId} has 1 member.*stop every instance`),
    );
    await member.leave();
    expect(await promoteOn(driver)).toMatchObject({ outcome: 'promoted' });
  });

  test('a plain id that has lived on its own', async () => {
    const guard = await startPlain(driver);
    await guard.close();

    expect(await refusal()).toMatch(/life of its own.*delete its topics and its group/);
  });

  test('a plain id with holds of its own but no offsets, although a promotion was begun once', async () => {
    const killed = new KilledPort(driver.kafka.client('killed'), { write: 3, when: 'before' });
    await promoteOn(driver, { port: killed.port }).catch(() => undefined);
    driver.kafka.createTopic({ name: `${plain}-decisions`, partitionCount: 2, configs: {} });
    driver.kafka.append(`${plain}-decisions`, { key: null, value: null, timestampMs: 1 });

    expect(await refusal()).toMatch(/life of its own \(availability-guard-decisions\)/);
  });

  test('a shadow id that there never was', async () => {
    await expect(promoteOn(driver, { from: 'availability-guard-other' })).rejects.toThrow(
      /neither state nor offsets.*--from-suffix/,
    );
  });

  test('an instance that was paused: what it had begun never comes to be', async () => {
    const zombie = await driver.kafka.client('zombie').openProducer({
      ...{ transactionalId: `${shadow}-guard_0`, transactionTimeoutMs: 30_000 },
    });
    const batch = { topic: `${shadow}-decisions`, partition: 0 };
    await zombie.produce([{ ...batch, records: [{ key: null, value: null, timestampMs: 1 }] }]);
    await promoteOn(driver);

    await expect(zombie.commit()).rejects.toMatchObject({ code: 'PRODUCER_FENCED' });
    expect(counts(recordsOf(driver.kafka, plain))).toEqual(counts(recordsOf(driver.kafka, shadow)));
  });

  test('to be done when an instance of the shadow wrote while it was copied', async () => {
    const port = driver.kafka.client('promote');
    const progress = (line: string): void => {
      if (!line.includes(`${shadow}-decisions`)) return;
      driver.kafka.append(`${shadow}-decisions`, { key: null, value: null, timestampMs: 1 }, 0);
    };

    await expect(promoteOn(driver, { port, progress })).rejects.toThrow(
      /decisions-0 was written while it was copied/,
    );
  });

  test('to be done when an instance of the plain id came while it was copied', async () => {
    const { admin, ...port } = portOf(driver.kafka.client('promote'));
    let asked = 0;
    const groupMembers = async (groupId: string): Promise<readonly DescribedMember[]> => {
      asked += 1;
      const members = await admin.groupMembers(groupId);
      return members.length > 0 && asked > 4
        ? [...members, { memberId: 'just started', clientId: 'x', host: 'y' }]
        : members;
    };

    await expect(
      promoteOn(driver, { port: { ...port, admin: { ...admin, groupMembers } } }),
    ).rejects.toThrow(/an instance of availability-guard was started meanwhile/);
    expect(await isComplete()).toBe(false);
    expect(await promoteOn(driver)).toMatchObject({ outcome: 'promoted' });
  });
});

describe('state verify after a promotion', () => {
  let stateDir: string;
  beforeEach(() => {
    stateDir = mkdtempSync(path.join(tmpdir(), 'rollguard-promote-'));
  });
  afterEach(() => {
    rmSync(stateDir, { recursive: true, force: true });
  });

  test('decisions fold to the changelog, and events follow from what was decided since', async () => {
    await promoteOn(driver);
    const guard = await startPlain(driver);
    await lockOne(guard, { reservationId: 'r9', roomId: hotel.roomIds[1] });
    await guard.close();
    const { tasks, events, isEqual } = await verifyPlain(driver, stateDir);

    expect([...tasks, ...events].flatMap(({ differing }) => differing)).toEqual([]);
    expect(isEqual).toBe(true);
    expect(events.reduce((sum, { implied }) => sum + implied, 0)).toBe(1);
  });
});

async function messageOfRefusal(promotion: Promise<unknown>): Promise<string> {
  try {
    await promotion;
  } catch (error) {
    if (isRollguardError(error, 'PRECONDITION_FAILED')) return error.message;
    throw error;
  }
  return 'nothing was refused';
}

function counts(records: ReturnType<typeof recordsOf>): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries(records).map(([name, partitions]) => [
      name,
      partitions.map(({ length }) => length),
    ]),
  );
}

function decisionsOf(records: ReturnType<typeof recordsOf>) {
  return (records['-decisions'] ?? []).flatMap((partition) =>
    partition.flatMap(({ value }) => (value === null ? [] : [readDecisionLine(value)])),
  );
}

function contentOf(
  { key, value, timestampMs, headers }: FetchedRecord,
  isDecision: boolean,
): unknown {
  if (!isDecision || value === null) return { key, value, timestampMs, headers };
  return { key, timestampMs, headers, ...readDecisionLine(value), origin: undefined };
}

/** Its methods as properties, to be replaced one by one. */
function portOf(port: KafkaPort): KafkaPort {
  return new KilledPort(port, { write: Infinity, when: 'before' }).port;
}

async function isComplete(): Promise<boolean> {
  const mark = await readPromotionMark(driver.kafka.client('mark'), plain);
  return mark?.completed !== undefined;
}

function offsetsOf(applicationId: string, on: TopologyTestDriver = driver) {
  return committedPositions(on.kafka.client('offsets'), guardTestTopology(), applicationId);
}
