/**
 * The Availability Guard as a topology:
 *
 *   intake   rooms, properties ──▶ every row to every partition of `catalogue`, and a mark when a
 *            table's snapshot has been sent on
 *   guard    catalogue, calls ──▶ holds, their audit, `decisions`, inventory events, notifications
 *
 * Rows are broadcast as ticks are (ADR 0004): each task knows every room, in the order of its own
 * input, so that a replay decides the same. Sub-topology, store and internal topic names are for life.
 */
import type { Metrics } from '../../kernel/metrics.ts';
import { compositeSerde, jsonSerde, stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import { TopologyBuilder, type StreamRecord, type Topology } from '../../streams/index.ts';
import type { ChangeDecoder } from '../captured/row-change.ts';
import { auditStoreBuilders } from './audit-trail.ts';
import { CatalogueIntake, intakeStore, type SnapshotEnd } from './catalogue-intake.ts';
import {
  catalogueSource,
  catalogueTables,
  type CatalogueMark,
  type CatalogueRow,
} from './catalogue-rows.ts';
import { decisionLine, type DecisionRecord } from './decision-log.ts';
import type { GuardOptions } from './guard-options.ts';
import {
  GuardProcessor,
  guardProcessorStores,
  rowVersionStore,
  type OutgoingEvent,
} from './guard-processor.ts';
import type { InventoryEvent } from './inventory-event.ts';
import {
  notificationsTopicDefault,
  serializeNotification,
  type ManualReleaseNotification,
} from './notification.ts';
import { guardStores } from './stored-guard-state.ts';

export const guardSubTopologies = { intake: 'intake', guard: 'guard' } as const;

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
  readonly metrics: Metrics;
}

type Catalogue = CatalogueRow | CatalogueMark;

// Rows are part of what was decided on, decisions are what holds are made of: both are kept.
const keptConfigs = { 'cleanup.policy': 'delete', 'retention.ms': '-1' };

export function guardTopology(options: GuardTopologyOptions): Topology {
  const builder = new TopologyBuilder();
  const { partitionCount, topicPrefix, decode } = options;
  const kept = { partitionCount, configs: keptConfigs };
  const catalogue = builder.internalTopic('catalogue', kept);
  const snapshotEnds = builder.internalTopic('snapshot-ends', {
    partitionCount: options.sourcePartitionCount,
    configs: keptConfigs,
  });
  // A bulk release of ten thousand holds is one decision.
  const decisionConfigs = { ...keptConfigs, 'max.message.bytes': String(64 * 1024 * 1024) };
  const decisions = builder.internalTopic('decisions', {
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
  addGuard(builder, { catalogue, decisions }, options);
  return builder.build();
}

interface InternalTopics {
  readonly catalogue: { readonly internal: string };
  readonly decisions: { readonly internal: string };
}

function addGuard(
  builder: TopologyBuilder,
  { catalogue, decisions }: InternalTopics,
  topologyOptions: GuardTopologyOptions,
): void {
  const { options, eventsTopic, encodeEvent, sourcePartitionCount, metrics } = topologyOptions;
  const leniencies = metrics.counter({
    name: 'availability_guard_leniencies_total',
    help: 'Requests that were let pass for lack of knowledge (unknown room or capacity).',
    labels: ['leniency'],
  });
  // Read when the task starts; what is decided on is the processor's own.
  const text = { key: stringSerde, caching: false };
  const pair = { key: compositeSerde, caching: false };
  const guard = builder
    .subTopology(guardSubTopologies.guard)
    .source<string, Catalogue>('catalogue', {
      topics: [catalogue],
      deserialize: ({ key, value, timestampMs }) => ({
        key: String(key),
        value: JSON.parse(String(value)) as Catalogue,
        timestampMs,
      }),
    });
  for (const name of ['locks', 'types'] as const) {
    guard.store(keyValueStore({ name: guardStores[name], ...text, value: jsonSerde() }));
  }
  for (const name of ['slots', 'rooms', 'properties'] as const) {
    guard.store(keyValueStore({ name: guardStores[name], ...pair, value: jsonSerde() }));
  }
  for (const name of [guardStores.versions, guardStores.marks, rowVersionStore]) {
    guard.store(keyValueStore({ name, key: stringSerde, value: jsonSerde() }));
  }
  for (const store of auditStoreBuilders) guard.store(store);
  guard
    .processor('guard', {
      parents: ['catalogue'],
      supplier: () => new GuardProcessor({ options, sourcePartitionCount, leniencies }),
      stores: guardProcessorStores,
      answersCalls: true,
    })
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
      topic: topologyOptions.notificationsTopic ?? notificationsTopicDefault,
      serialize: serializeNotification,
    });
}

function jsonBytes(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}
