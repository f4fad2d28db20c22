/**
 * The tables of an instance's services: one projector for each service that it runs, with a group of its
 * own. Whether Postgres answers changes nothing of the services: it is told in the log and in a metric.
 */
import { auditProjection } from '../projections/audit-projection.ts';
import { holdProjection } from '../projections/hold-projection.ts';
import { ledgerProjection } from '../projections/ledger-projection.ts';
import type { Projection } from '../projections/projection.ts';
import { sessionLimits } from '../projections/projection-session.ts';
import { projectorMetrics } from '../projections/projector-metrics.ts';
import { Projector } from '../projections/projector.ts';
import { roomColumns, roomProjection } from '../projections/room-projection.ts';
import { AvroDecoder } from '../schemas/avro-decoder.ts';
import { DebeziumDecoder } from '../schemas/debezium-envelope.ts';
import { deadLetterTopic } from '../streams/dead-letter.ts';
import {
  guardApplicationId,
  guardInternalTopics,
  inventoryEventsTopic,
} from '../topology/guard/guard-names.ts';
import { rollApplicationId, rollEventsTopic } from '../topology/roll/roll-names.ts';
import type { ServiceOptions } from './roll-service.ts';
import { groupTimes } from './streams-service.ts';

export interface ProjectorService {
  start(): void;
  close(): Promise<void>;
}

/** Undefined where nothing is to be written: no database is named, or the setting switches it off. */
export function projectorService(options: ServiceOptions): ProjectorService | undefined {
  const { settings } = options;
  if (settings.ROLLGUARD_DATABASE_URL === '' || !settings.ROLL_SERVICE_CONSUMER_ENABLED) {
    return undefined;
  }
  const runs = (name: string): boolean => settings.ROLLGUARD_SERVICES.includes(name);
  const projectors = [
    ...(runs('roll') ? [rollProjector(options)] : []),
    ...(runs('guard') ? [guardProjector(options)] : []),
  ];
  return {
    start: () => {
      for (const projector of projectors) projector.start();
    },
    close: async () => {
      await Promise.all(projectors.map((projector) => projector.close()));
    },
  };
}

function rollProjector(options: ServiceOptions): Projector {
  const { settings, registry, metrics } = options;
  const applicationId = rollApplicationId(settings);
  const topic = rollEventsTopic(settings);
  const ledgers = ledgerProjection({ topic, decoder: new AvroDecoder(registry), metrics });
  return projectorOf(options, {
    ...{ applicationId, deadLetterTopic: deadLetterTopic({ applicationId }) },
    projections: [ledgers],
  });
}

function guardProjector(options: ServiceOptions): Projector {
  const { settings, registry } = options;
  const applicationId = guardApplicationId(settings);
  const decoder = new AvroDecoder(registry);
  const rows = new DebeziumDecoder({ registry, columns: { rooms: roomColumns } });
  return projectorOf(options, {
    ...{ applicationId, deadLetterTopic: settings.INVENTORY_EVENTS_DLQ_TOPIC },
    projections: [
      holdProjection({ topic: inventoryEventsTopic(settings), decoder }),
      auditProjection(`${applicationId}-${guardInternalTopics.decisions}`),
      roomProjection({
        topic: `${settings.PLATFORM_TOPIC_PREFIX}.public.rooms`,
        decode: (table, value) => rows.decode(table, value),
      }),
    ],
  });
}

function projectorOf(
  { settings, port, clock, logger, metrics }: ServiceOptions,
  of: {
    readonly applicationId: string;
    readonly deadLetterTopic: string;
    readonly projections: readonly Projection[];
  },
): Projector {
  const groupId = `${of.applicationId}-projector`;
  return new Projector({
    ...{ groupId, projections: of.projections, deadLetterTopic: of.deadLetterTopic },
    databaseUrl: settings.ROLLGUARD_DATABASE_URL,
    limits: { ...sessionLimits, ...groupTimes(settings) },
    ...{ port, clock, logger: logger.with({ projector: groupId }) },
    metrics: projectorMetrics(metrics, groupId),
  });
}
