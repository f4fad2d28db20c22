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
import { rollQueries, type RollQueries } from '../topology/roll/roll-queries.ts';
import { rollTopology } from '../topology/roll/roll-topology.ts';
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
}

export function rollService(options: ServiceOptions): RollService {
  const service = new StreamsService({
    ...options,
    name: 'roll',
    applicationId: rollApplicationId(options.settings),
    options: {},
    prepare: () => prepare(options),
  });
  const queries: RollQueries = {
    ledger: async (tenantId, reservationId) =>
      rollQueries(service.streams()).ledger(tenantId, reservationId),
    property: async (query) => rollQueries(service.streams()).property(query),
  };
  return { service, queries };
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
