/**
 * The sub-topologies that keep holds and reservations together:
 *
 *   platform       captured reservations and lifecycle ──▶ facts, by reservation
 *   reservations   facts, what became of holds ──▶ orders to the guard's partitions
 */
import { jsonSerde, stringSerde } from '../../../stores/serde.ts';
import { keyValueStore } from '../../../stores/store-builder.ts';
import type { Deserializer, InternalTopic, TopologyBuilder } from '../../../streams/index.ts';
import { partitionFor } from '../../../kernel/murmur2.ts';
import type { ChangeDecoder } from '../../captured/row-change.ts';
import { lifecycleTable } from '../../captured/lifecycle-row.ts';
import { partitionKeyOf, partitionOfLock } from '../lock-id.ts';
import type { Order } from './reconcile.ts';
import { lifecycleSource, reservationSource, type PlatformFact } from './reservation-fact.ts';
import type { ReservationMeter } from './reservation-meter.ts';
import { ReservationProcessor, reservationStore } from './reservation-processor.ts';
import type { ReservationInput, ReservationRecord } from './reservation-record.ts';

export interface ReservationTopics {
  readonly facts: InternalTopic;
  readonly holds: InternalTopic;
  readonly orders: InternalTopic;
}

export interface ReservationTopologyOptions {
  readonly names: { readonly platform: string; readonly reservations: string };
  readonly topics: ReservationTopics;
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  readonly decode: ChangeDecoder;
  readonly meter: ReservationMeter;
  /** True: what is read was read before. */
  readonly isReplay: boolean;
}

export function addReservations(
  builder: TopologyBuilder,
  { names, topics, topicPrefix, decode, meter, isReplay }: ReservationTopologyOptions,
): void {
  builder
    .subTopology(names.platform)
    .source('lifecycle', {
      topics: [`${topicPrefix}.public.${lifecycleTable}`],
      deserialize: lifecycleSource(decode),
    })
    .source('reservations', {
      topics: [`${topicPrefix}.public.reservations`],
      deserialize: reservationSource(decode),
    })
    .sink<string, PlatformFact>('facts', {
      parents: ['lifecycle', 'reservations'],
      topic: topics.facts,
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: jsonBytes(value) }),
    });
  builder
    .subTopology(names.reservations)
    .source('facts', { topics: [topics.facts], deserialize: reservationInput })
    .source('holds', { topics: [topics.holds], deserialize: reservationInput })
    .store(
      keyValueStore<string, ReservationRecord>({
        name: reservationStore,
        key: stringSerde,
        value: jsonSerde(),
      }),
    )
    .processor('reservations', {
      parents: ['facts', 'holds'],
      supplier: () => new ReservationProcessor(meter, isReplay),
      stores: [reservationStore],
    })
    .sink<string, Order>('orders', {
      parents: ['reservations'],
      topic: topics.orders,
      serialize: ({ key, value: order }) => ({
        key: Buffer.from(key),
        value: jsonBytes({ kind: 'order', order }),
      }),
      partition: ({ value }, count) => partitionOfOrder(value, count),
    });
}

const reservationInput: Deserializer<string, ReservationInput> = ({ key, value, timestampMs }) => ({
  key: String(key),
  value: JSON.parse(String(value)) as ReservationInput,
  timestampMs,
});

/** Where the hold is, or has to be taken. */
function partitionOfOrder(order: Order, partitionCount: number): number | undefined {
  return order.kind === 'platform-stay'
    ? partitionFor(Buffer.from(partitionKeyOf(order)), partitionCount)
    : partitionOfLock(order.lockId, partitionCount);
}

function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
