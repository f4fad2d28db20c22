/** The Roll Service of one instance: registers its contract, makes sure its output topic exists, runs its topology. */
import type { Clock } from '../kernel/clock.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { Settings } from '../kernel/settings.ts';
import { avroWriter } from '../schemas/avro-codec.ts';
import { contractSchema, contractText, valueSubject } from '../schemas/contracts.ts';
import { DebeziumDecoder } from '../schemas/debezium-envelope.ts';
import type { SchemaRegistryPort } from '../schemas/registry.ts';
import type { KafkaPort, Topology } from '../streams/index.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import type { RollChange } from '../topology/roll/diff.ts';
import { rollEventOf } from '../topology/roll/roll-event-codec.ts';
import {
  rollApplicationId,
  rollEventsContract,
  rollEventsTopic,
} from '../topology/roll/roll-names.ts';
import { propertyKey, reservationKey } from '../topology/roll/roll-messages.ts';
import {
  rollQueries,
  type PropertyQuery,
  type RollQueries,
} from '../topology/roll/roll-queries.ts';
import { rollSubTopologies, rollTopology } from '../topology/roll/roll-topology.ts';
import type { PeerCalls, PeerHandler } from './peers/peer-calls.ts';
import { TaskRouter } from './peers/task-router.ts';
import { StreamsService } from './streams-service.ts';

/** Events are keyed by reservation; six partitions are what the platform's consumers expect. */
const eventsPartitionCount = 6;

export interface ServiceOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly registry: SchemaRegistryPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly failpoints?: Failpoints | undefined;
}

export interface RollService {
  readonly service: StreamsService;
  readonly queries: RollQueries;
  /** For the other instances. */
  readonly answerPeer: PeerHandler;
}

/** How long another instance may take to answer a query. */
const queryTimeoutMs = 10_000;

type LedgerQuery = { readonly tenantId: string; readonly reservationId: string };

export function rollService(options: ServiceOptions, peers: PeerCalls): RollService {
  const service = new StreamsService({
    ...options,
    name: 'roll',
    applicationId: rollApplicationId(options.settings),
    options: {},
    prepare: () => prepare(options),
  });
  const router = new TaskRouter(service, peers);
  const { ledger: ledgers, property: properties } = rollSubTopologies;
  const ask = <Answer>(
    { subTopology, key }: { readonly subTopology: string; readonly key: string },
    request: unknown,
    here: () => Promise<Answer>,
  ): Promise<Answer> => {
    const partition = service.streams().partitionOf(subTopology, Buffer.from(key));
    const deadlineMs = options.clock.nowMs() + queryTimeoutMs;
    const query = { deadlineMs, isGone: () => false, isWrite: false };
    return router.ask({ subTopology, partition }, request, query, here);
  };
  const queries: RollQueries = {
    ledger: async (tenantId, reservationId) => {
      const target = { subTopology: ledgers, key: reservationKey(tenantId, reservationId) };
      return ask(target, { tenantId, reservationId } satisfies LedgerQuery, () =>
        rollQueries(service.streams()).ledger(tenantId, reservationId),
      );
    },
    property: async (query) => {
      const target = {
        subTopology: properties,
        key: propertyKey(query.tenantId, query.propertyId),
      };
      return ask(target, query, () => rollQueries(service.streams()).property(query));
    },
  };
  const answerPeer: PeerHandler = async ({ subTopology, request }) => {
    const here = rollQueries(service.streams());
    if (subTopology === properties) return here.property(request as PropertyQuery);
    const { tenantId, reservationId } = request as LedgerQuery;
    return here.ledger(tenantId, reservationId);
  };
  return { service, queries, answerPeer };
}

async function prepare({ settings, registry, port, metrics }: ServiceOptions): Promise<Topology> {
  const eventsTopic = rollEventsTopic(settings);
  const schemaId = await registry.register(
    valueSubject(eventsTopic),
    contractText(rollEventsContract),
  );
  const write = avroWriter(contractSchema(rollEventsContract), schemaId);
  await port.admin.createTopics([
    { name: eventsTopic, partitionCount: eventsPartitionCount, configs: {} },
  ]);
  const decoder = new DebeziumDecoder({ registry, columns: capturedColumns });
  return rollTopology({
    topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
    eventsTopic,
    partitionCount: settings.ROLLGUARD_PARTITIONS,
    decode: (table, value) => decoder.decode(table, value),
    encodeEvent: (change: RollChange) => write(rollEventOf(change)),
    metrics,
  });
}
