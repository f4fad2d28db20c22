/** One instance's view of the in-process Kafka: the port, with faults between it and the cluster. */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type {
  GroupMember,
  GroupOptions,
  KafkaAdmin,
  KafkaPort,
  PartitionReader,
  PlainProducer,
  ProduceBatch,
  ProducedBatch,
  ProducerOptions,
  RepeatedEnd,
  TopicPartition,
  TransactionEnd,
  TransactionalProducer,
  GroupOffsets,
  WrittenTo,
} from '../../streams/kafka/port.ts';
import type { InProcessKafka, RequestKind } from '../in-process-kafka.ts';
import type { MemberIdentity } from './group-coordinator.ts';
import type { PartitionLog } from './partition-log.ts';
import { InProcessReader } from './in-process-reader.ts';
import type { ProducerIdentity } from './transaction-coordinator.ts';

/** Requests that act inside a transaction: without an answer their outcome is unknown. */
const transactional: ReadonlySet<RequestKind> = new Set([
  'AddPartitions',
  'Produce',
  'TxnOffsetCommit',
  'EndTxn',
]);

// How long a coordinator may keep a caller waiting for a pending transaction's offsets.
const stableOffsetsPollMs = 5;

/** Sends one request to the cluster, through its fault plan. */
export type Send = <T>(kind: RequestKind, execute: () => T) => Promise<T>;

/** By the cluster's fault plan, otherwise at once. */
export function throughFaults(cluster: InProcessKafka, client: string): Send {
  return async (kind, execute) => {
    // A request takes at least a turn: nothing is answered in the caller's own stack.
    await Promise.resolve();
    cluster.transactions.expire();
    const fault = cluster.faults({ kind, client });
    if (fault === 'lose-request') throw lost(kind);
    if (fault === 'deliver-late') {
      void cluster.clock.sleep(cluster.lateDeliveryMs).then(() => executeLate(execute));
      throw lost(kind);
    }
    const answer = execute();
    if (fault === 'lose-answer') throw lost(kind);
    return answer;
  };
}

export class InProcessClient implements KafkaPort {
  readonly admin: KafkaAdmin;
  readonly #cluster: InProcessKafka;
  readonly #send: Send;

  constructor(cluster: InProcessKafka, send: Send) {
    this.#cluster = cluster;
    this.#send = send;
    this.admin = inProcessAdmin(cluster, this.#send);
  }

  openReader(): PartitionReader {
    return new InProcessReader(this.#cluster, this.#send);
  }

  async openProducer(options: ProducerOptions): Promise<TransactionalProducer> {
    const { transactionalId, transactionTimeoutMs } = options;
    const take = (): ProducerIdentity =>
      this.#cluster.transactions.take(transactionalId, transactionTimeoutMs);
    return new InProcessProducer(
      this.#cluster,
      this.#send,
      await this.#send('InitProducerId', take),
    );
  }

  async openPlainProducer(): Promise<PlainProducer> {
    await this.#send('InitProducerId', () => undefined);
    return inProcessPlainProducer(this.#cluster, this.#send);
  }

  openMember(options: GroupOptions): GroupMember {
    return inProcessMember(this.#cluster, this.#send, options);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class InProcessProducer implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #cluster: InProcessKafka;
  readonly #send: Send;
  #identity: ProducerIdentity;
  #isOpen = false;
  #lastEnd: TransactionEnd | undefined;
  /** Of this epoch; and how often the broker had restarted by then. */
  #ended: { readonly end: TransactionEnd; readonly restarts: number } | undefined;
  readonly #added = new Set<string>();

  constructor(cluster: InProcessKafka, send: Send, identity: ProducerIdentity) {
    this.transactionalId = identity.transactionalId;
    this.#cluster = cluster;
    this.#send = send;
    this.#identity = identity;
    this.#lastEnd = identity.lastEnd;
  }

  get producerEpoch(): number {
    return this.#identity.epoch;
  }

  async addPartitions(partitions: readonly TopicPartition[]): Promise<void> {
    const names = partitions.map(({ topic, partition }) => `${topic}-${partition}`);
    if (this.#isOpen && names.every((name) => this.#added.has(name))) return;
    await this.#begin();
    // What was sent carries the epoch of its sending, however late it arrives.
    const identity = this.#identity;
    await this.#send('AddPartitions', () => {
      const transaction = this.#cluster.transactions.open(identity);
      for (const partition of partitions) transaction.partitions.add(this.#cluster.log(partition));
    });
    for (const name of names) this.#added.add(name);
  }

  async produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]> {
    for (const { topic, records } of batches) this.#cluster.checkSize(topic, records);
    await this.addPartitions(batches);
    const identity = this.#identity;
    return this.#send('Produce', () => {
      const transaction = this.#cluster.transactions.open(identity);
      const produced = batches.map((batch) => this.#cluster.write(batch, transaction));
      this.#cluster.wakeReaders();
      return produced;
    });
  }

  async sendOffsets(sent: GroupOffsets): Promise<void> {
    const { groupId, generationId, offsets } = sent;
    await this.#begin();
    const identity = this.#identity;
    await this.#send('TxnOffsetCommit', () => {
      for (const each of offsets) this.#cluster.log(each);
      const group = this.#cluster.group(groupId);
      const transaction = this.#cluster.transactions.open(identity);
      group.check(sent, generationId);
      group.hold(offsets);
      transaction.offsets.set(groupId, [...(transaction.offsets.get(groupId) ?? []), ...offsets]);
    });
  }

  commit(): Promise<void> {
    return this.#end(true);
  }

  abort(): Promise<void> {
    return this.#end(false);
  }

  async recover(): Promise<void> {
    this.#isOpen = false;
    this.#added.clear();
    const identity = this.#identity;
    const recover = (): ProducerIdentity => this.#cluster.transactions.recover(identity);
    this.#identity = await this.#send('InitProducerId', recover);
    this.#lastEnd = this.#identity.lastEnd ?? this.#lastEnd;
    this.#ended = undefined;
  }

  async repeatEnd({ partitions }: WrittenTo): Promise<RepeatedEnd | undefined> {
    const end = this.#lastEnd;
    if (end === undefined) return undefined;
    const marked = await this.#endAgain(end);
    return { end, partitions: partitions.filter((each) => marked.has(this.#cluster.log(each))) };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** As on a real broker, what the one before it wrote is ended again where the broker may have lost that. */
  async #begin(): Promise<void> {
    if (this.#isOpen) return;
    const before = this.#ended;
    if (before !== undefined && before.restarts !== this.#cluster.restarts) {
      await this.recover();
      await this.#endAgain(before.end);
    }
    this.#isOpen = true;
  }

  #endAgain(end: TransactionEnd): Promise<ReadonlySet<PartitionLog>> {
    const identity = this.#identity;
    return this.#send('EndTxn', () => this.#cluster.transactions.mark(identity, end));
  }

  async #end(commit: boolean): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#added.clear();
    const identity = this.#identity;
    const { restarts } = this.#cluster;
    await this.#send('EndTxn', () => this.#cluster.transactions.end(identity, commit));
    this.#ended = { end: commit ? 'commit' : 'abort', restarts };
  }
}

/** Nothing is sent again here, so there is no sequence to keep: a produce that fails is over. */
function inProcessPlainProducer(cluster: InProcessKafka, send: Send): PlainProducer {
  return {
    produce: async (batches) => {
      for (const { topic, records } of batches) cluster.checkSize(topic, records);
      return send('Produce', () => {
        const produced = batches.map((batch) => cluster.write(batch));
        cluster.wakeReaders();
        return produced;
      });
    },
    commitOffsets: ({ groupId, memberId, groupInstanceId, generationId, offsets }) =>
      send('OffsetCommit', () => {
        for (const each of offsets) cluster.log(each);
        const group = cluster.group(groupId);
        group.check({ memberId, groupInstanceId }, generationId);
        group.commit(offsets);
      }),
    recover: () => send('InitProducerId', () => undefined),
    close: () => Promise.resolve(),
  };
}

function inProcessMember(cluster: InProcessKafka, send: Send, options: GroupOptions): GroupMember {
  const group = cluster.group(options.groupId);
  const { groupInstanceId } = options;
  let memberId: string | undefined;
  /** Of a join under way. */
  let joiningId: string | undefined;
  let generationId = 0;
  const current = (): MemberIdentity => {
    if (memberId !== undefined) return { memberId, groupInstanceId };
    throw new RollguardError('ILLEGAL_GENERATION', 'the member has not joined');
  };
  return {
    join: async () => {
      for (;;) {
        // What was sent names the member as it was then, however late it arrives.
        const known = memberId;
        const userData = options.userData();
        try {
          const asked = await send('JoinGroup', () => group.join(known, options, userData));
          joiningId = asked.memberId;
          const assignment = await asked.joined;
          joiningId = undefined;
          memberId = assignment.memberId;
          generationId = assignment.generationId;
          const identity = current();
          await send('SyncGroup', () => group.sync(identity, assignment.generationId));
          return assignment;
        } catch (error) {
          if (isRollguardError(error, 'INSTANCE_FENCED')) memberId = undefined;
          // The group moved on while we joined.
          if (!isRollguardError(error, 'ILLEGAL_GENERATION')) throw error;
        }
      }
    },
    heartbeat: async () => {
      try {
        const member = current();
        const generation = generationId;
        return await send('Heartbeat', () => group.heartbeat(member, generation));
      } catch (error) {
        const isGone =
          isRollguardError(error, 'ILLEGAL_GENERATION') ||
          isRollguardError(error, 'INSTANCE_FENCED');
        if (isGone) memberId = undefined;
        throw error;
      }
    },
    committedOffsets: async (partitions) => {
      for (;;) {
        const offsets = await send('OffsetFetch', () => group.stableOffsets(partitions));
        if (offsets !== undefined) return offsets;
        await cluster.clock.sleep(stableOffsetsPollMs);
      }
    },
    leave: async ({ keepsPlace } = { keepsPlace: false }) => {
      const leaving = joiningId ?? memberId;
      memberId = undefined;
      if (leaving !== undefined && !keepsPlace) await send('Heartbeat', () => group.leave(leaving));
    },
  };
}

function inProcessAdmin(cluster: InProcessKafka, send: Send): KafkaAdmin {
  return {
    describeTopics: (names) =>
      send('Metadata', () =>
        names.flatMap((name) => {
          const topic = cluster.topic(name);
          return topic === undefined
            ? []
            : [{ name, topicId: topic.topicId, partitionCount: topic.partitions.length }];
        }),
      ),
    createTopics: (topics) =>
      send('Metadata', () => {
        for (const topic of topics) cluster.createTopic(topic);
      }),
    topicConfigs: (names) =>
      send(
        'Metadata',
        () => new Map(names.map((name) => [name, cluster.topic(name)?.configs ?? {}])),
      ),
    listOffsets: (partitions, which) =>
      send('Metadata', () =>
        partitions.map((partition) => {
          const log = cluster.log(partition);
          if (typeof which !== 'string')
            return { ...partition, offset: log.firstOffsetFrom(which.fromMs) };
          const offsets = {
            earliest: log.startOffset,
            latest: log.highWatermark,
            stable: log.lastStableOffset,
          };
          return { ...partition, offset: offsets[which] };
        }),
      ),
    deleteTopics: (names) =>
      send('Metadata', () => {
        for (const name of names) cluster.deleteTopic(name);
      }),
    groupMembers: (groupId) =>
      send('Metadata', () => {
        const ids = cluster.group(groupId).memberIds();
        return ids.map((memberId) => ({ memberId, clientId: 'in-process', host: 'in-process' }));
      }),
  };
}

/** Nobody hears of the answer, a refusal included. */
export function executeLate(execute: () => unknown): void {
  try {
    execute();
  } catch (error) {
    if (!isRollguardError(error)) throw error;
  }
}

/** What a client hears that gets no answer. */
export function lost(kind: RequestKind): RollguardError {
  return transactional.has(kind)
    ? new RollguardError('OUTCOME_UNKNOWN', `${kind} was sent and no answer came`)
    : new RollguardError('KAFKA_UNAVAILABLE', `${kind} got no answer`);
}
