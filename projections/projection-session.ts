/**
 * One stay in the group: connections, a share of the partitions, and the loop poll ▸ apply ▸ tell Kafka.
 * Ends when it is stopped, or with the first error that is not one record's fault; whatever was not
 * committed then is read again from where the table stands.
 */
import { openDatabase, type Database } from '../database/connection.ts';
import { migrate } from '../database/migrations.ts';
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import { deadLetter } from '../streams/dead-letter.ts';
import { deadLetterConfigs, deadLetterPartitionCount } from '../streams/internal-topics.ts';
import { partitionName } from '../streams/kafka/partition-name.ts';
import type {
  FetchedPartition,
  PartitionOffset,
  PartitionReader,
  PlainProducer,
  TopicPartition,
} from '../streams/kafka/port.ts';
import { Membership } from '../streams/membership.ts';
import { applyBatch, type Batch, type DeadRecord, type Outcome } from './apply-batch.ts';
import { batchesOf } from './batches-of.ts';
import { dealOut } from './deal-out.ts';
import { OffsetRows } from './offset-rows.ts';
import type { Projection } from './projection.ts';
import type { ProjectorOptions } from './projector.ts';

export interface SessionLimits {
  /** Of one transaction. */
  readonly batchRecordsMax: number;
  readonly batchBytesMax: number;
  /** Partitions that are applied at a time, each over a connection of its own. */
  readonly connections: number;
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly maxPollIntervalMs: number;
}

export const sessionLimits: Omit<
  SessionLimits,
  'sessionTimeoutMs' | 'heartbeatIntervalMs' | 'maxPollIntervalMs'
> = { batchRecordsMax: 5_000, batchBytesMax: 4 * 1024 * 1024, connections: 2 };

const pollWaitMs = 500;
const rebalanceTimeoutMs = 60_000;
/** How often it looks whether its offset rows were moved or deleted by hand. */
const lookIntervalMs = 5_000;
/**
 * A projector that is stopped in the middle of a transaction would hold its offset row for as long as its
 * connection lives: Postgres ends it, and whoever waits for the row gives up before that.
 */
const session = "SET idle_in_transaction_session_timeout = '20s'; SET lock_timeout = '10s'";

interface Parts {
  readonly connections: readonly Database[];
  readonly membership: Membership;
  readonly reader: PartitionReader;
  readonly producer: PlainProducer;
}

export class ProjectionSession {
  readonly #options: ProjectorOptions;
  readonly #onRunning: () => void;
  readonly #offsets: OffsetRows;
  readonly #projections: ReadonlyMap<string, Projection>;
  /** Where this projector takes the table to stand, by partition; its share. */
  readonly #positions = new Map<string, PartitionOffset>();
  /** Positions that the table has and Kafka was not told of. */
  readonly #untold = new Map<string, PartitionOffset>();
  #topicPartitions: readonly TopicPartition[] = [];
  #reader: PartitionReader | undefined;
  #membership: Membership | undefined;
  #lookedMs = 0;
  #isStopped = false;

  constructor(options: ProjectorOptions, onRunning: () => void) {
    this.#options = options;
    this.#onRunning = onRunning;
    this.#offsets = new OffsetRows(options.groupId);
    this.#projections = new Map(options.projections.map((each) => [each.topic, each]));
  }

  stop(): void {
    this.#isStopped = true;
    this.#reader?.wakeUp();
    // The group may gather for a minute.
    if (this.#membership?.isJoining === true) void this.#leave(this.#membership);
  }

  /** @throws what ended it. */
  async run(): Promise<void> {
    const connections: Database[] = [];
    try {
      await this.#connect(connections);
      await this.#findPartitions();
      await this.#inGroup(connections);
    } finally {
      await Promise.all(connections.map((connection) => connection.close()));
    }
  }

  async #connect(connections: Database[]): Promise<void> {
    const { databaseUrl: url, groupId, limits } = this.#options;
    const setting = 'ROLLGUARD_DATABASE_URL';
    while (connections.length < limits.connections) {
      const connection = await openDatabase({ url, setting, applicationName: groupId });
      connections.push(connection);
      await connection.query(session);
    }
    const ran = await migrate(connectionOf(connections, 0));
    if (ran.length > 0) this.#options.logger.info('tables were made', { migrations: ran });
  }

  /** @throws NOT_READY naming the topics that are not there yet. */
  async #findPartitions(): Promise<void> {
    const { port, deadLetterTopic: letters } = this.#options;
    await port.admin.createTopics([
      { name: letters, partitionCount: deadLetterPartitionCount, configs: deadLetterConfigs() },
    ]);
    const names = [...this.#projections.keys()];
    const topics = await port.admin.describeTopics(names);
    const missing = names.filter((name) => !topics.some((topic) => topic.name === name));
    if (missing.length > 0) {
      const message = `topics do not exist yet: ${missing.join(', ')}; start what writes them`;
      throw new RollguardError('NOT_READY', message);
    }
    this.#topicPartitions = topics.flatMap(({ name, partitionCount }) =>
      Array.from({ length: partitionCount }, (_, partition) => ({ topic: name, partition })),
    );
  }

  async #inGroup(connections: readonly Database[]): Promise<void> {
    const { port } = this.#options;
    const producer = await port.openPlainProducer();
    const reader = port.openReader();
    this.#reader = reader;
    const membership = this.#openMembership();
    this.#membership = membership;
    const parts = { connections, membership, reader, producer };
    try {
      while (!this.#isStopped) await this.#turn(parts);
    } finally {
      await this.#leave(membership);
      await Promise.all([reader.close(), producer.close()]);
    }
  }

  async #leave(membership: Membership): Promise<void> {
    await membership.leave().catch((error: unknown) => {
      this.#options.logger.warn('leaving the group failed', { error });
    });
  }

  #openMembership(): Membership {
    const { port, groupId, limits, clock, logger } = this.#options;
    const { sessionTimeoutMs, heartbeatIntervalMs, maxPollIntervalMs } = limits;
    const member = port.openMember({
      groupId,
      topics: [...this.#projections.keys()],
      userData: () => Buffer.alloc(0),
      ...{ sessionTimeoutMs, rebalanceTimeoutMs },
      assignor: (members) => dealOut(this.#topicPartitions, members),
      keepAlive: { heartbeatIntervalMs, maxPollIntervalMs },
    });
    return new Membership({
      ...{ member, heartbeatIntervalMs, sessionTimeoutMs, clock, logger },
      fatal: () => undefined,
    });
  }

  async #turn(parts: Parts): Promise<void> {
    const { membership, reader, producer } = parts;
    if (!(await this.#isMember(membership))) await this.#join(parts);
    const fetched = await reader.poll(pollWaitMs);
    await this.#applyAll(fetched, parts);
    await this.#tellKafka(membership, producer);
    const { clock } = this.#options;
    if (clock.monotonicMs() - this.#lookedMs >= lookIntervalMs) await this.#followTable(parts);
  }

  /** Whoever stood still for a session asks the group first: its share is probably somebody else's. */
  async #isMember(membership: Membership): Promise<boolean> {
    const { clock, limits } = this.#options;
    if (membership.status !== 'stable') return false;
    const isStale = clock.nowMs() - membership.confirmedAtMs > limits.sessionTimeoutMs;
    return !isStale || (await membership.refresh()) === 'stable';
  }

  async #join(parts: Parts): Promise<void> {
    const { membership, reader } = parts;
    const { assignment } = await membership.join();
    reader.unassign([...this.#positions.values()]);
    this.#positions.clear();
    this.#untold.clear();
    await this.#follow(assignment.partitions, parts);
    this.#onRunning();
    this.#options.logger.info('tables are written', { partitions: assignment.partitions.length });
  }

  /** Goes where the table stands, where that is not where this projector is. */
  async #followTable(parts: Parts): Promise<void> {
    await this.#follow([...this.#positions.values()], parts);
  }

  async #follow(partitions: readonly TopicPartition[], parts: Parts): Promise<void> {
    this.#lookedMs = this.#options.clock.monotonicMs();
    if (partitions.length === 0) return;
    const starts = await this.#options.port.admin.listOffsets(partitions, 'earliest');
    const database = connectionOf(parts.connections, 0);
    const positions = await this.#offsets.positions(database, starts);
    const moved = positions.filter(
      (position) => this.#positions.get(partitionName(position))?.offset !== position.offset,
    );
    parts.reader.assign(moved);
    for (const position of moved) this.#moveTo(position);
  }

  #moveTo(position: PartitionOffset): void {
    this.#positions.set(partitionName(position), position);
    this.#untold.set(partitionName(position), position);
  }

  /** Each connection takes the next partition that waits. */
  async #applyAll(fetched: readonly FetchedPartition[], parts: Parts): Promise<void> {
    const waiting = [...fetched];
    const work = parts.connections.map(async (database) => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        await this.#applyPartition(database, next, parts);
      }
    });
    const results = await Promise.allSettled(work);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #applyPartition(
    database: Database,
    fetched: FetchedPartition,
    parts: Parts,
  ): Promise<void> {
    const { batchRecordsMax, batchBytesMax } = this.#options.limits;
    const from = this.#positions.get(partitionName(fetched))?.offset;
    if (from === undefined) return;
    if (fetched.error !== undefined) {
      await this.#restart(database, { ...fetched, from }, fetched.error, parts);
      return;
    }
    const limits = { recordsMax: batchRecordsMax, bytesMax: batchBytesMax };
    for (const batch of batchesOf(fetched, from, limits)) {
      if (this.#isStopped || parts.membership.status === 'lost') return;
      if ((await this.#apply(database, batch, parts)).status === 'applied') continue;
      this.#options.metrics.refused(batch.topic);
      // It may be that this one is no member any more, and nobody has told it.
      await parts.membership.refresh();
      // What was fetched from here on does not follow on what is applied, wherever the table stands.
      this.#positions.delete(partitionName(batch));
      await this.#follow([batch], parts);
      return;
    }
  }

  async #apply(database: Database, batch: Batch, { producer }: Parts): Promise<Outcome> {
    const { metrics, deadLetterTopic } = this.#options;
    const { topic, partition, nextOffset, highWatermark } = batch;
    const projection = this.#projections.get(topic);
    if (projection === undefined)
      throw new RollguardError('ILLEGAL_STATE', `nobody reads ${topic}`);
    const outcome = await applyBatch(database, projection, batch, {
      offsets: this.#offsets,
      writeDeadLetters: (letters) => writeDeadLetters(producer, deadLetterTopic, letters),
    });
    if (outcome.status === 'elsewhere') return outcome;
    this.#moveTo({ topic, partition, offset: nextOffset });
    metrics.lag(batch, Math.max(0, highWatermark - nextOffset));
    metrics.written(outcome.rows);
    if (outcome.letters > 0) metrics.deadLettered(topic, outcome.letters);
    return outcome;
  }

  /** The broker has no such offset: the oldest records are gone, or the topic was made anew. */
  async #restart(
    database: Database,
    at: TopicPartition & { readonly from: number },
    error: Error,
    parts: Parts,
  ): Promise<void> {
    if (!isRollguardError(error, 'OFFSET_OUT_OF_RANGE')) throw error;
    const [start] = await this.#options.port.admin.listOffsets([at], 'earliest');
    const nextOffset = start?.offset ?? 0;
    const { topic, partition, from } = at;
    this.#options.metrics.gap(topic);
    this.#options.logger.error('records are gone that were not applied, going on behind them', {
      ...{ topic, partition, from, to: nextOffset },
      remedy: 'have the missing events written again, and raise retention.ms of the topic',
    });
    const range = { ...{ topic, partition, from, nextOffset }, highWatermark: nextOffset };
    await this.#apply(database, { ...range, records: [] }, parts);
    parts.reader.assign([{ topic, partition, offset: nextOffset }]);
  }

  /** The mirror of what is committed in Postgres; a member of an earlier generation is refused. */
  async #tellKafka(membership: Membership, producer: PlainProducer): Promise<void> {
    if (this.#untold.size === 0 || membership.status !== 'stable') return;
    const { groupId, logger } = this.#options;
    const { memberId, generationId } = membership.assignment;
    const offsets = [...this.#untold.values()];
    try {
      await producer.commitOffsets({ groupId, memberId, generationId, offsets });
      this.#untold.clear();
    } catch (error) {
      if (!isRollguardError(error)) throw error;
      logger.warn('Kafka was not told how far the tables are', { error });
      if (error.code === 'ILLEGAL_GENERATION') await membership.refresh();
    }
  }
}

async function writeDeadLetters(
  producer: PlainProducer,
  topic: string,
  letters: readonly DeadRecord[],
): Promise<void> {
  const records = letters.map((letter) => deadLetter(topic, letter, letter.failure).record);
  await producer.produce([{ topic, partition: 0, records }]);
}

function connectionOf(connections: readonly Database[], index: number): Database {
  const connection = connections[index];
  if (connection !== undefined) return connection;
  throw new RollguardError('ILLEGAL_STATE', 'a projector needs a connection');
}
