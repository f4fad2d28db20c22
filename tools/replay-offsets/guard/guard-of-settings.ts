/** The guard to be replayed, as the settings name it: it decodes as the service does. */
import type { Clock } from '../../../kernel/clock.ts';
import { noMetrics } from '../../../kernel/metrics.ts';
import type { Settings } from '../../../kernel/settings.ts';
import { DebeziumDecoder } from '../../../schemas/debezium-envelope.ts';
import { createRegistryClient } from '../../../schemas/registry-client.ts';
import type { KafkaPort } from '../../../streams/index.ts';
import { catalogueColumns } from '../../../topology/guard/catalogue-rows.ts';
import { guardApplicationId, inventoryEventsTopic } from '../../../topology/guard/guard-names.ts';
import { defaultGuardOptions } from '../../../topology/guard/guard-options.ts';
import { guardTopology } from '../../../topology/guard/guard-topology.ts';
import { reservationColumns } from '../../../topology/guard/reservations/reservation-fact.ts';
import type { ReplayedApplication } from '../replayed-application.ts';
import { guardBeside } from './guard-beside.ts';
import { neverRun, guardToReplay } from './guard-to-replay.ts';

/** @param parts `eventsTopic` undefined: as the settings name it; `isBeside`: for a replay into a side. */
export async function availabilityGuard(
  settings: Settings,
  parts: {
    readonly port: KafkaPort;
    readonly clock: Clock;
    readonly eventsTopic: string | undefined;
    readonly isBeside: boolean;
  },
): Promise<ReplayedApplication> {
  const { port, clock, eventsTopic = inventoryEventsTopic(settings), isBeside } = parts;
  const registry = createRegistryClient({ url: settings.SCHEMA_REGISTRY_URL, clock });
  const columns = { ...catalogueColumns, ...reservationColumns };
  const decoder = new DebeziumDecoder({ registry, columns });
  const topicPrefix = settings.PLATFORM_TOPIC_PREFIX;
  const deadLetterTopic = settings.INVENTORY_EVENTS_DLQ_TOPIC;
  const topic = settings.COMMAND_CENTER_TOPIC;
  const serviceId = settings.COMMAND_CENTER_TARGET_SERVICE_ID;
  const [rooms] = await port.admin.describeTopics([`${topicPrefix}.public.rooms`]);
  const applicationId = guardApplicationId(settings);
  return (isBeside ? guardBeside : guardToReplay)({
    ...{ port, applicationId, eventsTopic, topicPrefix, deadLetterTopic },
    topologyOf: (replay) =>
      guardTopology({
        ...{ topicPrefix, eventsTopic, followsReservations: true },
        partitionCount: settings.ROLLGUARD_PARTITIONS,
        sourcePartitionCount: rooms?.partitionCount ?? 1,
        decode: (table, value) => decoder.decode(table, value),
        encodeEvent: neverRun,
        options: defaultGuardOptions,
        commands:
          topic === '' ? undefined : { topic, serviceId, deadLetterTopic, decodeAvro: neverRun },
        metrics: noMetrics,
        ...(replay === undefined ? {} : { replay }),
      }),
  });
}
