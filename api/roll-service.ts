/** The Roll Service of one instance: registers its contract, makes sure its output topic exists, runs its topology. */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import type { Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { Settings } from '../kernel/settings.ts';
import { avroWriter } from '../schemas/avro-codec.ts';
import { AvroDecoder } from '../schemas/avro-decoder.ts';
import { contractSchema, contractText, valueSubject } from '../schemas/contracts.ts';
import { DebeziumDecoder } from '../schemas/debezium-envelope.ts';
import type { SchemaRegistryPort } from '../schemas/registry.ts';
import type { KafkaPort, Topology } from '../streams/index.ts';
import { inventoryEventsTopic } from '../topology/guard/guard-names.ts';
import { capturedColumns, type OnRowRead } from '../topology/roll/captured-rows.ts';
import type { RollChange } from '../topology/roll/diff.ts';
import type { EventInputs } from '../topology/roll/events/add-events.ts';
import { rollEventOf } from '../topology/roll/roll-event-codec.ts';
import {
  rollApplicationId,
  rollEventsContract,
  rollEventsTopic,
} from '../topology/roll/roll-names.ts';
import { propertyKey, reservationKey } from '../topology/roll/roll-messages.ts';
import {
  rollQueries,
  type LedgerQuery,
  type PropertyQuery,
  type ReadOptions,
  type RollQueries,
} from '../topology/roll/roll-queries.ts';
import { rollSubTopologies, rollTopology } from '../topology/roll/roll-topology.ts';
import { prepareEventsTopic } from './events-topic.ts';
import type { CaptureHeartbeat } from './capture-heartbeat.ts';
import type { ClockCheck } from './clock-check.ts';
import { ConsumerWatch } from './consumer-watch.ts';
import type { PeerCalls, PeerHandler } from './peers/peer-calls.ts';
import { TaskRouter } from './peers/task-router.ts';
import { StreamsService } from './streams-service.ts';

/** Events are keyed by reservation; six partitions are what the platform's consumers expect. */
const eventsPartitionCount = 6;

const batchBucketsSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export interface ServiceOptions {
  readonly settings: Settings;
  readonly port: KafkaPort;
  readonly registry: SchemaRegistryPort;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Of the capture; whoever opens the instance runs it. */
  readonly heartbeat: CaptureHeartbeat;
  /** Whoever opens the instance runs it; undefined: clocks are not compared. */
  readonly clockCheck?: ClockCheck | undefined;
  readonly failpoints?: Failpoints | undefined;
}

export interface RollService {
  readonly service: StreamsService;
  readonly queries: RollQueries;
  /** How far behind the platform it is, as metrics; runs beside the service. */
  readonly watch: ConsumerWatch;
  /** For the other instances. */
  readonly answerPeer: PeerHandler;
}

/** How long another instance may take to answer a query. */
const queryTimeoutMs = 10_000;

/** What a query waits for a wanted position; commits are closer together. */
const positionTimeoutMs = 2_000;
const positionPollMs = 20;

/** What goes to another instance. */
interface PeerQuery {
  readonly query: LedgerQuery | PropertyQuery;
  readonly read: ReadOptions;
}

export function rollService(options: ServiceOptions, peers: PeerCalls): RollService {
  const { clock, settings, metrics } = options;
  const service: StreamsService = new StreamsService({
    ...options,
    name: 'roll',
    applicationId: rollApplicationId(settings),
    options: {},
    // Otherwise the captured dates say when a night is over.
    clockCheck: settings.ROLL_SERVICE_BUSINESS_DATES === 'clock' ? options.clockCheck : undefined,
    prepare: () => prepare(options, (origin, eventAtMs) => watch.meter.read(origin, eventAtMs)),
    batchDuration: metrics.histogram({
      name: 'roll_service_batch_duration_seconds',
      help: 'Time that one batch of records took to be processed, before its commit.',
      buckets: batchBucketsSeconds,
    }),
  });
  const topicPrefix = settings.PLATFORM_TOPIC_PREFIX;
  const watch = new ConsumerWatch({ ...options, topicPrefix, backlog: () => service.backlog() });
  const router = new TaskRouter(service, { peers, clock });
  const { ledger: ledgers, property: properties } = rollSubTopologies;
  const ask = <Answer>(
    { subTopology, key }: { readonly subTopology: string; readonly key: string },
    request: PeerQuery,
    here: () => Promise<Answer>,
  ): Promise<Answer> => {
    const partition = service.streams().partitionOf(subTopology, Buffer.from(key));
    const deadlineMs = clock.nowMs() + queryTimeoutMs;
    const { allowsStandby } = request.read;
    const routed = { deadlineMs, isGone: () => false, isWrite: false, allowsStandby };
    return router.ask({ subTopology, partition }, request, routed, here);
  };
  const here = localQueries(service, clock);
  const queries: RollQueries = {
    ledger: async (query, read = {}) => {
      const key = reservationKey(query.tenantId, query.reservationId);
      return ask({ subTopology: ledgers, key }, { query, read }, () => here.ledger(query, read));
    },
    property: async (query, read = {}) => {
      const key = propertyKey(query.tenantId, query.propertyId);
      return ask({ subTopology: properties, key }, { query, read }, () =>
        here.property(query, read),
      );
    },
  };
  const answerPeer: PeerHandler = async ({ subTopology, request }) => {
    const { query, read } = request as PeerQuery;
    return subTopology === properties
      ? here.property(query as PropertyQuery, read)
      : here.ledger(query as LedgerQuery, read);
  };
  return { service, queries, watch, answerPeer };
}

/** Of this instance's tasks; waits a little for a position that is on its way. */
function localQueries(service: StreamsService, clock: Clock): RollQueries {
  const asked = (): RollQueries => rollQueries(service.streams());
  return {
    ledger: (query, read) => whenReached(clock, read, () => asked().ledger(query, read)),
    property: (query, read) => whenReached(clock, read, () => asked().property(query, read)),
  };
}

async function whenReached<Answer>(
  clock: Clock,
  { minPosition }: ReadOptions = {},
  ask: () => Promise<Answer>,
): Promise<Answer> {
  const untilMs = clock.monotonicMs() + (minPosition === undefined ? 0 : positionTimeoutMs);
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      const isOver = clock.monotonicMs() >= untilMs;
      if (isOver || !isRollguardError(error, 'NOT_READY')) throw error;
      await clock.sleep(positionPollMs);
    }
  }
}

async function prepare(
  { settings, registry, port, metrics, logger }: ServiceOptions,
  onRowRead: OnRowRead,
): Promise<Topology> {
  const eventsTopic = rollEventsTopic(settings);
  const schemaId = await registry.register(
    valueSubject(eventsTopic),
    contractText(rollEventsContract),
  );
  const write = avroWriter(contractSchema(rollEventsContract), schemaId);
  const topic = { name: eventsTopic, partitionCount: eventsPartitionCount };
  await prepareEventsTopic(topic, { port, settings, logger });
  const events = await eventInputs({ settings, registry, port });
  const decoder = new DebeziumDecoder({ registry, columns: capturedColumns });
  return rollTopology({
    topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
    eventsTopic,
    partitionCount: settings.ROLLGUARD_PARTITIONS,
    decode: (table, value) => decoder.decode(table, value),
    encodeEvent: (change: RollChange) => write(rollEventOf(change)),
    metrics,
    businessDates: settings.ROLL_SERVICE_BUSINESS_DATES,
    onRowRead,
    events,
  });
}

/** What it reads beside the captured tables. @throws NOT_READY naming the topic that is not there yet. */
async function eventInputs({
  settings,
  registry,
  port,
}: Pick<ServiceOptions, 'settings' | 'registry' | 'port'>): Promise<EventInputs | undefined> {
  if (!settings.ROLL_SERVICE_EVENTS_ENABLED) return undefined;
  const topics = {
    reservationsTopic: settings.RESERVATION_EVENTS_TOPIC,
    deadLettersTopic: settings.RESERVATION_DLQ_TOPIC,
    inventoryTopic: inventoryEventsTopic(settings),
  };
  const found = await port.admin.describeTopics(Object.values(topics));
  const missing = Object.values(topics).find((name) => !found.some((each) => each.name === name));
  if (missing !== undefined) {
    const message = `there is no topic ${missing} yet; start what writes it, or set ROLL_SERVICE_EVENTS_ENABLED=false`;
    throw new RollguardError('NOT_READY', message);
  }
  const avro = new AvroDecoder(registry);
  return { ...topics, decodeAvro: (value) => avro.decode(value) };
}
