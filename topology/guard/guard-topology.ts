/**
 * The Availability Guard as a topology:
 *
 *   intake         rooms, properties ──▶ every row to every partition of `catalogue`, and a mark when a
 *                  table's snapshot has been sent on
 *   commands       commands.primary ──▶ each command to the partition that decides it
 *   guard          catalogue, commands, orders, calls ──▶ holds, their audit, `decisions`,
 *                  inventory events, notifications
 *   platform       reservations, lifecycle ──▶ facts by reservation
 *   reservations   facts, what became of holds ──▶ orders to the guard
 *
 * Rows are broadcast as ticks are (ADR 0004): each task knows every room, in the order of its own
 * input, so that a replay decides the same. Sub-topology, store and internal topic names are for life.
 */
import type { Metrics } from '../../kernel/metrics.ts';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import {
  TopologyBuilder,
  type Deserializer,
  type InternalTopic,
  type StreamRecord,
  type SubTopologyBuilder,
  type Topology,
} from '../../streams/index.ts';
import type { ChangeDecoder } from '../captured/row-change.ts';
import { CatalogueIntake, intakeStore, type SnapshotEnd } from './catalogue-intake.ts';
import {
  catalogueSource,
  catalogueTables,
  type CatalogueHandOver,
  type CatalogueMark,
  type CatalogueRow,
} from './catalogue-rows.ts';
import { addCommands, type CommandTopologyOptions } from './commands/add-commands.ts';
import { decisionLine, type DecisionRecord } from './decision-log.ts';
import { guardInternalTopics as names } from './guard-names.ts';
import type { GuardOptions } from './guard-options.ts';
import { GuardFoldProcessor, type DecisionLine } from './guard-fold-processor.ts';
import { GuardProcessor, type GuardRecord, type OutgoingEvent } from './guard-processor.ts';
import { guardProcessorStores, guardStoreBuilders } from './guard-store-builders.ts';
import type { InventoryEvent } from './inventory-event.ts';
import { addReservations, type ReservationTopics } from './reservations/add-reservations.ts';
import type { ConflictFact, HoldFact } from './reservations/hold-fact.ts';
import { ReservationMeter } from './reservations/reservation-meter.ts';
import {
  notificationsTopicDefault,
  serializeNotification,
  type ManualReleaseNotification,
} from './notification.ts';

export const guardSubTopologies = {
  intake: 'intake',
  guard: 'guard',
  commands: 'commands',
  platform: 'platform',
  reservations: 'reservations',
} as const;

export interface GuardTopologyOptions {
  /** First part of the captured tables' topics. */
  readonly topicPrefix: string;
  /** `inventory.events`, with its suffix in shadow mode. */
  readonly eventsTopic: string;
  /** Of manual releases; default: `availability-guard.notifications`. */
  readonly notificationsTopic?: string;
  /** Partitions of the holds; fixed for the life of the application id. */
  readonly partitionCount: number;
  /** Partitions of the captured tables' topics. */
  readonly sourcePartitionCount: number;
  readonly decode: ChangeDecoder;
  /** Bytes of an event for `eventsTopic`. */
  readonly encodeEvent: (event: InventoryEvent) => Buffer;
  readonly options: GuardOptions;
  /** Undefined: no commands are taken from Kafka. */
  readonly commands?:
    | (Pick<CommandTopologyOptions, 'topic' | 'serviceId' | 'decodeAvro'> & {
        /** Where commands go that are refused. */
        readonly deadLetterTopic: string;
      })
    | undefined;
  /** True: holds follow the platform's reservations. */
  readonly followsReservations?: boolean;
  /** True: what becomes of the guard's conflicts in the platform is counted. */
  readonly isShadow?: boolean;
  /** True while the platform's changes are not heard of: holds do not expire then. */
  readonly isCaptureSilent?: () => boolean;
  readonly metrics: Metrics;
  /** Set for a replay, which decides nothing. */
  readonly replay?: GuardReplay;
}

/**
 * What a replay does with the guard's own state. fold: makes it again of the decisions. keep: nothing;
 * the guard's partitions are no part of the topology. Commands are none of either: what was read of them
 * was sent on once and for all, in the transaction that moved its position.
 */
export type GuardReplay = 'fold' | 'keep';

type Catalogue = CatalogueRow | CatalogueMark;
// An original record of a megabyte is half as large again in base64.
const routedBytesMax = 4 * 1024 * 1024;

// Rows are part of what was decided on, decisions are what holds are made of: both are kept.
const keptConfigs = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };

export function guardTopology(options: GuardTopologyOptions): Topology {
  const builder = new TopologyBuilder();
  const { partitionCount, topicPrefix, decode } = options;
  const kept = { partitionCount, configs: keptConfigs };
  const catalogue = builder.internalTopic(names.catalogue, kept);
  const snapshotEnds = builder.internalTopic(names.snapshotEnds, {
    partitionCount: options.sourcePartitionCount,
    configs: keptConfigs,
  });
  // A bulk release of ten thousand holds is one decision.
  const decisionConfigs = { ...keptConfigs, 'max.message.bytes': String(64 * 1024 * 1024) };
  const decisions = builder.internalTopic(names.decisions, {
    partitionCount,
    configs: decisionConfigs,
  });
  const intake = builder.subTopology(guardSubTopologies.intake);
  for (const table of catalogueTables) {
    intake.source(table, {
      topics: [`${topicPrefix}.public.${table}`],
      deserialize: catalogueSource(table, decode),
    });
  }
  intake
    .source<string, SnapshotEnd>('ends', {
      topics: [snapshotEnds],
      deserialize: ({ value, timestampMs }) => {
        const end = JSON.parse(String(value)) as SnapshotEnd;
        return { key: end.table, value: end, timestampMs };
      },
    })
    .store(keyValueStore({ name: intakeStore, key: stringSerde, value: stringSerde }))
    .processor('rows', {
      parents: [...catalogueTables, 'ends'],
      supplier: () => new CatalogueIntake(),
      stores: [intakeStore],
    })
    .sink<string, SnapshotEnd>('snapshot-ends', {
      parents: ['rows'],
      topic: snapshotEnds,
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: jsonBytes(value) }),
      partition: () => 'all',
    })
    .sink<string, Catalogue>('catalogue', {
      parents: ['rows'],
      topic: catalogue,
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: jsonBytes(value) }),
      partition: () => 'all',
    });
  const meter = new ReservationMeter(options.metrics);
  const streams = addStreams(builder, options, meter);
  const { replay } = options;
  if (replay === undefined) {
    addGuard(builder, { catalogue, decisions, ...streams }, { ...options, meter });
  } else if (replay === 'fold') addFold(builder, { catalogue, decisions });
  return builder.build();
}

/** The guard's stores, filled by what was decided. */
function addFold(
  builder: TopologyBuilder,
  { catalogue, decisions }: Pick<InternalTopics, 'catalogue' | 'decisions'>,
): void {
  const guard = builder.subTopology(guardSubTopologies.guard);
  for (const store of guardStoreBuilders) guard.store(store);
  guard
    .source<string, DecisionLine>('decisions', {
      topics: [decisions],
      deserialize: ({ value, timestampMs }) =>
        value === null
          ? undefined
          : { key: '', value: { kind: 'decision-line', bytes: value }, timestampMs },
    })
    .source<string, GuardRecord>('catalogue', { topics: [catalogue], deserialize: guardRecord })
    .processor('guard', {
      parents: ['decisions', 'catalogue'],
      supplier: () => new GuardFoldProcessor(),
      stores: guardProcessorStores,
    });
}

/** What the guard reads beside the catalogue, and the sub-topologies that send it. */
function addStreams(
  builder: TopologyBuilder,
  { commands: commandOptions, followsReservations, replay, ...options }: GuardTopologyOptions,
  meter: ReservationMeter,
): Pick<InternalTopics, 'commands' | 'reservations'> {
  const { partitionCount, topicPrefix, decode } = options;
  const repartition = { partitionCount, configs: keptConfigs };
  let commands: InternalTopic | undefined;
  if (commandOptions !== undefined) {
    const configs = { ...keptConfigs, 'max.message.bytes': String(routedBytesMax) };
    commands = builder.internalTopic(names.commands, { partitionCount, configs });
    const inbox = { ...commandOptions, partitionCount };
    if (replay === undefined)
      addCommands(builder, guardSubTopologies.commands, { commands, options: inbox });
  }
  if (followsReservations !== true) return { commands, reservations: undefined };
  const topics = {
    facts: builder.internalTopic(names.reservationFacts, repartition),
    holds: builder.internalTopic(names.holds, repartition),
    orders: builder.internalTopic(names.orders, repartition),
  };
  const common = { topics, topicPrefix, decode, meter, isReplay: replay !== undefined };
  addReservations(builder, { names: guardSubTopologies, ...common });
  return { commands, reservations: topics };
}

interface InternalTopics {
  readonly catalogue: InternalTopic;
  readonly decisions: InternalTopic;
  readonly commands: InternalTopic | undefined;
  readonly reservations: ReservationTopics | undefined;
}

function addGuard(
  builder: TopologyBuilder,
  topics: InternalTopics,
  topologyOptions: GuardTopologyOptions & { readonly meter: ReservationMeter },
): void {
  const { options, partitionCount, sourcePartitionCount, metrics, isCaptureSilent } =
    topologyOptions;
  const leniencies = metrics.counter({
    name: 'availability_guard_leniencies_total',
    help: 'Requests that were let pass for lack of knowledge (unknown room or capacity).',
    labels: ['leniency'],
  });
  const guard = builder.subTopology(guardSubTopologies.guard);
  const sources = {
    catalogue: topics.catalogue,
    commands: topics.commands,
    orders: topics.reservations?.orders,
  };
  const parents: string[] = [];
  for (const [name, topic] of Object.entries(sources)) {
    if (topic === undefined) continue;
    guard.source<string, GuardRecord>(name, { topics: [topic], deserialize: guardRecord });
    parents.push(name);
  }
  for (const store of guardStoreBuilders) guard.store(store);
  const tellsReservations = topics.reservations !== undefined;
  const told = isCaptureSilent === undefined ? {} : { isCaptureSilent };
  const { meter, isShadow = false } = topologyOptions;
  const conflicts = isShadow ? { conflicts: meter } : {};
  guard.processor('guard', {
    parents,
    supplier: () =>
      new GuardProcessor({
        ...{ options, partitionCount, sourcePartitionCount, leniencies, tellsReservations },
        ...told,
        ...conflicts,
      }),
    stores: guardProcessorStores,
    answersCalls: true,
  });
  addOutputs(guard, topics, topologyOptions);
}

const guardRecord: Deserializer<string, GuardRecord> = ({ key, value, timestampMs }) => ({
  key: String(key),
  value: JSON.parse(String(value)) as GuardRecord,
  timestampMs,
});

function addOutputs(
  guard: SubTopologyBuilder,
  { catalogue, decisions, reservations }: InternalTopics,
  { eventsTopic, encodeEvent, commands, notificationsTopic }: GuardTopologyOptions,
): void {
  guard
    .sink<string, DecisionRecord>('decisions', {
      parents: ['guard'],
      topic: decisions,
      serialize: ({ value }) => ({ key: null, value: decisionLine(value) }),
      partition: ({ value }: StreamRecord<string, DecisionRecord>) => value.partition,
    })
    .sink<string, OutgoingEvent>('inventory-events', {
      parents: ['guard'],
      topic: eventsTopic,
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: encodeEvent(value.event) }),
      // A key always comes from one task, so its events stay in order; and each partition more that a
      // transaction writes to costs the broker a marker and the caller time.
      partition: ({ value }, count) => value.partition % count,
    })
    .sink<string, ManualReleaseNotification>('notifications', {
      parents: ['guard'],
      topic: notificationsTopic ?? notificationsTopicDefault,
      serialize: serializeNotification,
    });
  guard.sink<string, CatalogueHandOver>('hand-overs', {
    parents: ['guard'],
    topic: catalogue,
    serialize: ({ key, value }) => ({ key: Buffer.from(key), value: jsonBytes(value) }),
    partition: () => 'all',
  });
  if (reservations !== undefined) {
    guard.sink<string, HoldFact | ConflictFact>('holds', {
      parents: ['guard'],
      topic: reservations.holds,
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: jsonBytes(value) }),
    });
  }
  if (commands !== undefined) {
    guard.sink<Buffer | null, Buffer | null>('dead-letters', {
      parents: ['guard'],
      topic: commands.deadLetterTopic,
      serialize: ({ key, value }) => ({ key, value }),
      partition: () => 0,
    });
  }
}

function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
