/** The guard on the engine: calls, captured rooms, time, restarts. What it decides is tested with `decide`. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { noMetrics } from '../../../kernel/metrics.ts';
import { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import type { LockAnswer } from '../../../topology/guard/answer.ts';
import type { LockCommand } from '../../../topology/guard/command.ts';
import { readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { defaultGuardOptions } from '../../../topology/guard/guard-options.ts';
import type { AnswerToRequest, GuardRequest } from '../../../topology/guard/guard-requests.ts';
import { guardTopology } from '../../../topology/guard/guard-topology.ts';
import { partitionKeyOf } from '../../../topology/guard/lock-id.ts';

const tenantId = '11111111-1111-4111-8111-111111111111';
const propertyId = '22222222-2222-4222-8222-222222222222';
const roomTypeId = '33333333-3333-4333-8333-333333333333';
const roomIds = ['44444444-4444-4444-8444-444444444441', '44444444-4444-4444-8444-444444444442'];
const partitionCount = 2;
const topics = {
  'platform.public.rooms': 2,
  'platform.public.properties': 2,
  'inventory.events.shadow': 2,
  'availability-guard.notifications': 3,
};
const drivers: TopologyTestDriver[] = [];
let lsn = 1;

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

describe('the guard', () => {
  test('grants a room once, names the blocker, and grants it again after the release', async () => {
    const driver = await withRooms();
    const [roomId] = roomIds;
    const first = await lock(driver, { reservationId: 'r1', roomId });
    const second = await lock(driver, { reservationId: 'r2', roomId });
    const lockId = first.status === 'LOCKED' ? first.lock.lockId : '';
    const released = await ask(driver, {
      ...{ kind: 'release', tenantId, lockId, reservationId: undefined, version: undefined },
      ...{ reason: 'changed my mind', actor: 'test', correlationId: undefined, metadata: {} },
    });
    const third = await lock(driver, { reservationId: 'r2', roomId });

    expect(first.status).toBe('LOCKED');
    expect(second).toMatchObject({
      status: 'CONFLICT',
      conflict: { reason: 'ROOM_HELD', blockingLock: { lockId } },
    });
    expect(released.status).toBe('RELEASED');
    expect(third.status).toBe('LOCKED');
    expect(events(driver)).toEqual([
      'inventory.locked',
      'inventory.release_requested',
      'inventory.released',
      'inventory.locked',
    ]);
  });

  test('sells a type as often as it has rooms, once the rooms are captured', async () => {
    const driver = await withRooms();
    const answers: string[] = [];
    for (const reservationId of ['r1', 'r2', 'r3']) {
      answers.push((await lock(driver, { reservationId })).status);
    }
    const range = { from: '2026-05-01', to: '2026-05-03' };
    const nights = await ask(driver, { kind: 'availability', tenantId, roomTypeId, ...range });

    expect(answers).toEqual(['LOCKED', 'LOCKED', 'CONFLICT']);
    expect(nights).toEqual([
      { night: '2026-05-01', capacity: 2, held: 2, free: 0 },
      { night: '2026-05-02', capacity: 2, held: 0, free: 2 },
    ]);
  });

  test('does not know capacity while the snapshot of rooms is read', async () => {
    const driver = await start();
    captureProperty(driver);
    captureRoom(driver, 0, 'first');
    await driver.advance(10_000);
    const range = { from: '2026-05-01', to: '2026-05-02' };
    const request = { kind: 'availability', tenantId, roomTypeId, ...range } as const;

    expect(await ask(driver, request)).toMatchObject([{ capacity: undefined }]);
    captureRoom(driver, 1, 'last');
    await driver.advance(10_000);
    expect(await ask(driver, request)).toMatchObject([{ capacity: 2 }]);
  });

  test('lets a hold expire within a second of its time', async () => {
    const driver = await withRooms();
    await lock(driver, { reservationId: 'r1', ttlSeconds: 60 });
    events(driver);
    await driver.advance(59_000);
    expect(events(driver)).toEqual([]);
    await driver.advance(2_000);

    expect(events(driver)).toEqual(['inventory.released']);
  });

  test('knows its holds and answers after a restart, and decides nothing twice', async () => {
    const driver = await withRooms();
    const [roomId] = roomIds;
    const first = await lock(driver, { reservationId: 'r1', roomId });
    await driver.close();
    const second = await start(driver);
    const again = await lock(second, { reservationId: 'r1', roomId });
    const other = await lock(second, { reservationId: 'r2', roomId });

    expect(again).toEqual({ ...first, isRepeat: true });
    expect(other.status).toBe('CONFLICT');
  });

  test('writes every decision to its log, with where its input stood', async () => {
    const driver = await withRooms();
    await lock(driver, { reservationId: 'r1' });
    const lines = driver
      .read('test-decisions')
      .map(({ value }) => readDecisionLine(Buffer.from(value ?? [])));
    const locked = lines.find(({ command }) => command.kind === 'lock');
    const rooms = lines.filter(({ command }) => command.kind === 'room');

    expect(locked?.answer.status).toBe('LOCKED');
    expect(locked?.events).toEqual([
      { type: 'inventory.locked', lockId: expect.any(String), version: 1 },
    ]);
    expect(locked?.origin).toBeUndefined();
    // Every partition hears of every room.
    expect(rooms).toHaveLength(roomIds.length * partitionCount);
    expect(rooms.every(({ origin }) => origin?.topic === 'test-catalogue')).toBe(true);
  });
});

describe('a captured row', () => {
  test('is decided after what was due has expired, as a request is: seed 376 of the simulator', async () => {
    const driver = await withRooms();
    const held = await lock(driver, { reservationId: 'r1', ttlSeconds: 2 });
    // Nothing turns while Kafka does not answer, and the hold's time goes by.
    driver.kafka.faults = ({ kind }) => (kind === 'Fetch' ? 'lose-request' : 'ok');
    await driver.advance(4_000);
    const partition = driver.streams.partitionOf(
      'guard',
      Buffer.from(partitionKeyOf({ tenantId, roomTypeId })),
    );
    const row = { zone: 'Europe/Paris', checkInTime: '15:00', checkOutTime: '11:00' };
    const input = { kind: 'property', tenantId, propertyId, row };
    driver.pipe('test-catalogue', {
      key: `property|${tenantId}|${propertyId}`,
      value: JSON.stringify({ kind: 'row', version: '2', input }),
      partition,
    });
    driver.kafka.faults = () => 'ok';
    await driver.advance(10_000);
    const decisions = driver
      .read('test-decisions')
      .map(({ value }) => readDecisionLine(value ?? Buffer.alloc(0)));
    const kinds = decisions
      .filter((decision) => decision.partition === partition)
      .map(({ command }) => command.kind);

    expect(held.status).toBe('LOCKED');
    expect(kinds.slice(-2)).toEqual(['expire', 'property']);
    expect(decisions.find(({ command }) => command.kind === 'expire')?.origin).toBeUndefined();
    expect(events(driver)).toEqual(['inventory.locked', 'inventory.released']);
  });
});

async function start(before?: TopologyTestDriver): Promise<TopologyTestDriver> {
  const topology = guardTopology({
    topicPrefix: 'platform',
    eventsTopic: 'inventory.events.shadow',
    partitionCount,
    sourcePartitionCount: 2,
    decode: (_table, value) => JSON.parse(value.toString()) as never,
    encodeEvent: (event) => Buffer.from(event.type),
    options: defaultGuardOptions,
    metrics: noMetrics,
  });
  const shared = before === undefined ? {} : { kafka: before.kafka, clock: before.clock };
  const driver = await TopologyTestDriver.start({ topology, topics, ...shared });
  drivers.push(driver);
  return driver;
}

async function withRooms(): Promise<TopologyTestDriver> {
  const driver = await start();
  captureProperty(driver);
  captureRoom(driver, 0, 'first');
  captureRoom(driver, 1, 'last');
  await driver.advance(10_000);
  return driver;
}

function captureProperty(driver: TopologyTestDriver): void {
  const config = { checkInTime: '15:00', checkOutTime: '11:00' };
  const after = { id: propertyId, tenant_id: tenantId, timezone: 'Europe/Helsinki', config };
  capture(driver, 'properties', { key: propertyId, after, snapshot: 'last', partition: 0 });
}

function captureRoom(driver: TopologyTestDriver, index: number, snapshot: string): void {
  const id = roomIds[index] ?? '';
  const ids = { id, tenant_id: tenantId, property_id: propertyId, room_type_id: roomTypeId };
  capture(driver, 'rooms', { key: id, after: ids, snapshot, partition: index });
}

interface CapturedRow {
  readonly key: string;
  readonly after: object;
  readonly snapshot: string;
  readonly partition: number;
}

function capture(
  driver: TopologyTestDriver,
  table: string,
  { key, after, snapshot, partition }: CapturedRow,
): void {
  lsn += 1;
  const value = JSON.stringify({ op: 'r', after, source: { snapshot, lsn } });
  driver.pipe(`platform.public.${table}`, { key, value, partition });
}

function lock(driver: TopologyTestDriver, wish: Partial<LockCommand>): Promise<LockAnswer> {
  return ask(driver, {
    kind: 'lock',
    tenantId,
    roomTypeId,
    reservationId: undefined,
    roomId: undefined,
    propertyId: undefined,
    stayStart: '2026-05-01',
    stayEnd: '2026-05-02',
    reason: 'RESERVATION_CREATE',
    actor: 'test',
    correlationId: undefined,
    metadata: {},
    idempotencyKey: undefined,
    ttlSeconds: undefined,
    version: undefined,
    ...wish,
  });
}

async function ask<Request extends GuardRequest>(
  driver: TopologyTestDriver,
  request: Request,
): Promise<AnswerToRequest<Request>> {
  const key = Buffer.from(partitionKeyOf({ tenantId, roomTypeId }));
  const partition = driver.streams.partitionOf('guard', key);
  const deadlineMs = driver.clock.nowMs() + 10_000;
  const target = { subTopology: 'guard', partition };
  const answer = driver.streams.call<AnswerToRequest<Request>>(target, request, { deadlineMs });
  await driver.advance(5);
  return answer;
}

function events(driver: TopologyTestDriver): string[] {
  return driver.read('inventory.events.shadow').map(({ value }) => String(value));
}
