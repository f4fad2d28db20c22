/**
 * The platform's and the guard's events beside the captured tables, which stay the truth: read, checked
 * and counted, compared with the ledger. A part of the topology of its own, with stores of its own: no
 * byte of a ledger depends on it.
 *
 *   events    reservations.events, their dead letters, inventory.events, roll.events ──▶ sides
 *   compared  sides by reservation ──▶ counts
 */
import type { Metrics } from '../../../kernel/metrics.ts';
import type { InventoryEvent } from '../../../schemas/generated/inventory-event.ts';
import type { RollEvent } from '../../../schemas/generated/roll-event.ts';
import { compositeSerde, jsonSerde, stringSerde, type Serde } from '../../../stores/serde.ts';
import { keyValueStore } from '../../../stores/store-builder.ts';
import type {
  Deserializer,
  FetchedRecord,
  InternalTopic,
  MaybePromise,
  StreamRecord,
  TopologyBuilder,
} from '../../../streams/index.ts';
import { replayIdOf } from '../replay-header.ts';
import { decodeMessage, encodeMessage, reservationKey } from '../roll-messages.ts';
import {
  CancellationProcessor,
  cancellationStores,
  type OverdueKey,
} from './cancellation-processor.ts';
import type { CancellationSide, Sides } from './cancellation-sides.ts';
import { readReservationEvent } from './reservation-event.ts';

export const eventSubTopologies = { events: 'events', compared: 'compared' } as const;

export interface EventInputs {
  /** `reservations.events`. */
  readonly reservationsTopic: string;
  /** `reservations.events.dlq`. */
  readonly deadLettersTopic: string;
  /** `inventory.events`, with its suffix in shadow mode. */
  readonly inventoryTopic: string;
  /** Reads a value of one of our own contracts. */
  readonly decodeAvro: (value: Buffer) => MaybePromise<unknown>;
}

/** How the guard names a release that a cancelled reservation made it do. */
const cancelReasons = new Set(['reservation.cancel', 'CANCELLED', 'EXPIRED']);
const keptConfigs = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };

export function addEvents(
  builder: TopologyBuilder,
  inputs: EventInputs,
  {
    rollEventsTopic,
    partitionCount,
    metrics,
  }: {
    readonly rollEventsTopic: string;
    readonly partitionCount: number;
    readonly metrics: Metrics;
  },
): void {
  const sides = builder.internalTopic('cancellations-repartition', {
    partitionCount,
    configs: keptConfigs,
  });
  const { decodeAvro } = inputs;
  builder
    .subTopology(eventSubTopologies.events)
    .source('reservation-events', {
      topics: [inputs.reservationsTopic],
      deserialize: countingEvents(metrics),
    })
    .source('dead-letters', {
      topics: [inputs.deadLettersTopic],
      deserialize: countingDeadLetters(metrics),
    })
    .source('inventory-events', {
      topics: [inputs.inventoryTopic],
      deserialize: avroSides(decodeAvro, (event) => releaseSide(event as InventoryEvent)),
    })
    .source('roll-events', {
      topics: [rollEventsTopic],
      deserialize: avroSides(decodeAvro, (event) => entrySide(event as RollEvent)),
    })
    .sink<string, CancellationSide>('sides', {
      parents: ['reservation-events', 'dead-letters', 'inventory-events', 'roll-events'],
      topic: sides,
      serialize: ({ key, value }) => encodeMessage(key, value),
    });
  addCompared(builder, sides, metrics);
}

function addCompared(builder: TopologyBuilder, sides: InternalTopic, metrics: Metrics): void {
  const comparisons = metrics.counter({
    name: 'roll_service_release_comparisons_total',
    help: "Cancelled reservations by whether the guard's release and the CANCEL entry both came.",
    labels: ['result'],
  });
  builder
    .subTopology(eventSubTopologies.compared)
    .source('sides', {
      topics: [sides],
      deserialize: (record): StreamRecord<string, CancellationSide> => {
        const { key, message } = decodeMessage(record);
        return { key, value: message as CancellationSide, timestampMs: record.timestampMs };
      },
    })
    .store(
      keyValueStore<string, Sides>({
        name: cancellationStores.sides,
        key: stringSerde,
        value: jsonSerde(),
      }),
    )
    .store(
      keyValueStore<OverdueKey, string>({
        name: cancellationStores.overdue,
        key: compositeSerde as Serde<OverdueKey>,
        value: stringSerde,
      }),
    )
    .processor('cancellations', {
      parents: ['sides'],
      supplier: () => new CancellationProcessor(comparisons),
      stores: Object.values(cancellationStores),
    });
}

/** Checked and counted; nothing goes on from here. */
function countingEvents(metrics: Metrics): Deserializer<string, CancellationSide> {
  const events = metrics.counter({
    name: 'roll_service_reservation_events_total',
    help: 'Events of reservations.events that were read, by kind; what cannot be read is dead-lettered.',
    labels: ['type'],
  });
  return ({ value }) => {
    if (value !== null) events.add(1, { type: readReservationEvent(value).type });
    return undefined;
  };
}

function countingDeadLetters(metrics: Metrics): Deserializer<string, CancellationSide> {
  const letters = metrics.counter({
    name: 'roll_service_reservation_dead_letters_total',
    help: "Events that the platform's own consumers gave up (reservations.events.dlq).",
  });
  return () => {
    letters.add(1);
    return undefined;
  };
}

type Side = { readonly key: string; readonly value: CancellationSide } | undefined;

function avroSides(
  decode: EventInputs['decodeAvro'],
  sideOf: (event: unknown) => Side,
): Deserializer<string, CancellationSide> {
  const toRecord = (
    { timestampMs }: FetchedRecord,
    event: unknown,
  ): StreamRecord<string, CancellationSide> | undefined => {
    const side = sideOf(event);
    return side === undefined ? undefined : { ...side, timestampMs };
  };
  return (record) => {
    // What is told once more was counted when it came first.
    if (record.value === null || replayIdOf(record) !== undefined) return undefined;
    const decoded = decode(record.value);
    return decoded instanceof Promise
      ? decoded.then((event) => toRecord(record, event))
      : toRecord(record, decoded);
  };
}

function releaseSide({ type, tenantId, reservationId, ...event }: InventoryEvent): Side {
  if (type !== 'inventory.released' || reservationId === null) return undefined;
  // A hold that only ran out was never sold.
  const isCancelled = event.status === 'RELEASED' && cancelReasons.has(event.releaseReason ?? '');
  if (!isCancelled) return undefined;
  return { key: reservationKey(tenantId, reservationId), value: { kind: 'released' } };
}

function entrySide({ kind, rollType, tenantId, reservationId }: RollEvent): Side {
  if (rollType !== 'CANCEL') return undefined;
  const value = { kind: 'entered', isVoided: kind === 'VOIDED' } as const;
  return { key: reservationKey(tenantId, reservationId), value };
}
