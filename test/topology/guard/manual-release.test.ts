/** Releases by hand and the audit on the engine: what is written together, kept, found and forgotten. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { partitionFor } from '../../../kernel/murmur2.ts';
import type { KeyValueStore } from '../../../streams/index.ts';
import type { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import type { ReleaseAnswer } from '../../../topology/guard/answer.ts';
import { auditIdOf, type AuditRecord } from '../../../topology/guard/audit.ts';
import { auditStores } from '../../../topology/guard/audit-trail.ts';
import type { ManualRelease, ReleaseCommand } from '../../../topology/guard/command.ts';
import { readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { partitionKeyOf } from '../../../topology/guard/lock-id.ts';
import { notificationsTopicDefault } from '../../../topology/guard/notification.ts';
import {
  askGuard,
  captureHotel,
  guardEventsTopic,
  guardPartitionCount,
  hotel,
  lockOne,
  startGuard,
} from '../../support/guard-driver.ts';

const { tenantId, roomTypeId, roomIds } = hotel;
const [roomId] = roomIds;
const partition = partitionFor(Buffer.from(partitionKeyOf(hotel)), guardPartitionCount);
const dayMs = 86_400_000;
const drivers: TopologyTestDriver[] = [];
const actor = { id: 'u-17', name: 'Maija', email: undefined, tokenId: 'desk' };
const byHand: ManualRelease = { actor, recipients: ['a@hotel.example', '#front'] };

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

async function openGuard(): Promise<TopologyTestDriver> {
  const driver = await startGuard();
  drivers.push(driver);
  await captureHotel(driver);
  return driver;
}

async function heldBy(driver: TopologyTestDriver, reservationId: string): Promise<string> {
  const answer = await lockOne(driver, { reservationId, roomId });
  if (answer.status !== 'LOCKED') throw new Error(`not locked: ${JSON.stringify(answer)}`);
  return answer.lock.lockId;
}

function releaseOf(lockId: string, manual = byHand): ReleaseCommand {
  return {
    ...{ kind: 'release', tenantId, lockId, reservationId: undefined, version: undefined },
    ...{ reason: 'moved out', actor: manual.actor.id, correlationId: 'c-9', metadata: {}, manual },
  };
}

interface Written {
  readonly events: readonly unknown[];
  readonly decisions: readonly string[];
  readonly notifications: ReturnType<TopologyTestDriver['read']>;
}

/** Committed since the last call. */
function written(driver: TopologyTestDriver): Written {
  const lines = driver.read('test-decisions');
  return {
    events: driver.read(guardEventsTopic),
    decisions: lines.map(({ value }) => readDecisionLine(value ?? Buffer.alloc(0)).command.kind),
    notifications: driver.read(notificationsTopicDefault),
  };
}

/** Committed. */
function stored(driver: TopologyTestDriver, store: string): Promise<readonly unknown[]> {
  const view = driver.store<KeyValueStore<readonly string[], unknown>>({
    ...{ subTopology: 'guard', partition, store },
  });
  return view.store.range(undefined, undefined, { limit: 1_000 });
}

const auditOfLock = (
  driver: TopologyTestDriver,
  lockId: string,
  tenantIds: readonly string[] = [tenantId],
): Promise<readonly AuditRecord[]> =>
  askGuard(driver, { kind: 'lock-audit', lockId, tenantIds, limit: 100 });

describe('a release by hand', () => {
  test('writes release, audit record and notification, each once', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    written(driver);
    const answer = await askGuard(driver, releaseOf(lockId));
    const { events, decisions, notifications } = written(driver);
    const [newest] = await auditOfLock(driver, lockId);

    expect(answer).toMatchObject({ status: 'RELEASED', isRepeat: false });
    expect([events.length, decisions, notifications.length]).toEqual([2, ['release'], 1]);
    expect(newest).toMatchObject({ action: 'MANUAL_RELEASE', actor: { id: 'u-17' }, version: 2 });
    expect(newest?.auditId).toBe(auditIdOf({ lockId, version: 2 }));
  });

  test('that is repeated, by whomever, changes, records and tells nothing more', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    const first = await askGuard(driver, releaseOf(lockId));
    written(driver);
    const other = { actor: { ...actor, id: 'u-18' }, recipients: ['b@hotel.example'] };
    const repeats: ReleaseAnswer[] = [];
    for (const manual of [byHand, other]) {
      repeats.push(await askGuard(driver, releaseOf(lockId, manual)));
    }
    const { events, notifications } = written(driver);

    expect(repeats).toEqual([
      { ...first, isRepeat: true },
      { ...first, isRepeat: true },
    ]);
    expect([events, notifications]).toEqual([[], []]);
    expect(await auditOfLock(driver, lockId)).toHaveLength(2);
  });

  test('with nobody to tell is told to nobody, and recorded all the same', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    await askGuard(driver, releaseOf(lockId, { ...byHand, recipients: [] }));

    expect(written(driver).notifications).toEqual([]);
    expect(await auditOfLock(driver, lockId)).toMatchObject([{ action: 'MANUAL_RELEASE' }, {}]);
  });

  test("of another tenant's lock finds none, and leaves nothing", async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    written(driver);
    const answer = await askGuard(driver, { ...releaseOf(lockId), tenantId: 'other' });
    const { events, notifications } = written(driver);

    expect(answer).toMatchObject({ status: 'REFUSED', code: 'NOT_FOUND' });
    expect([events, notifications]).toEqual([[], []]);
    expect(await auditOfLock(driver, lockId)).toHaveLength(1);
  });
});

describe('G14: the notification of a release', () => {
  test('is in its transaction: when that fails there is neither, and asked again there is one', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    written(driver);
    driver.kafka.faults = ({ kind }) => (kind === 'EndTxn' ? 'lose-request' : 'ok');
    const failed = await askGuard(driver, releaseOf(lockId)).catch((error: unknown) => error);
    driver.kafka.faults = () => 'ok';
    await driver.advance(10_000);
    const afterFailure = written(driver);
    const audited = await stored(driver, auditStores.records);
    const answer = await askGuard(driver, releaseOf(lockId));
    const { events, notifications } = written(driver);

    expect(failed).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(afterFailure).toEqual({ events: [], decisions: [], notifications: [] });
    expect(audited).toHaveLength(1);
    expect(answer).toMatchObject({ status: 'RELEASED', isRepeat: false });
    expect([events.length, notifications.length]).toEqual([2, 1]);
    expect(await stored(driver, auditStores.records)).toHaveLength(2);
  });

  test('has the shape of its contract, its lock as key, and headers to choose by', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    await askGuard(driver, releaseOf(lockId));
    const [{ key, value, headers } = { key: null, value: null, headers: [] }] =
      driver.read(notificationsTopicDefault);
    const notification = JSON.parse(String(value)) as Record<string, unknown>;
    const texts = headers.map((header) => [header.key, String(header.value)]);

    expect(contractComplaints(notification)).toEqual([]);
    expect(contractComplaints({ ...notification, actor: 'u-17' })).not.toEqual([]);
    expect(notification).toMatchObject({
      ...{ type: 'availability_guard.manual_release', lockId, tenantId, roomTypeId, roomId },
      ...{ reservationId: 'r1', reason: 'moved out' },
      ...{ stayStart: '2026-05-01T12:00:00.000Z', stayEnd: '2026-05-02T08:00:00.000Z' },
      ...{ actor: { id: 'u-17', name: 'Maija', email: null }, recipients: byHand.recipients },
    });
    expect(String(key)).toBe(lockId);
    expect(texts).toEqual([
      ['lock-id', lockId],
      ['tenant-id', tenantId],
      ['event-type', 'availability_guard.manual_release'],
    ]);
  });
});

function contractComplaints(value: unknown): readonly unknown[] {
  const file = '../../../schemas/guard/manual-release-notification.schema.json';
  const schema = JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as object;
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true });
  ajvFormats.default(ajv);
  const validate = ajv.compile(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}

describe('the audit', () => {
  test('of a lock is told newest first, at most as much as asked', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    await lockOne(driver, { reservationId: 'r1', roomId, stayEnd: '2026-05-03' });
    await askGuard(driver, releaseOf(lockId));
    const all = await auditOfLock(driver, lockId);
    const query = { kind: 'lock-audit', lockId, tenantIds: [tenantId] } as const;

    expect(all.map(({ action }) => action)).toEqual(['MANUAL_RELEASE', 'CHANGED', 'CREATED']);
    expect(await askGuard(driver, { ...query, limit: 2 })).toEqual(all.slice(0, 2));
  });

  test('of a tenant is told newest first over all of its locks', async () => {
    const driver = await openGuard();
    const first = await heldBy(driver, 'r1');
    await askGuard(driver, releaseOf(first));
    await driver.advance(1_000);
    const second = await heldBy(driver, 'r2');
    const search = { kind: 'tenant-audit', tenantId } as const;
    const found = await askGuard(driver, { ...search, limit: 100 });

    expect(found.map(({ lockId, action }) => [lockId, action])).toEqual([
      [second, 'CREATED'],
      [first, 'MANUAL_RELEASE'],
      [first, 'CREATED'],
    ]);
    expect(await askGuard(driver, { ...search, limit: 1 })).toEqual(found.slice(0, 1));
  });

  test("G12: of another tenant is never told, whether the lock's or all is asked for", async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    const search = { kind: 'tenant-audit', limit: 100 } as const;

    expect(await auditOfLock(driver, lockId, ['other', tenantId.slice(0, -1)])).toEqual([]);
    expect(await auditOfLock(driver, lockId, [])).toEqual([]);
    for (const tenant of ['other', tenantId.slice(0, -1), '']) {
      expect(await askGuard(driver, { ...search, tenantId: tenant })).toEqual([]);
    }
  });

  test('is the same after a restart', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    await askGuard(driver, releaseOf(lockId));
    const before = await auditOfLock(driver, lockId);
    const again = await restarted(driver);

    expect(await auditOfLock(again, lockId)).toEqual(before);
  });

  test('of a forgotten lock goes with it, and that of others stays', async () => {
    const driver = await openGuard();
    const lockId = await heldBy(driver, 'r1');
    await askGuard(driver, releaseOf(lockId));
    const later = { stayStart: '2026-08-01', stayEnd: '2026-08-02', ttlSeconds: 86_400 };
    await lockOne(driver, { reservationId: 'r2', ...later });
    const again = await restarted(driver, 160 * dayMs);
    await again.advance(70_000);
    const left = (await stored(again, auditStores.records)) as readonly [unknown, AuditRecord][];

    expect(left.map(([, { reservationId, action }]) => [reservationId, action])).toEqual([
      ['r2', 'CREATED'],
      ['r2', 'EXPIRED'],
    ]);
    expect(await stored(again, auditStores.times)).toHaveLength(2);
    expect(await auditOfLock(again, lockId)).toEqual([]);
    expect(again.read('test-decisions').length).toBeGreaterThan(4);
  });
});

/** @param laterMs how long nothing runs. */
async function restarted(driver: TopologyTestDriver, laterMs = 0): Promise<TopologyTestDriver> {
  await driver.close();
  await driver.clock.advance(laterMs);
  const again = await startGuard({ kafka: driver.kafka, clock: driver.clock });
  drivers.splice(0, drivers.length, again);
  return again;
}
