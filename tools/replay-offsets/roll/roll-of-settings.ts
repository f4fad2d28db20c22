/** The Roll Service to be replayed, as the application's settings describe it. */
import type { Clock } from '../../../kernel/clock.ts';
import { noMetrics } from '../../../kernel/metrics.ts';
import type { Settings } from '../../../kernel/settings.ts';
import { avroReader, avroWriter } from '../../../schemas/avro-codec.ts';
import { contractSchema, contractText, valueSubject } from '../../../schemas/contracts.ts';
import { DebeziumDecoder } from '../../../schemas/debezium-envelope.ts';
import type { RollEvent } from '../../../schemas/generated/roll-event.ts';
import { createRegistryClient } from '../../../schemas/registry-client.ts';
import { unframe } from '../../../schemas/wire-format.ts';
import type { KafkaPort } from '../../../streams/kafka/port.ts';
import { capturedColumns } from '../../../topology/roll/captured-rows.ts';
import { rollChangeOf, rollEventOf } from '../../../topology/roll/roll-event-codec.ts';
import {
  rollApplicationId,
  rollEventsContract,
  rollEventsTopic,
} from '../../../topology/roll/roll-names.ts';
import { rollTopology } from '../../../topology/roll/roll-topology.ts';
import type { ReplayedApplication } from '../replayed-application.ts';
import type { EventCodec } from './entry-differences.ts';
import { rollToReplay } from './roll-to-replay.ts';

/** Registers the contract, as a start does: the bytes of an event name its id. */
export async function rollService(
  settings: Settings,
  options: {
    readonly port: KafkaPort;
    readonly clock: Clock;
    /** Undefined: that of the settings. */
    readonly eventsTopic: string | undefined;
  },
): Promise<ReplayedApplication> {
  const { port, clock, eventsTopic = rollEventsTopic(settings) } = options;
  const registry = createRegistryClient({ url: settings.SCHEMA_REGISTRY_URL, clock });
  const decoder = new DebeziumDecoder({ registry, columns: capturedColumns });
  const schema = contractSchema(rollEventsContract);
  const subject = valueSubject(eventsTopic);
  const write = avroWriter(
    schema,
    await registry.register(subject, contractText(rollEventsContract)),
  );
  const read = avroReader(schema);
  const codec: EventCodec = {
    encode: (change) => write(rollEventOf(change)),
    decode: (value) => rollChangeOf(read(unframe(value).payload) as RollEvent),
  };
  const topology = rollTopology({
    ...{ topicPrefix: settings.PLATFORM_TOPIC_PREFIX, eventsTopic, encodeEvent: codec.encode },
    partitionCount: settings.ROLLGUARD_PARTITIONS,
    decode: (table, value) => decoder.decode(table, value),
    metrics: noMetrics,
    // No clock closes a date here: what one closed is written down.
    businessDates: settings.ROLL_SERVICE_BUSINESS_DATES === 'clock' ? 'recorded' : 'captured',
  });
  const applicationId = rollApplicationId(settings);
  return rollToReplay({ port, applicationId, topology, eventsTopic, codec });
}
