/**
 * The Roll Service's topology on one in-process Kafka, in as many instances as a test starts, with a
 * clock that can leap over days; and the captured rows of one hotel.
 */
import { noMetrics, type Histogram, type Metrics } from '../../kernel/metrics.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { KafkaStreams, type FetchedRecord, type Topology } from '../../streams/index.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import type { RowChange } from '../../topology/captured/row-change.ts';
import type { EventInputs } from '../../topology/roll/events/add-events.ts';
import type { OnRowRead } from '../../topology/roll/captured-rows.ts';
import { avroReader, avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { InventoryEvent } from '../../schemas/generated/inventory-event.ts';
import type { RollEvent } from '../../schemas/generated/roll-event.ts';
import { unframe } from '../../schemas/wire-format.ts';
import { rollEventOf } from '../../topology/roll/roll-event-codec.ts';
import {
  closedDateFact,
  propertyKey,
  reservationKey,
  type Tick,
} from '../../topology/roll/roll-messages.ts';
import {
  rollQueries,
  type LedgerAnswer,
  type PropertyAnswer,
  type PropertyQuery,
} from '../../topology/roll/roll-queries.ts';
import {
  rollSubTopologies,
  rollTopology,
  type BusinessDates,
} from '../../topology/roll/roll-topology.ts';
import { propertyId, reservationId, tenantId } from '../topology/roll/roll-fixtures.ts';
import { LeapingClock } from './leaping-clock.ts';

export const rollEventsTopic = 'roll.events.shadow';
export const rollPartitionCount = 3;
const tables = ['reservation_command_lifecycle', 'reservations', 'properties', 'business_dates'];
const writeEvent = avroWriter(contractSchema('roll.events'), 0);
const readEvent = avroReader(contractSchema('roll.events'));
// Longer than a poll, a commit interval and a heartbeat, three sub-topologies one after another.
const settleMs = 4_000;

const thisMay = { tenantId, propertyId, from: '2026-05-01', to: '2026-05-31' };

const events: EventInputs = {
  reservationsTopic: 'reservations.events',
  deadLettersTopic: 'reservations.events.dlq',
  inventoryTopic: 'inventory.events.shadow',
  // Our own events are in their contract; the guard's are JSON here.
  decodeAvro: (value) =>
    value[0] === 0
      ? readEvent(unframe(value).payload)
      : (JSON.parse(value.toString()) as InventoryEvent),
};

export function rollTestTopology(
  businessDates: BusinessDates,
  { metrics = noMetrics, onRowRead, withEvents = false }: RollingHotelOptions = {},
): Topology {
  return rollTopology({
    topicPrefix: 'platform',
    eventsTopic: rollEventsTopic,
    partitionCount: rollPartitionCount,
    decode: <Row>(_table: string, value: Buffer) => JSON.parse(value.toString()) as RowChange<Row>,
    encodeEvent: (change) => writeEvent(rollEventOf(change)),
    metrics,
    businessDates,
    onRowRead,
    events: withEvents ? events : undefined,
  });
}

export interface RollingHotelOptions {
  readonly businessDates?: BusinessDates;
  readonly startsAt?: string;
  readonly metrics?: Metrics;
  readonly onRowRead?: OnRowRead | undefined;
  /** True: it also reads the platform's and the guard's events. */
  readonly withEvents?: boolean;
}

export class RollingHotel {
  readonly clock: LeapingClock;
  readonly kafka: InProcessKafka;
  readonly instances: KafkaStreams[] = [];
  readonly #topology: Topology;
  readonly #batchDuration: Histogram | undefined;
  readonly #read = new Map<string, number>();
  #lsn = 100;

  constructor({
    businessDates = 'captured',
    startsAt = '2026-05-10T09:00:00Z',
    ...observers
  }: RollingHotelOptions = {}) {
    this.clock = new LeapingClock(Date.parse(startsAt));
    this.kafka = new InProcessKafka(this.clock);
    this.#batchDuration = observers.metrics?.histogram({ name: 'batch', help: '' });
    this.#topology = rollTestTopology(businessDates, observers);
    const isThere = (table: string): boolean =>
      businessDates === 'captured' || table !== 'business_dates';
    for (const table of tables.filter(isThere)) {
      const name = `platform.public.${table}`;
      this.kafka.createTopic({ name, partitionCount: 2, configs: {} });
    }
    const { reservationsTopic, deadLettersTopic, inventoryTopic } = events;
    for (const name of [rollEventsTopic, reservationsTopic, deadLettersTopic, inventoryTopic]) {
      this.kafka.createTopic({ name, partitionCount: 2, configs: {} });
    }
  }

  /** Starts an instance more, whose requests `kafka.faults` knows by this name. */
  async start(name = 'one'): Promise<KafkaStreams> {
    const port = this.kafka.client(name);
    const streams = new KafkaStreams({
      ...{ topology: this.#topology, port, options: { applicationId: 'test' } },
      ...{ stateDir: '', stateKind: 'memory' as const, clock: this.clock },
      ...{ logger: silentLogger, metrics: noMetrics },
      batchDuration: this.#batchDuration,
    });
    streams.start();
    this.instances.push(streams);
    await this.settle(8_000);
    return streams;
  }

  async stop(streams: KafkaStreams): Promise<void> {
    const closed = streams.close();
    await this.settle(5_000);
    await closed;
    this.instances.splice(this.instances.indexOf(streams), 1);
  }

  async close(): Promise<void> {
    const closed = Promise.all(this.instances.splice(0).map((each) => each.close()));
    await this.settle(20_000);
    await closed;
  }

  /** By default long enough for everything to be processed and committed. */
  settle(ms = settleMs): Promise<void> {
    return this.clock.advance(ms);
  }

  /** The clock leaps; then what follows is worked off. */
  async at(instant: string): Promise<void> {
    this.clock.leapTo(instant);
    await this.settle();
  }

  /** Rows as the change stream brings them: later calls are later commits. */
  capture(table: string, ...rows: readonly object[]): void {
    for (const after of rows) this.pipe(table, { op: 'u', after });
  }

  /** A change event as it is, `source` aside. */
  pipe(table: string, change: { readonly op: string; after?: object; before?: object }): void {
    const source = this.nextSource();
    this.append(`platform.public.${table}`, 'key', { ...change, source });
  }

  /** Of a commit later than all before. */
  nextSource(): object {
    this.#lsn += 1;
    return { snapshot: 'false', sequence: `["${this.#lsn}","${this.#lsn}"]` };
  }

  append(topic: string, key: string, message: object): void {
    const value = Buffer.from(JSON.stringify(message));
    this.kafka.append(topic, {
      ...{ key: Buffer.from(key), value, timestampMs: this.clock.nowMs() },
    });
  }

  captureProperty(timezone: string, id = propertyId): void {
    this.capture('properties', { id, tenant_id: tenantId, timezone, total_rooms: 10 });
  }

  captureClosed(...dates: readonly string[]): void {
    for (const date of dates) this.#captureDate(date, 'CLOSED');
  }

  /** As a platform does that moves one row on. */
  captureOpen(date: string): void {
    this.#captureDate(date, 'OPEN');
  }

  #captureDate(business_date: string, date_status: string): void {
    const property = { tenant_id: tenantId, property_id: propertyId, is_deleted: false };
    this.capture('business_dates', { ...property, business_date, date_status });
  }

  closeByHand(date: string): void {
    const key = propertyKey(tenantId, propertyId);
    this.append('test-closed-dates', key, closedDateFact(key, date));
  }

  /** Committed records since the last call. */
  read(topic: string): FetchedRecord[] {
    return (this.kafka.topic(topic)?.partitions ?? []).flatMap((log, partition) => {
      const name = `${topic}-${partition}`;
      const { records, nextOffset } = log.readCommitted(this.#read.get(name) ?? 0, Infinity);
      this.#read.set(name, nextOffset);
      return records;
    });
  }

  events(): RollEvent[] {
    return this.read(rollEventsTopic).map(
      ({ value }) => readEvent(unframe(value ?? Buffer.alloc(0)).payload) as RollEvent,
    );
  }

  /** Dates that ticks closed since the last call, as one ledger partition sees them. */
  closings(of = propertyId): string[] {
    const records = this.read('test-ticks');
    const ticks = records.map(({ value }) => JSON.parse(String(value)) as Tick);
    const dates = ticks
      .filter((tick) => tick.propertyId === of && tick.lastClosedDate !== undefined)
      .map(({ lastClosedDate }) => lastClosedDate ?? '');
    // Partition after partition, and every one has them all.
    return dates.slice(0, dates.length / rollPartitionCount);
  }

  async ledger(): Promise<LedgerAnswer | undefined> {
    const key = reservationKey(tenantId, reservationId);
    const at = { subTopology: rollSubTopologies.ledger, key };
    return rollQueries(this.#owner(at)).ledger({ tenantId, reservationId });
  }

  /** The ledger as `EOD 2026-05-10`, entry by entry. */
  async said(): Promise<string[]> {
    const entries = (await this.ledger())?.entries ?? [];
    return entries.map(({ entry }) => `${entry.rollType} ${entry.rollDate}`);
  }

  async property(query: PropertyQuery = thisMay): Promise<PropertyAnswer> {
    const key = propertyKey(query.tenantId, query.propertyId);
    return rollQueries(this.#owner({ subTopology: rollSubTopologies.property, key })).property(
      query,
    );
  }

  #owner({
    subTopology,
    key,
  }: {
    readonly subTopology: string;
    readonly key: string;
  }): KafkaStreams {
    const owner = this.instances.find((each) => {
      const partition = each.partitionOf(subTopology, Buffer.from(key));
      return each.ownerOf({ subTopology, partition }).isHere;
    });
    if (owner === undefined) throw new Error(`no instance owns ${key}`);
    return owner;
  }
}
