/** The guard's topology on the in-process Kafka, with a hotel of a few rooms and its real contract. */
import { noMetrics, type Metrics } from '../../kernel/metrics.ts';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { Topology } from '../../streams/index.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import type { LockAnswer } from '../../topology/guard/answer.ts';
import type { LockCommand } from '../../topology/guard/command.ts';
import { defaultGuardOptions } from '../../topology/guard/guard-options.ts';
import type { AnswerToRequest, GuardRequest } from '../../topology/guard/guard-requests.ts';
import type { CatalogueTable } from '../../topology/guard/catalogue-rows.ts';
import { guardTopology } from '../../topology/guard/guard-topology.ts';
import { inventoryEventOf } from '../../topology/guard/inventory-event-codec.ts';
import { partitionKeyOf } from '../../topology/guard/lock-id.ts';
import { notificationsTopicDefault } from '../../topology/guard/notification.ts';

export const hotel = {
  tenantId: '11111111-1111-4111-8111-111111111111',
  propertyId: '22222222-2222-4222-8222-222222222222',
  roomTypeId: '33333333-3333-4333-8333-333333333333',
  roomIds: ['44444444-4444-4444-8444-444444444441', '44444444-4444-4444-8444-444444444442'],
} as const;

export const guardEventsTopic = 'inventory.events.shadow';
export const guardPartitionCount = 2;

const topics = {
  'platform.public.rooms': 2,
  'platform.public.properties': 2,
  'platform.public.reservations': 2,
  'platform.public.reservation_command_lifecycle': 2,
  [guardEventsTopic]: 6,
  [notificationsTopicDefault]: 3,
};
/** The time a captured row is written, which orders its versions too. */
let lsn = 1;

export function guardTestTopology(
  metrics: Metrics = noMetrics,
  eventsTopic: string = guardEventsTopic,
): Topology {
  const write = avroWriter(contractSchema('inventory.events'), 7);
  return guardTopology({
    topicPrefix: 'platform',
    eventsTopic,
    partitionCount: guardPartitionCount,
    sourcePartitionCount: 2,
    decode: (_table, value) => JSON.parse(value.toString()) as never,
    encodeEvent: (event) => write(inventoryEventOf(event)),
    ...{ options: defaultGuardOptions, followsReservations: true },
    metrics,
  });
}

type StartOptions = 'topics' | 'metrics' | 'options' | 'kafka' | 'clock';

export function startGuard(
  options: Partial<Pick<TestDriverOptions, StartOptions>> & { readonly eventsTopic?: string } = {},
): Promise<TopologyTestDriver> {
  const topology = guardTestTopology(options.metrics, options.eventsTopic);
  return TopologyTestDriver.start({
    ...{ topology, ...options },
    topics: { ...topics, ...options.topics },
  });
}

/** The property and its rooms as Debezium's snapshot has them. */
export async function captureHotel(driver: TopologyTestDriver): Promise<void> {
  const { tenantId: tenant_id, propertyId, roomTypeId, roomIds } = hotel;
  const config = { checkInTime: '15:00', checkOutTime: '11:00' };
  const property = { id: propertyId, tenant_id, timezone: 'Europe/Helsinki', config };
  captureRow(driver, 'properties', { row: property, snapshot: 'last', partition: 0 });
  for (const [partition, id] of roomIds.entries()) {
    const row = { id, tenant_id, property_id: propertyId, room_type_id: roomTypeId };
    const snapshot = partition === roomIds.length - 1 ? 'last' : 'true';
    captureRow(driver, 'rooms', { row, snapshot, partition });
  }
  await driver.advance(10_000);
}

export function captureRow(
  driver: TopologyTestDriver,
  table: CatalogueTable,
  captured: {
    readonly row: { readonly id: string };
    readonly snapshot: string;
    readonly partition: number;
  },
): void {
  lsn += 1;
  const { row, snapshot, partition } = captured;
  const value = JSON.stringify({ op: 'r', after: row, source: { snapshot, lsn } });
  driver.pipe(`platform.public.${table}`, { key: row.id, value, partition });
}

export function lockOne(
  driver: TopologyTestDriver,
  wish: Partial<LockCommand>,
): Promise<LockAnswer> {
  const { tenantId, roomTypeId } = hotel;
  return askGuard(driver, {
    ...{ kind: 'lock', tenantId, roomTypeId, reservationId: undefined, roomId: undefined },
    ...{ propertyId: undefined, stayStart: '2026-05-01', stayEnd: '2026-05-02' },
    ...{ reason: 'RESERVATION_CREATE', actor: 'test', correlationId: undefined, metadata: {} },
    ...{ idempotencyKey: undefined, ttlSeconds: undefined, version: undefined },
    ...wish,
  });
}

export async function askGuard<Request extends GuardRequest>(
  driver: TopologyTestDriver,
  request: Request,
): Promise<AnswerToRequest<Request>> {
  const key = Buffer.from(partitionKeyOf(hotel));
  const partition = driver.streams.partitionOf('guard', key);
  const deadlineMs = driver.clock.nowMs() + 10_000;
  const target = { subTopology: 'guard', partition };
  const answer = driver.streams.call<AnswerToRequest<Request>>(target, request, { deadlineMs });
  await driver.advance(5);
  return answer;
}
