/**
 * Kafka inside this process: the port with the broker's transaction and group semantics, no network, no
 * disk, time from an injected clock. For the test driver and the simulator; real brokers have the last
 * word, and both pass `test/contract/kafka-port.ts`.
 *
 * Faults: `faults` decides for every request whether it, or its answer, gets lost.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import { partitionFor } from '../kernel/murmur2.ts';
import { uuidV5 } from '../kernel/uuid.ts';
import type {
  KafkaPort,
  NewTopic,
  ProduceBatch,
  ProducedBatch,
  ProduceRecord,
  TopicPartition,
} from '../streams/kafka/port.ts';
import { GroupCoordinator, type OffsetSetBack } from './in-process/group-coordinator.ts';
import { InProcessClient, throughFaults, type Send } from './in-process/in-process-client.ts';
import { PartitionLog, type LogTransaction } from './in-process/partition-log.ts';
import { TransactionCoordinator } from './in-process/transaction-coordinator.ts';

export const requestKinds = [
  'Metadata',
  'Fetch',
  'InitProducerId',
  'AddPartitions',
  'Produce',
  'TxnOffsetCommit',
  'EndTxn',
  'OffsetCommit',
  'OffsetFetch',
  'JoinGroup',
  'SyncGroup',
  'Heartbeat',
] as const;
export type RequestKind = (typeof requestKinds)[number];

/**
 * ok: as usual · lose-request: the broker never sees it · lose-answer: the broker executes it, the
 * client does not hear of it · deliver-late: the client gives it up, the broker executes it
 * `lateDeliveryMs` later.
 */
export type Fault = 'ok' | 'lose-request' | 'lose-answer' | 'deliver-late';
export type FaultPlan = (request: { readonly kind: RequestKind; readonly client: string }) => Fault;

export interface InProcessTopic {
  readonly topicId: string;
  readonly configs: Readonly<Record<string, string>>;
  readonly partitions: readonly PartitionLog[];
}

const topicIdNamespace = '5b1f4a34-7d3e-4b68-9d4d-0a6a3c2f7d11';
// The header of a batch of one record, and the record's lengths.
const batchOverheadBytes = 70;
const recordBytesMaxDefault = 1_048_588;

export class InProcessKafka {
  readonly clock: Clock;
  readonly transactions: TransactionCoordinator;
  faults: FaultPlan = () => 'ok';
  lateDeliveryMs = 1_000;
  /** Records of a partition that one fetch brings at most. */
  fetchRecordsMax = 1_000;
  /** How often it went away and came back: who had a connection knows. */
  restarts = 0;
  /** Told of committed offsets that go back. */
  onOffsetSetBack: OffsetSetBack = () => undefined;
  readonly #newLog: () => PartitionLog;
  readonly #topics = new Map<string, InProcessTopic>();
  readonly #groups = new Map<string, GroupCoordinator>();
  #waiters: (() => void)[] = [];
  #topicsCreated = 0;
  #clients = 0;

  /** @param newLog makes each partition's log. */
  constructor(clock: Clock, newLog: () => PartitionLog = () => new PartitionLog()) {
    this.clock = clock;
    this.#newLog = newLog;
    this.transactions = new TransactionCoordinator(clock, (transaction, committed) => {
      for (const [groupId, offsets] of transaction.offsets) {
        this.group(groupId).release(offsets, committed);
      }
      this.wakeReaders();
    });
  }

  /**
   * A connection of its own, as another instance would have.
   * @param send carries its requests; by default they pass `faults` and take no time.
   */
  client(name = `client-${++this.#clients}`, send: Send = throughFaults(this, name)): KafkaPort {
    return new InProcessClient(this, send);
  }

  createTopic({ name, partitionCount, configs }: NewTopic): void {
    if (this.#topics.has(name)) return;
    this.#topicsCreated += 1;
    this.#topics.set(name, {
      // A topic made again gets another id, as on a real broker.
      topicId: uuidV5(topicIdNamespace, `${this.#topicsCreated} ${name}`),
      configs: { 'cleanup.policy': 'delete', ...configs },
      partitions: Array.from({ length: partitionCount }, this.#newLog),
    });
  }

  deleteTopic(name: string): void {
    this.#topics.delete(name);
  }

  topic(name: string): InProcessTopic | undefined {
    return this.#topics.get(name);
  }

  /** @throws TOPIC_MISSING */
  log({ topic, partition }: TopicPartition): PartitionLog {
    const log = this.#topics.get(topic)?.partitions[partition];
    if (log === undefined)
      throw new RollguardError('TOPIC_MISSING', `${topic}-${partition} does not exist`);
    return log;
  }

  group(groupId: string): GroupCoordinator {
    let group = this.#groups.get(groupId);
    if (group === undefined) {
      group = new GroupCoordinator(groupId, this.clock, (committed, before) =>
        this.onOffsetSetBack(committed, before),
      );
      this.#groups.set(groupId, group);
    }
    return group;
  }

  /** Writes one record as a foreign producer would, by Kafka's partitioner unless a partition is given. */
  append(topic: string, record: ProduceRecord, partition?: number): void {
    const count = this.#topics.get(topic)?.partitions.length ?? 0;
    const chosen = partition ?? (record.key === null ? 0 : partitionFor(record.key, count));
    this.log({ topic, partition: chosen }).append([record]);
    this.wakeReaders();
  }

  /** A producer's batch; that of a topic with `LogAppendTime` has the time of the broker. */
  write({ topic, partition, records }: ProduceBatch, transaction?: LogTransaction): ProducedBatch {
    const isDated = this.#topics.get(topic)?.configs['message.timestamp.type'] === 'LogAppendTime';
    // A batch has one time, as on a real broker.
    const appendedAtMs = isDated ? this.clock.nowMs() : undefined;
    const dated =
      appendedAtMs === undefined
        ? records
        : Array.from(records, (record) => ({ ...record, timestampMs: appendedAtMs }));
    const baseOffset = this.log({ topic, partition }).append(dated, transaction);
    return { topic, partition, baseOffset, appendedAtMs };
  }

  /** @throws RECORD_TOO_LARGE */
  checkSize(topic: string, records: Iterable<ProduceRecord>): void {
    const limit = Number(
      this.#topics.get(topic)?.configs['max.message.bytes'] ?? recordBytesMaxDefault,
    );
    for (const { key, value } of records) {
      const bytes = batchOverheadBytes + (key?.length ?? 0) + (value?.length ?? 0);
      if (bytes <= limit) continue;
      throw new RollguardError(
        'RECORD_TOO_LARGE',
        `a record of ${bytes} bytes exceeds the ${limit} that ${topic} takes`,
        { context: { topic, bytes } },
      );
    }
  }

  /** Calls once when something was appended or committed. */
  onNextChange(changed: () => void): void {
    this.#waiters.push(changed);
  }

  wakeReaders(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }
}
