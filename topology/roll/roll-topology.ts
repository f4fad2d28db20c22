/**
 * The Roll Service as a topology:
 *
 *   intake    captured tables ──▶ facts by reservation, facts by property
 *   property  facts by property, contributions, closed dates ──▶ ticks (to every ledger partition), totals,
 *             closed dates (by the clock)
 *   ledger    facts by reservation, from there and from the backfill, ticks ──▶ ledgers, roll events,
 *             contributions; on request, what a ledger has told once more
 *
 * and, by a setting, `events/add-events.ts`: what others say of the same things, compared with it.
 *
 * Sub-topology, store and internal topic names are for life: they name state on the broker and on disk.
 */
import type { Metrics } from '../../kernel/metrics.ts';
import {
  compositeSerde,
  jsonSerde,
  rememberingSerde,
  stringSerde,
  type Serde,
} from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import {
  TopologyBuilder,
  type Deserializer,
  type InternalTopic,
  type StreamRecord,
  type Topology,
} from '../../streams/index.ts';
import type { ChangeDecoder } from '../captured/row-change.ts';
import { capturedTables, type OnRowRead } from './captured-rows.ts';
import type { PropertyCalendar } from './derive.ts';
import type { RollChange } from './diff.ts';
import { addEvents, type EventInputs } from './events/add-events.ts';
import { ledgerCodec } from './ledger-codec.ts';
import { LedgerProcessor, ledgerStores, type LedgerInputRecord } from './ledger-processor.ts';
import { backfillTopicName } from './roll-names.ts';
import {
  PropertyProcessor,
  propertyStores,
  type PropertyInputRecord,
  type StoredProperty,
  type TotalsKey,
} from './property-processor.ts';
import {
  decodeMessage,
  encodeMessage,
  readEmitAgain,
  readReservationFacts,
  type Contribution,
  type PropertyFact,
  type ReservationFact,
  type Tick,
} from './roll-messages.ts';
import { closedDates } from './roll-names.ts';
import type { DailyTotals } from './totals.ts';

export const rollSubTopologies = {
  intake: 'intake',
  property: 'property',
  ledger: 'ledger',
} as const;

/**
 * What closes business dates, beside a person: the captured table, or the clock of the task that owns
 * the property (the table is not read then, nor needed); 'recorded': only what was written down before.
 */
export type BusinessDates = 'captured' | 'clock' | 'recorded';

export interface RollTopologyOptions {
  /** First part of the captured tables' topics, e.g. `platform` of `platform.public.reservations`. */
  readonly topicPrefix: string;
  /** `roll.events`, with its suffix in shadow mode. */
  readonly eventsTopic: string;
  /** Partitions of ledgers and properties; fixed for the life of the application id. */
  readonly partitionCount: number;
  readonly decode: ChangeDecoder;
  /** Bytes of an event for `eventsTopic`. */
  readonly encodeEvent: (change: RollChange) => Buffer;
  readonly metrics: Metrics;
  /** By default 'captured'. */
  readonly businessDates?: BusinessDates;
  /** For metrics. */
  readonly onRowRead?: OnRowRead | undefined;
  /** Undefined: the captured tables alone are read. */
  readonly events?: EventInputs | undefined;
}

// Facts are consumed at once; what is kept longer is kept for a person to look at.
const repartitionConfigs = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };
// Ticks, closed dates and what the backfill brought are what ledgers were derived from: a replay reads
// them again.
const keptConfigs = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };

interface InternalTopics {
  readonly reservationFacts: InternalTopic;
  readonly propertyFacts: InternalTopic;
  readonly contributions: InternalTopic;
  readonly ticks: InternalTopic;
  readonly backfill: InternalTopic;
  readonly closedDates: InternalTopic;
}

export function rollTopology(options: RollTopologyOptions): Topology {
  const builder = new TopologyBuilder();
  const { partitionCount } = options;
  const repartition = { partitionCount, configs: repartitionConfigs };
  const topics: InternalTopics = {
    reservationFacts: builder.internalTopic('reservation-facts-repartition', repartition),
    propertyFacts: builder.internalTopic('property-facts-repartition', repartition),
    contributions: builder.internalTopic('contributions-repartition', repartition),
    ticks: builder.internalTopic('ticks', { partitionCount, configs: keptConfigs }),
    backfill: builder.internalTopic(backfillTopicName, { partitionCount, configs: keptConfigs }),
    closedDates: builder.internalTopic(closedDates, { partitionCount, configs: keptConfigs }),
  };
  addIntake(builder, topics, options);
  addProperty(builder, topics, options);
  addLedger(builder, topics, options);
  if (options.events !== undefined) {
    const { eventsTopic: rollEventsTopic, metrics } = options;
    addEvents(builder, options.events, { rollEventsTopic, partitionCount, metrics });
  }
  return builder.build();
}

function addIntake(
  builder: TopologyBuilder,
  topics: InternalTopics,
  options: RollTopologyOptions,
): void {
  const lifecycleEvents = options.metrics.counter({
    name: 'roll_service_lifecycle_events_total',
    help: 'Captured rows of reservation_command_lifecycle, by what became of them.',
    labels: ['result'],
  });
  const tables = capturedTables({ ...options, lifecycleEvents });
  const topicOf = (table: string): string => `${options.topicPrefix}.public.${table}`;
  const intake = builder
    .subTopology(rollSubTopologies.intake)
    .source('lifecycle', {
      topics: [topicOf('reservation_command_lifecycle')],
      deserialize: tables.lifecycle,
    })
    .source('reservations', { topics: [topicOf('reservations')], deserialize: tables.reservations })
    .source('properties', { topics: [topicOf('properties')], deserialize: tables.properties });
  const readsDates = (options.businessDates ?? 'captured') === 'captured';
  if (readsDates) {
    intake.source('business-dates', {
      topics: [topicOf('business_dates')],
      deserialize: tables.businessDates,
    });
  }
  intake
    .sink<string, ReservationFact>('reservation-facts', {
      parents: ['lifecycle', 'reservations'],
      topic: topics.reservationFacts,
      serialize: ({ key, value }) => encodeMessage(key, value),
    })
    .sink<string, PropertyFact>('property-facts', {
      parents: readsDates ? ['properties', 'business-dates'] : ['properties'],
      topic: topics.propertyFacts,
      serialize: ({ key, value }) => encodeMessage(key, value),
    });
}

function addProperty(
  builder: TopologyBuilder,
  topics: InternalTopics,
  { businessDates }: RollTopologyOptions,
): void {
  const closesByClock = businessDates === 'clock';
  const propertyFact = internalRecord<PropertyInputRecord>((message) => ({
    kind: 'fact',
    fact: message as PropertyFact,
  }));
  builder
    .subTopology(rollSubTopologies.property)
    .source('facts', { topics: [topics.propertyFacts], deserialize: propertyFact })
    .source('dates', { topics: [topics.closedDates], deserialize: propertyFact })
    .source('contributions', {
      topics: [topics.contributions],
      deserialize: internalRecord<PropertyInputRecord>((message) => ({
        kind: 'contribution',
        contribution: message as Contribution,
      })),
    })
    .store(
      keyValueStore<string, StoredProperty>({
        name: propertyStores.properties,
        key: stringSerde,
        value: jsonSerde(),
      }),
    )
    .store(
      keyValueStore<TotalsKey, DailyTotals>({
        name: propertyStores.totals,
        key: compositeSerde as Serde<TotalsKey>,
        value: jsonSerde(),
      }),
    )
    .processor('properties', {
      parents: ['facts', 'dates', 'contributions'],
      supplier: () => new PropertyProcessor({ closesByClock }),
      stores: Object.values(propertyStores),
    })
    .sink<string, Tick>('ticks', {
      parents: ['properties'],
      topic: topics.ticks,
      serialize: ({ key, value }) => encodeMessage(key, value),
      partition: () => 'all',
    })
    .sink<string, PropertyFact>('closed-dates', {
      parents: ['properties'],
      topic: topics.closedDates,
      serialize: ({ key, value }) => encodeMessage(key, value),
    });
}

// The rows of one command come one after the other: a moment's records are of far fewer reservations.
const ledgersRememberedMax = 2_048;

function addLedger(
  builder: TopologyBuilder,
  topics: InternalTopics,
  options: RollTopologyOptions,
): void {
  builder
    .subTopology(rollSubTopologies.ledger)
    .source('facts', { topics: [topics.reservationFacts], deserialize: reservationFacts })
    // Facts merge as a maximum: from wherever they come, in whatever order, the same ledgers follow.
    .source('backfill', { topics: [topics.backfill], deserialize: backfilled })
    .source('ticks', {
      topics: [topics.ticks],
      deserialize: internalRecord<LedgerInputRecord>((message) => ({
        kind: 'tick',
        tick: message as Tick,
      })),
    })
    .store(
      keyValueStore({
        name: ledgerStores.ledgers,
        key: stringSerde,
        value: rememberingSerde(ledgerCodec, ledgersRememberedMax),
      }),
    )
    .store(
      keyValueStore<string, PropertyCalendar>({
        name: ledgerStores.calendars,
        key: stringSerde,
        value: jsonSerde(),
      }),
    )
    .store(keyValueStore({ name: ledgerStores.wakes, key: compositeSerde, value: stringSerde }))
    .processor('ledgers', {
      parents: ['facts', 'backfill', 'ticks'],
      supplier: () => new LedgerProcessor(),
      stores: Object.values(ledgerStores),
    })
    .sink<string, RollChange>('roll-events', {
      parents: ['ledgers'],
      topic: options.eventsTopic,
      serialize: ({ key, value }) => ({
        key: Buffer.from(key, 'utf8'),
        value: options.encodeEvent(value),
      }),
    })
    .sink<string, Contribution>('contributions', {
      parents: ['ledgers'],
      topic: topics.contributions,
      serialize: ({ key, value }) => encodeMessage(key, value),
    });
}

const reservationFacts = internalRecord<LedgerInputRecord>((message) => ({
  kind: 'facts',
  facts: readReservationFacts(message),
}));

/** Facts, or a request to tell a ledger's entries once more. */
const backfilled = internalRecord<LedgerInputRecord>((message) => {
  const again = readEmitAgain(message);
  return again === undefined
    ? { kind: 'facts', facts: readReservationFacts(message) }
    : { kind: 'emit-again', replayId: again.replayId };
});

/** A record of an internal topic; `wrap` knows what was written there. */
function internalRecord<Value>(wrap: (message: unknown) => Value): Deserializer<string, Value> {
  return (record): StreamRecord<string, Value> => {
    const { key, message } = decodeMessage(record);
    return { key, value: wrap(message), timestampMs: record.timestampMs };
  };
}
