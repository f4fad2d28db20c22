/**
 * The Availability Guard of one instance: registers its contract, runs its topology, and takes the
 * fronts' calls to the partitions that own them.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { AvroDecoder } from '../../schemas/avro-decoder.ts';
import { contractSchema, contractText, valueSubject } from '../../schemas/contracts.ts';
import { DebeziumDecoder } from '../../schemas/debezium-envelope.ts';
import type { TopicDescription, Topology } from '../../streams/index.ts';
import type { ReleaseAnswer } from '../../topology/guard/answer.ts';
import type { AuditRecord } from '../../topology/guard/audit.ts';
import { isAuditRead, newestFirst } from '../../topology/guard/audit-trail.ts';
import { catalogueColumns } from '../../topology/guard/catalogue-rows.ts';
import type { BulkReleaseCommand } from '../../topology/guard/command.ts';
import { defaultGuardOptions, type GuardOptions } from '../../topology/guard/guard-options.ts';
import {
  guardApplicationId,
  inventoryEventsContract,
  inventoryEventsTopic,
} from '../../topology/guard/guard-names.ts';
import {
  isRead,
  type AnswerToRequest,
  type GuardRequest,
} from '../../topology/guard/guard-requests.ts';
import { guardSubTopologies, guardTopology } from '../../topology/guard/guard-topology.ts';
import { inventoryEventOf } from '../../topology/guard/inventory-event-codec.ts';
import type { Lock } from '../../topology/guard/lock.ts';
import { partitionKeyOf, partitionOfLock } from '../../topology/guard/lock-id.ts';
import { reservationColumns } from '../../topology/guard/reservations/reservation-fact.ts';
import { notificationsPartitionCount } from '../../topology/guard/notification.ts';
import type { PeerCalls, PeerHandler } from '../peers/peer-calls.ts';
import { gather, type Gathered, type Scatter } from '../peers/scatter.ts';
import { TaskRouter } from '../peers/task-router.ts';
import type { ServiceOptions } from '../roll-service.ts';
import { StreamsService } from '../streams-service.ts';
import { bulkMissingCodes, bulkReleased, idsReleased } from './bulk-release.ts';
import { prepareEventsTopic } from '../events-topic.ts';
import { CaptureWatch } from './capture-watch.ts';
import type {
  AuditQuery,
  BulkReleased,
  CallOptions,
  GuardCalls,
  LocksPage,
  LocksQuery,
} from './guard-calls.ts';

const eventsPartitionCount = 6;
/** Of what nobody waits for: expiries reach the log within a second of their time. */
const commitIntervalMs = 100;
/** Of what waits for the disk, mostly. */
const cacheBytesMax = 32 * 1024 * 1024;
const subTopology = guardSubTopologies.guard;

export interface AvailabilityGuard {
  readonly service: StreamsService;
  readonly calls: GuardCalls;
  /** For the other instances. */
  readonly answerPeer: PeerHandler;
}

/** @param isGapOpen true while captured changes may be missing. */
export function availabilityGuard(
  options: ServiceOptions,
  peers: PeerCalls,
  isGapOpen: () => boolean,
): AvailabilityGuard {
  const { settings } = options;
  const watch = new CaptureWatch({
    ...options,
    topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
    maxLagSeconds: settings.GUARD_EXPIRY_MAX_CDC_LAG_SECONDS,
    isGapOpen,
    backlog: () => service.backlog(),
  });
  const service: StreamsService = new StreamsService({
    ...options,
    name: 'guard',
    applicationId: guardApplicationId(options.settings),
    // Holds are in memory as they are: a large cache of their bytes would be a second copy.
    options: {
      ...{ commitIntervalMs, cacheBytesMax },
      deadLetterTopic: options.settings.INVENTORY_EVENTS_DLQ_TOPIC,
    },
    prepare: () => prepare(options, watch),
  });
  return {
    service,
    calls: new RoutedCalls(service, { peers, clock: options.clock }),
    answerPeer: ({ subTopology: name, partition, request }, callOptions) =>
      service.streams().call({ subTopology: name, partition }, request, callOptions),
  };
}

async function prepare(options: ServiceOptions, watch: CaptureWatch): Promise<Topology> {
  const { settings, registry, port, metrics, logger } = options;
  const eventsTopic = inventoryEventsTopic(settings);
  const notificationsTopic = settings.AVAILABILITY_GUARD_NOTIFICATION_TOPIC;
  const schemaId = await registry.register(
    valueSubject(eventsTopic),
    contractText(inventoryEventsContract),
  );
  const write = avroWriter(contractSchema(inventoryEventsContract), schemaId);
  const events = { name: eventsTopic, partitionCount: eventsPartitionCount };
  await prepareEventsTopic(events, { port, settings, logger });
  await port.admin.createTopics([
    { name: notificationsTopic, partitionCount: notificationsPartitionCount, configs: {} },
  ]);
  const rooms = `${settings.PLATFORM_TOPIC_PREFIX}.public.rooms`;
  const captured = await existing(port, rooms, '`rollguard connectors apply` creates it');
  const topic = settings.COMMAND_CENTER_TOPIC;
  if (topic !== '') {
    await existing(port, topic, 'the platform does; COMMAND_CENTER_TOPIC= does without');
  }
  const columns = { ...catalogueColumns, ...reservationColumns };
  const decoder = new DebeziumDecoder({ registry, columns });
  const avro = new AvroDecoder(registry);
  return guardTopology({
    topicPrefix: settings.PLATFORM_TOPIC_PREFIX,
    eventsTopic,
    notificationsTopic,
    partitionCount: settings.ROLLGUARD_PARTITIONS,
    sourcePartitionCount: captured.partitionCount,
    decode: (table, value) => decoder.decode(table, value),
    encodeEvent: (event) => write(inventoryEventOf(event)),
    options: guardOptionsOf(settings),
    commands:
      topic === ''
        ? undefined
        : {
            topic,
            serviceId: settings.COMMAND_CENTER_TARGET_SERVICE_ID,
            deadLetterTopic: settings.INVENTORY_EVENTS_DLQ_TOPIC,
            decodeAvro: (value) => avro.decode(value),
          },
    followsReservations: true,
    isShadow: settings.SHADOW_MODE,
    isCaptureSilent: () => watch.isSilent(),
    metrics,
  });
}

/** @throws NOT_READY saying who creates the topic. */
async function existing(
  port: ServiceOptions['port'],
  name: string,
  remedy: string,
): Promise<TopicDescription> {
  const [topic] = await port.admin.describeTopics([name]);
  if (topic !== undefined) return topic;
  throw new RollguardError('NOT_READY', `there is no topic ${name} yet; ${remedy}`);
}

function guardOptionsOf(settings: ServiceOptions['settings']): GuardOptions {
  const byMode = settings.SHADOW_MODE ? 'allow' : 'reject';
  return {
    ...defaultGuardOptions,
    defaultTtlSeconds: settings.LOCK_DEFAULT_TTL_SECONDS,
    maxTtlSeconds: settings.LOCK_MAX_TTL_SECONDS,
    retentionDays: settings.LOCK_IDEMPOTENCY_RETENTION_DAYS,
    unknownCapacity: settings.GUARD_UNKNOWN_CAPACITY ?? byMode,
    unknownRoom: byMode,
  };
}

/** Each request to the partition that decides it, whichever instance has that. */
class RoutedCalls implements GuardCalls {
  readonly #service: StreamsService;
  readonly #router: TaskRouter;
  readonly #clock: Clock;

  constructor(service: StreamsService, network: { peers: PeerCalls; clock: Clock }) {
    this.#service = service;
    this.#router = new TaskRouter(service, network);
    this.#clock = network.clock;
  }

  lock: GuardCalls['lock'] = (command, options) =>
    this.#ask(this.#partitionOf(command), command, options);

  release: GuardCalls['release'] = async (command, options) => {
    const partition = partitionOfLock(command.lockId, this.#partitionCount());
    if (partition === undefined) return unknownLock;
    return this.#ask(partition, command, options);
  };

  bulkRelease: GuardCalls['bulkRelease'] = async (command, options) => {
    if (command.lockIds !== undefined) return this.#releaseIds(command, command.lockIds, options);
    const { tenantId, roomTypeId } = command;
    const partitions =
      roomTypeId === undefined
        ? this.#everyPartition()
        : [this.#partitionOf({ tenantId, roomTypeId })];
    const scatter = { partitions, missingCodes: bulkMissingCodes };
    return bulkReleased(
      await this.#gather(scatter, options, (partition, each) =>
        this.#ask(partition, command, each),
      ),
    );
  };

  getLock: GuardCalls['getLock'] = async ({ tenantId, lockId }, options) => {
    const partition = partitionOfLock(lockId, this.#partitionCount());
    if (partition === undefined) return undefined;
    return this.#ask(partition, { kind: 'get-lock', tenantId, lockId }, options);
  };

  /**
   * Of a reservation too all partitions are asked: the index by reservation lags behind a lock that was
   * just answered.
   */
  listLocks: GuardCalls['listLocks'] = async (query, options): Promise<LocksPage> => {
    const { cursor, limit, tenantId, roomTypeId } = query;
    const request = { kind: 'list-locks', ...query, afterLockId: cursorOf(cursor) } as const;
    const ask = (partition: number, each: CallOptions): Promise<readonly Lock[]> =>
      this.#ask(partition, request, each);
    const { answers, missing } =
      roomTypeId === undefined
        ? await this.#gather({ partitions: this.#everyPartition() }, options, ask)
        : {
            answers: [await ask(this.#partitionOf({ tenantId, roomTypeId }), options)],
            missing: [],
          };
    const found = answers.flat().sort((left, right) => (left.lockId < right.lockId ? -1 : 1));
    const locks = found.slice(0, limit);
    const isLast = found.length < limit;
    return { locks, nextCursor: isLast ? undefined : locks.at(-1)?.lockId, missing };
  };

  availability: GuardCalls['availability'] = async (query, options) => {
    const nights = await this.#ask(
      this.#partitionOf(query),
      { kind: 'availability', ...query },
      options,
    );
    return nights.map(({ night: date, capacity, held }) => ({ date, capacity, held }));
  };

  lockAudit: GuardCalls['lockAudit'] = async (query, options) => {
    const partition = partitionOfLock(query.lockId, this.#partitionCount());
    if (partition === undefined) return [];
    return this.#ask(partition, { kind: 'lock-audit', ...query }, options);
  };

  searchAudit: GuardCalls['searchAudit'] = async (query, options) => {
    const scatter = { partitions: this.#everyPartition() };
    const { answers, missing } = await this.#gather(scatter, options, (partition, each) =>
      this.#tenantsAudit(partition, query, each),
    );
    return { records: answers.flat().sort(newestFirst).slice(0, query.limit), missing };
  };

  /** One tenant after the other, so that a partition gathers no more than is answered. */
  async #tenantsAudit(
    partition: number,
    { tenantIds, limit }: AuditQuery,
    options: CallOptions,
  ): Promise<readonly AuditRecord[]> {
    let newest: readonly AuditRecord[] = [];
    for (const tenantId of tenantIds) {
      const request = { kind: 'tenant-audit', tenantId, limit } as const;
      const found = await this.#ask(partition, request, options);
      newest = [...newest, ...found].sort(newestFirst).slice(0, limit);
    }
    return newest;
  }

  /** Each partition's ids in one call. */
  async #releaseIds(
    command: BulkReleaseCommand,
    lockIds: readonly string[],
    options: CallOptions,
  ): Promise<BulkReleased> {
    const byPartition = new Map<number, string[]>();
    for (const lockId of lockIds) {
      const partition = partitionOfLock(lockId, this.#partitionCount());
      if (partition === undefined) continue;
      const ids = byPartition.get(partition) ?? [];
      byPartition.set(partition, ids);
      ids.push(lockId);
    }
    const partitions = [...byPartition.keys()].sort((left, right) => left - right);
    const scatter = { partitions, missingCodes: bulkMissingCodes };
    const gathered = await this.#gather(scatter, options, (partition, each) =>
      this.#ask(partition, { ...command, lockIds: byPartition.get(partition) ?? [] }, each),
    );
    return idsReleased(gathered, lockIds, byPartition);
  }

  #gather<Answer>(
    scatter: Pick<Scatter, 'partitions' | 'missingCodes'>,
    options: CallOptions,
    ask: (partition: number, options: CallOptions) => Promise<Answer>,
  ): Promise<Gathered<Answer>> {
    const nowMs = this.#clock.nowMs();
    return gather(
      { subTopology, ...scatter, nowMs, deadlineMs: options.deadlineMs },
      (partition, deadlineMs) => ask(partition, { ...options, deadlineMs }),
    );
  }

  async #ask<Request extends GuardRequest>(
    partition: number,
    request: Request,
    options: CallOptions,
  ): Promise<AnswerToRequest<Request>> {
    const target = { subTopology, partition };
    const isWrite = !isRead(request) && !isAuditRead(request);
    return this.#router.ask(target, request, { ...options, isWrite }, () =>
      this.#service.streams().call<AnswerToRequest<Request>>(target, request, options),
    );
  }

  #partitionOf(key: { readonly tenantId: string; readonly roomTypeId: string }): number {
    return this.#service.streams().partitionOf(subTopology, Buffer.from(partitionKeyOf(key)));
  }

  #everyPartition(): readonly number[] {
    return Array.from({ length: this.#partitionCount() }, (_, index) => index);
  }

  #partitionCount(): number {
    const count = this.#service.streams().partitionCount(subTopology);
    if (count > 0) return count;
    throw new RollguardError('NOT_READY', 'the guard service is starting; try again shortly');
  }
}

const unknownLock: ReleaseAnswer = {
  status: 'REFUSED',
  code: 'NOT_FOUND',
  field: 'lockId',
  message: 'there is no lock with this id',
};

function cursorOf(cursor: LocksQuery['cursor']): string | undefined {
  if (cursor === undefined || /^[0-9a-f-]{36}$/.test(cursor)) return cursor;
  throw new RollguardError('REQUEST_INVALID', 'cursor: is none that a page of locks gave');
}
