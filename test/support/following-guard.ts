/**
 * The whole guard on the in-process Kafka, beside a platform in miniature: a hotel with two standard rooms
 * and a suite, whose reservations, lifecycle rows and commands a test writes one by one.
 */
import { uuidV5 } from '../../kernel/uuid.ts';
import { noMetrics, type Metrics } from '../../kernel/metrics.ts';
import { avroReader, avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { InventoryEvent } from '../../schemas/generated/inventory-event.ts';
import { unframe } from '../../schemas/wire-format.ts';
import type { FetchedRecord, Topology } from '../../streams/index.ts';
import { TopologyTestDriver } from '../../testing/topology-test-driver.ts';
import type { LockAnswer } from '../../topology/guard/answer.ts';
import type { LockCommand } from '../../topology/guard/command.ts';
import { defaultGuardOptions, type GuardOptions } from '../../topology/guard/guard-options.ts';
import type { AnswerToRequest, GuardRequest } from '../../topology/guard/guard-requests.ts';
import { guardTopology, type GuardReplay } from '../../topology/guard/guard-topology.ts';
import { inventoryEventOf } from '../../topology/guard/inventory-event-codec.ts';
import type { Lock } from '../../topology/guard/lock.ts';
import { partitionKeyOf } from '../../topology/guard/lock-id.ts';

const namespace = '0a3f4e1c-53b7-4c4e-8f43-7f0b2f0d4a10';
/** A UUID by a name that a test can read. */
export const idOf = (name: string): string => uuidV5(namespace, name);

export const tenantId = idOf('tenant');
export const propertyId = idOf('property');
export const standard = idOf('standard');
export const suite = idOf('suite');
export const serviceId = 'availability-guard-service';
export const commandsTopic = 'commands.primary';
export const deadLetterTopic = 'inventory.events.dlq';
export const eventsTopic = 'inventory.events.shadow';
const partitionCount = 2;
const topics = {
  'platform.public.rooms': 1,
  'platform.public.properties': 1,
  'platform.public.reservations': 2,
  'platform.public.reservation_command_lifecycle': 2,
  [commandsTopic]: 2,
  [eventsTopic]: 3,
  [deadLetterTopic]: 1,
  'availability-guard.notifications': 1,
};

export interface Stay {
  readonly roomTypeId: string;
  readonly roomNumber: string | null;
  readonly arrival: string;
  readonly departure: string;
}

export const threeNights: Stay = {
  roomTypeId: standard,
  roomNumber: null,
  arrival: '2026-05-10',
  departure: '2026-05-13',
};

/** The guard's topology beside that platform. */
export function followingTopology(
  given: Partial<Parameters<typeof guardTopology>[0]> = {},
): Topology {
  const write = avroWriter(contractSchema('inventory.events'), 7);
  return guardTopology({
    ...{ topicPrefix: 'platform', eventsTopic, partitionCount, sourcePartitionCount: 1 },
    decode: (_table, value) => JSON.parse(value.toString()) as never,
    encodeEvent: (event) => write(inventoryEventOf(event)),
    options: defaultGuardOptions,
    commands: {
      ...{ topic: commandsTopic, serviceId, deadLetterTopic },
      decodeAvro: (value) => JSON.parse(value.subarray(5).toString()) as never,
    },
    ...{ followsReservations: true, isShadow: true, metrics: noMetrics },
    ...given,
  });
}

export class FollowingGuard {
  readonly driver: TopologyTestDriver;
  /** True: the platform's changes are not heard of. */
  isSilent = false;
  #lsn = 1;

  private constructor(driver: TopologyTestDriver) {
    this.driver = driver;
  }

  static async start(
    options: Partial<GuardOptions> = {},
    before?: FollowingGuard,
    metrics: Metrics = noMetrics,
    replay?: GuardReplay,
  ): Promise<FollowingGuard> {
    const holder: { guard?: FollowingGuard } = {};
    const topology = followingTopology({
      options: { ...defaultGuardOptions, ...options },
      isCaptureSilent: () => holder.guard?.isSilent ?? false,
      metrics,
      ...(replay === undefined ? {} : { replay }),
    });
    const shared =
      before === undefined ? {} : { kafka: before.driver.kafka, clock: before.driver.clock };
    const driver = await TopologyTestDriver.start({
      ...{ topology, topics, options: { deadLetterTopic } },
      ...shared,
    });
    const guard = new FollowingGuard(driver);
    holder.guard = guard;
    return guard;
  }

  /** One that has captured the hotel. */
  static async besideHotel(options: Partial<GuardOptions> = {}): Promise<FollowingGuard> {
    const guard = await FollowingGuard.start(options);
    await guard.captureHotel();
    return guard;
  }

  /** Standard rooms 101 and 102, suite 201. */
  async captureHotel(): Promise<void> {
    this.captureProperty();
    const rooms = [
      ['101', standard],
      ['102', standard],
      ['201', suite],
    ] as const;
    for (const [number, roomTypeId] of rooms) {
      this.captureRoom(number, roomTypeId, number === '201' ? 'last' : 'true');
    }
    await this.settle();
  }

  captureProperty(): void {
    const config = { checkInTime: '15:00', checkOutTime: '11:00' };
    const row = { id: propertyId, tenant_id: tenantId, timezone: 'Europe/Helsinki', config };
    this.#capture('properties', row, { op: 'r', snapshot: 'last' });
  }

  captureRoom(number: string, roomTypeId: string, snapshot: string): void {
    const row = {
      ...{ id: idOf(`room ${number}`), tenant_id: tenantId, property_id: propertyId },
      ...{ room_type_id: roomTypeId, room_number: number },
    };
    this.#capture('rooms', row, { op: snapshot === 'false' ? 'u' : 'r', snapshot });
  }

  /** Writes the row of a reservation. */
  async reservation(
    name: string,
    status: string,
    stay: Partial<Stay> = {},
    snapshot = 'false',
  ): Promise<void> {
    const { roomTypeId, roomNumber, arrival, departure } = { ...threeNights, ...stay };
    const row = {
      ...{ id: idOf(name), tenant_id: tenantId, property_id: propertyId },
      ...{ room_type_id: roomTypeId, room_number: roomNumber, status },
      ...{ check_in_date: arrival, check_out_date: departure, is_deleted: false },
      created_at: this.nowMs() * 1_000,
      updated_at: this.nowMs() * 1_000,
    };
    this.#capture('reservations', row, { op: snapshot === 'false' ? 'u' : 'r', snapshot });
    await this.settle();
  }

  /** Writes the lifecycle row of a command, by default one that took effect now. */
  async lifecycle(
    name: string,
    commandName: string,
    row: { readonly state?: string; readonly createdAtMs?: number; readonly event?: string } = {},
  ): Promise<void> {
    const { state = 'APPLIED', createdAtMs = this.nowMs(), event = `${name} ${commandName}` } = row;
    const at = new Date(this.nowMs()).toISOString();
    const after = {
      ...{ event_id: idOf(event), tenant_id: tenantId, reservation_id: idOf(name) },
      ...{ command_name: commandName, current_state: state },
      state_transitions: [{ state, timestamp: at, actor: 'test' }],
      created_at: new Date(createdAtMs).toISOString(),
      updated_at: at,
    };
    this.#capture('reservation_command_lifecycle', { id: after.event_id, ...after });
    await this.settle();
  }

  /** Puts a command where the platform's command center puts it. */
  async command(
    commandName: string,
    payload: object,
    metadata: object = {},
    headers: FetchedRecord['headers'] = [],
  ): Promise<void> {
    const about = {
      ...{ commandId: idOf('command'), commandName, tenantId, targetService: serviceId },
      ...{ correlationId: 'correlation-1', issuedAt: new Date(this.nowMs()).toISOString() },
      ...metadata,
    };
    await this.send(JSON.stringify({ metadata: about, payload }), headers);
  }

  async send(value: string | Buffer, headers: FetchedRecord['headers'] = []): Promise<void> {
    const record = {
      ...{ key: Buffer.from('key'), timestampMs: this.nowMs(), headers },
      value: Buffer.from(value),
    };
    this.driver.kafka.append(commandsTopic, record, 0);
    await this.settle();
  }

  lock(name: string, wish: Partial<LockCommand> = {}): Promise<LockAnswer> {
    return this.ask({
      ...{ kind: 'lock', tenantId, roomTypeId: standard, reservationId: idOf(name) },
      ...{ roomId: undefined, propertyId: undefined, reason: 'RESERVATION_CREATE', actor: 'test' },
      ...{ stayStart: threeNights.arrival, stayEnd: threeNights.departure, metadata: {} },
      ...{ correlationId: undefined, idempotencyKey: undefined, ttlSeconds: undefined },
      ...{ version: undefined, ...wish },
    });
  }

  /** The lock that was granted. */
  async held(name: string, wish: Partial<LockCommand> = {}): Promise<Lock> {
    const answer = await this.lock(name, wish);
    if (answer.status !== 'LOCKED') throw new Error(`not locked: ${JSON.stringify(answer)}`);
    await this.settle();
    return answer.lock;
  }

  async ask<Request extends GuardRequest & { readonly roomTypeId?: string | undefined }>(
    request: Request,
  ): Promise<AnswerToRequest<Request>> {
    const { roomTypeId = standard } = request;
    const key = Buffer.from(partitionKeyOf({ tenantId, roomTypeId }));
    const partition = this.driver.streams.partitionOf('guard', key);
    const deadlineMs = this.nowMs() + 10_000;
    const target = { subTopology: 'guard', partition };
    const answer = this.driver.streams.call<AnswerToRequest<Request>>(target, request, {
      deadlineMs,
    });
    await this.driver.advance(5);
    return answer;
  }

  /** The live holds of a type. */
  liveHolds(roomTypeId: string = standard): Promise<readonly Lock[]> {
    return this.ask({
      ...{ kind: 'list-locks', tenantId, roomTypeId, roomId: undefined, status: undefined },
      reservationId: undefined,
      ...{ fromMs: undefined, toMs: undefined, afterLockId: undefined, limit: 100 },
    });
  }

  /** Of each live hold of both types: whose it is and its status. */
  async standing(): Promise<readonly string[]> {
    const holds = [...(await this.liveHolds(standard)), ...(await this.liveHolds(suite))];
    const names = new Map(['R1', 'R2', 'R3', 'R4'].map((name) => [idOf(name), name]));
    return holds
      .map(({ reservationId, roomTypeId, status, nights }) => {
        const type = roomTypeId === suite ? 'suite' : 'standard';
        const whose = names.get(reservationId ?? '') ?? reservationId ?? '';
        return `${whose} ${type} ${status} ${nights.join(' ').replaceAll('2026-', '')}`;
      })
      .sort();
  }

  events(): readonly InventoryEvent[] {
    const read = avroReader(contractSchema('inventory.events'));
    return this.driver
      .read(eventsTopic)
      .map(({ value }) => read(unframe(value ?? Buffer.alloc(0)).payload) as InventoryEvent);
  }

  deadLetters(): readonly FetchedRecord[] {
    return this.driver.read(deadLetterTopic);
  }

  nowMs(): number {
    return this.driver.clock.nowMs();
  }

  /** Time enough for a fact to become an order, an order a decision, a decision a fact. */
  settle(ms = 3_000): Promise<void> {
    return this.driver.advance(ms);
  }

  #capture(
    table: string,
    row: { readonly id: string },
    { op = 'u', snapshot = 'false' }: { readonly op?: string; readonly snapshot?: string } = {},
  ): void {
    this.#lsn += 1;
    const lsn = this.#lsn;
    const source = { snapshot, lsn, sequence: JSON.stringify([String(lsn), String(lsn)]) };
    const value = JSON.stringify({ op, after: row, source });
    this.driver.pipe(`platform.public.${table}`, { key: row.id, value, partition: 0 });
  }
}
