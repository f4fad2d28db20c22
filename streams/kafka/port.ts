/**
 * Everything the engine asks of Kafka, and nothing else. Two implementations pass the same contract
 * suite (`test/contract/kafka-port.ts`): `kafkajs-adapter.ts` (real brokers) and
 * `testing/in-process-kafka.ts` (test driver, simulator).
 *
 * Errors are RollguardErrors with these codes, whatever the broker called them:
 *   KAFKA_UNAVAILABLE   no broker answered within the request's bounded retries
 *   KAFKA_FATAL         the broker refused for good (authorisation, unsupported version, bad request)
 *   PRODUCER_FENCED     a newer owner has the transactional id; nothing of ours can be written any more
 *   OUTCOME_UNKNOWN     a transaction request was sent and no definite answer came: it is never sent
 *                       again under this epoch; only `recover()` may follow
 *   TRANSACTION_ABORTED the transaction cannot be committed any more but the producer is still ours:
 *                       call `abort()` and do the work again
 *   ILLEGAL_GENERATION  the group has moved on (unknown member included)
 *   INSTANCE_FENCED     another process has this one's group instance id
 *   RECORD_TOO_LARGE    a record exceeds what the topic takes; `abort()` may follow
 * Answers that ask for a retry (coordinator loading, concurrent transactions, unstable offsets, not
 * leader, …) are retried inside, bounded by `requestTimeoutMs`.
 *
 * Offsets and positions are plain numbers: Kafka's are 64-bit, ours stay below 2^53.
 */
import type { KeepAliveTimes } from './keep-alive.ts';

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface PartitionOffset extends TopicPartition {
  /** Offset of the next record to read. */
  readonly offset: number;
}

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

/** Its parts may be made when they are asked for: take what is needed, do not spread it. */
export interface FetchedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** An array, or what makes its records when they are asked for. */
export type FetchedRecords = Iterable<FetchedRecord> &
  Pick<readonly FetchedRecord[], 'length' | 'at'>;

/** What one poll brought of one partition. */
export interface FetchedPartition extends TopicPartition {
  /** Committed records in offset order; aborted and control records are left out. */
  readonly records: FetchedRecords;
  /** The reader's position after this fetch: past aborted and control records too. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly logStartOffset: number;
  /** Set when the partition cannot be read on: OFFSET_OUT_OF_RANGE, TOPIC_MISSING or KAFKA_FATAL. */
  readonly error?: Error;
}

/** Reads assigned partitions with isolation level read_committed. Not tied to a group. */
export interface PartitionReader {
  /** Adds partitions, or moves assigned ones, to these positions. What was fetched from older positions is dropped. */
  assign(positions: readonly PartitionOffset[]): void;
  unassign(partitions: readonly TopicPartition[]): void;
  /** Paused partitions keep their position and are left out of polls. */
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /**
   * What has arrived; waits up to `maxWaitMs` for something. A partition appears when records came or
   * when its position, high watermark or last stable offset moved. Throws KAFKA_UNAVAILABLE.
   */
  poll(maxWaitMs: number): Promise<readonly FetchedPartition[]>;
  /** Ends the poll that waits, or else the next one, at once. */
  wakeUp(): void;
  close(): Promise<void>;
}

export interface ProduceRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestampMs: number;
  readonly headers?: readonly RecordHeader[] | undefined;
}

/** An array, or `PackedRecords`. */
export type ProduceRecords = Iterable<ProduceRecord> & { readonly length: number };

export interface ProduceBatch extends TopicPartition {
  readonly records: ProduceRecords;
}

/** Where the first record of a batch landed; the others follow without a gap. */
export interface ProducedBatch extends TopicPartition {
  readonly baseOffset: number;
  /** When the broker wrote it, by its own clock; only of topics that are dated so (`LogAppendTime`). */
  readonly appendedAtMs?: number | undefined;
}

/** Input positions that a group's member has worked off. */
export interface GroupOffsets {
  readonly groupId: string;
  /** The group's member id and generation, so that the coordinator can fence a zombie (KIP-447). */
  readonly memberId: string;
  readonly generationId: number;
  /** Of a static member. */
  readonly groupInstanceId?: string | undefined;
  readonly offsets: readonly PartitionOffset[];
}

/** How the coordinator decided a transaction. */
export type TransactionEnd = 'commit' | 'abort';

/** Where a transaction may have left something. */
export interface WrittenTo {
  readonly partitions: readonly TopicPartition[];
  readonly groupId: string;
}

/** A transaction that was ended once more. */
export interface RepeatedEnd {
  readonly end: TransactionEnd;
  /** Those in which it was still open. */
  readonly partitions: readonly TopicPartition[];
}

/**
 * One transactional id, one transaction at a time; the calls below are made one after another. A
 * transaction opens with the first `addPartitions`, `produce` or `sendOffsets` and ends with `commit`
 * or `abort`; ending one that never opened does nothing.
 */
export interface TransactionalProducer {
  readonly transactionalId: string;
  readonly producerEpoch: number;
  /** Primes the transaction: partitions added now cost no round trip at the first `produce`. */
  addPartitions(partitions: readonly TopicPartition[]): Promise<void>;
  /** Resolves when every batch is acknowledged by all in-sync replicas. */
  produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]>;
  sendOffsets(offsets: GroupOffsets): Promise<void>;
  commit(): Promise<void>;
  abort(): Promise<void>;
  /**
   * After OUTCOME_UNKNOWN (or the coordinator's time-out): InitProducerId with the *own* producer id and
   * epoch, which settles the old transaction and gives a new epoch; PRODUCER_FENCED if there is a successor.
   * Brokers before Kafka 4 answer that also when they have aborted an open transaction themselves; the
   * group then tells whether the id is still ours to open anew.
   */
  recover(): Promise<void>;
  /**
   * Ends the id's last transaction once more, as it was decided, for the group's offsets and the partitions in which
   * it is still open: a broker that restarts can lose end markers (ADR 0003). Asked of an id that was just
   * opened or recovered. What has its marker stays as it is.
   * @returns undefined, with nothing done, if it is not known how that transaction ended.
   */
  repeatEnd(last: WrittenTo): Promise<RepeatedEnd | undefined>;
  close(): Promise<void>;
}

/**
 * Writes without transactions, each record once as long as nothing fails: what is acknowledged is
 * visible at once. After a failed `produce` some batches may be written, and only `recover` may follow.
 */
export interface PlainProducer {
  /** Resolves when every batch is acknowledged by all in-sync replicas. */
  produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]>;
  commitOffsets(offsets: GroupOffsets): Promise<void>;
  /** Begins anew, under another producer id. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

export interface ProducerOptions {
  readonly transactionalId: string;
  /** The coordinator aborts a transaction that stays open longer. */
  readonly transactionTimeoutMs: number;
}

/** What one member of a group may run: the tasks' source partitions that the leader gave it. */
export interface GroupAssignment {
  readonly memberId: string;
  readonly generationId: number;
  /** Of a static member. */
  readonly groupInstanceId?: string | undefined;
  readonly partitions: readonly TopicPartition[];
  /** What the leader told the member with its share; empty: nothing. */
  readonly userData: Buffer;
}

export interface GroupMemberInfo {
  readonly memberId: string;
  /** The same after a restart; undefined: a dynamic member. */
  readonly groupInstanceId: string | undefined;
  /** What the member told the group when it joined (its address, the tasks it holds). */
  readonly userData: Buffer;
}

/** What the leader gives one member. */
export type GroupShare = Pick<GroupAssignment, 'partitions' | 'userData'>;

/** Run by the group's leader: who gets what, by member id. Pure. */
export type GroupAssignor = (
  members: readonly GroupMemberInfo[],
) => ReadonlyMap<string, GroupShare>;

export interface GroupOptions {
  readonly groupId: string;
  /** Topics the member subscribes to, shown by Kafka's own tools. */
  readonly topics: readonly string[];
  /** Asked at every join. */
  readonly userData: () => Buffer;
  /** A static member: its place is kept over a restart. Unique in the group. */
  readonly groupInstanceId?: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly assignor: GroupAssignor;
  /** Who heartbeats while this thread is busy: somebody else, within these bounds; undefined: nobody. */
  readonly keepAlive?: KeepAliveTimes;
}

/** A member as the group's coordinator knows it. */
export interface DescribedMember {
  readonly memberId: string;
  readonly clientId: string;
  /** Where it connected from. */
  readonly host: string;
}

/** Membership in a consumer group (classic protocol). The engine heartbeats and rejoins. */
export interface GroupMember {
  /** Joins, or joins again; resolves with what this member may run in the new generation. */
  join(): Promise<GroupAssignment>;
  /**
   * 'rebalance': join again. Throws ILLEGAL_GENERATION when the group no longer knows the member,
   * INSTANCE_FENCED when another one has its group instance id.
   */
  heartbeat(): Promise<'stable' | 'rebalance'>;
  /** Committed offsets, waiting for pending transactions (requireStable); absent when none was committed. */
  committedOffsets(partitions: readonly TopicPartition[]): Promise<readonly PartitionOffset[]>;
  /**
   * Gives the place up; with `keepsPlace` it is kept until the session ends, for who comes back. A join
   * under way ends with ILLEGAL_STATE.
   */
  leave(options?: { readonly keepsPlace: boolean }): Promise<void>;
}

export interface TopicDescription {
  readonly name: string;
  /** Kafka's topic id (UUID text); another one means the topic was deleted and made again. */
  readonly topicId: string;
  readonly partitionCount: number;
}

export interface NewTopic {
  readonly name: string;
  readonly partitionCount: number;
  /** Undefined: the broker's default. */
  readonly replicationFactor?: number;
  readonly configs: Readonly<Record<string, string>>;
}

export interface KafkaAdmin {
  /** Existing topics only; missing ones are left out. */
  describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]>;
  /** Creates topics; one that exists already is not an error. Resolves when every leader is known. */
  createTopics(topics: readonly NewTopic[]): Promise<void>;
  /**
   * Settings of topics, e.g. `cleanup.policy`. effective: with the broker's defaults; own: only what was
   * set for the topic itself.
   */
  topicConfigs(
    names: readonly string[],
    which?: 'effective' | 'own',
  ): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
  /**
   * earliest: log start; latest: high watermark; stable: last stable offset; fromMs: the first record
   * with that timestamp or a later one, −1 where there is none.
   */
  listOffsets(
    partitions: readonly TopicPartition[],
    which: 'earliest' | 'latest' | 'stable' | { readonly fromMs: number },
  ): Promise<readonly PartitionOffset[]>;
  deleteTopics(names: readonly string[]): Promise<void>;
  /** A group's members now; none for a group that does not exist. */
  groupMembers(groupId: string): Promise<readonly DescribedMember[]>;
}

export interface KafkaPort {
  readonly admin: KafkaAdmin;
  openReader(): PartitionReader;
  /** Takes the transactional id over (InitProducerId −1/−1): fences its previous owner. */
  openProducer(options: ProducerOptions): Promise<TransactionalProducer>;
  openPlainProducer(): Promise<PlainProducer>;
  openMember(options: GroupOptions): GroupMember;
  close(): Promise<void>;
}
