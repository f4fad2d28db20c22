/** Topics and offsets: what the port's admin part asks of the cluster. */
import { RollguardError } from '../../kernel/errors.ts';
import type { BrokerPool } from './broker-pool.ts';
import { brokerError, brokerErrorCode, reactionTo, worstError } from './error-reactions.ts';
import { askCoordinator, askLeaders, type KafkaClient } from './kafka-client.ts';
import type {
  DescribedMember,
  KafkaAdmin,
  NewTopic,
  PartitionOffset,
  TopicDescription,
  TopicPartition,
} from './port.ts';
import { describeGroupRequest } from './protocol/describe-groups.ts';
import { listOffsetsRequest, type OffsetKind } from './protocol/list-offsets.ts';
import type { Message } from './protocol/message.ts';
import type { TopicMetadata } from './protocol/metadata.ts';
import {
  createTopicsRequest,
  deleteTopicsRequest,
  describeConfigsRequest,
  type TopicResult,
} from './protocol/topic-messages.ts';

export class KafkajsAdmin implements KafkaAdmin {
  readonly #client: KafkaClient;
  readonly #pool: BrokerPool;

  constructor(client: KafkaClient, pool: BrokerPool) {
    this.#client = client;
    this.#pool = pool;
  }

  async describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]> {
    if (names.length === 0) return [];
    const topics = await this.#metadata(names);
    return topics.map(({ name, topicId, partitions }) => ({
      name,
      topicId,
      partitionCount: partitions.length,
    }));
  }

  async createTopics(topics: readonly NewTopic[]): Promise<void> {
    if (topics.length === 0) return;
    const names = topics.map(({ name }) => name);
    await this.#change({
      what: `creating topics ${names.join(', ')}`,
      message: (timeoutMs) => createTopicsRequest(topics, timeoutMs),
      done: brokerErrorCode.topicAlreadyExists,
    });
    await this.#until(`leaders of topics ${names.join(', ')}`, names, (found) => {
      const isLed = ({ partitions }: TopicMetadata): boolean =>
        partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
      return found.length === names.length && found.every(isLed);
    });
  }

  async topicConfigs(
    names: readonly string[],
    which: 'effective' | 'own' = 'effective',
  ): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
    if (names.length === 0) return new Map();
    const { cluster, retries } = this.#client;
    const results = await retries.run('topic settings', async (remainingMs) => {
      const answer = await cluster.askAny(describeConfigsRequest(names), remainingMs);
      return existing(answer, 'topic settings');
    });
    return new Map(results.map((result) => [result.topic, result[which]]));
  }

  async listOffsets(
    partitions: readonly TopicPartition[],
    which: OffsetKind,
  ): Promise<readonly PartitionOffset[]> {
    const offsets = await askLeaders(this.#client, {
      ...{ pool: this.#pool, partitions },
      what: typeof which === 'string' ? `${which} offsets` : 'offsets by time',
      message: (ofLeader) => listOffsetsRequest(ofLeader, which),
      errorsOf: (answers) => answers,
    });
    return offsets.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    await this.#change({
      what: `deleting topics ${names.join(', ')}`,
      message: (timeoutMs) => deleteTopicsRequest(names, timeoutMs),
      done: brokerErrorCode.unknownTopicOrPartition,
    });
    await this.#until(`deleting topics ${names.join(', ')}`, names, (found) => found.length === 0);
  }

  groupMembers(groupId: string): Promise<readonly DescribedMember[]> {
    return askCoordinator(this.#client, {
      pool: this.#pool,
      kind: 'group',
      key: groupId,
      what: `group ${groupId}: members`,
      message: describeGroupRequest(groupId),
      errorsOf: (answer) => [answer],
      sendOnce: false,
    }).then(({ members }) => members);
  }

  /** Metadata of the existing ones among these topics. */
  #metadata(names: readonly string[]): Promise<readonly TopicMetadata[]> {
    const { cluster, retries } = this.#client;
    return retries.run('topic metadata', async (remainingMs) => {
      const topics = await cluster.refresh(names, remainingMs);
      const results = topics.map((topic) => ({ ...topic, topic: topic.name, errorMessage: null }));
      return existing(results, 'metadata');
    });
  }

  /** Creates or deletes; asked again, a topic that is `done` already is none that failed. */
  async #change(change: {
    readonly what: string;
    readonly message: (timeoutMs: number) => Message<readonly TopicResult[]>;
    readonly done: number;
  }): Promise<void> {
    const { cluster, retries } = this.#client;
    await retries.run(change.what, async (remainingMs) => {
      const message = change.message(Math.ceil(remainingMs));
      const results = await cluster.askController(message, remainingMs);
      const failed = worstError(results.filter(({ errorCode }) => errorCode !== change.done));
      if (failed === undefined) return;
      if (reactionTo(failed.errorCode) === 'find-leader') await cluster.refresh([], remainingMs);
      throw brokerError(failed.errorCode, `${change.what}: ${failed.topic}`, failed.errorMessage);
    });
  }

  /** What the controller has decided reaches the brokers a moment later. */
  async #until(
    what: string,
    names: readonly string[],
    isReached: (found: readonly TopicMetadata[]) => boolean,
  ): Promise<void> {
    await this.#client.retries.run(what, async () => {
      if (isReached(await this.#metadata(names))) return;
      throw new RollguardError('KAFKA_RETRIABLE', `${what}: not everywhere yet`);
    });
  }
}

/** Results without the topics that do not exist; throws the worst other error. */
function existing<T extends TopicResult>(results: readonly T[], what: string): readonly T[] {
  const found = results.filter(
    ({ errorCode }) => errorCode !== brokerErrorCode.unknownTopicOrPartition,
  );
  const failed = worstError(found);
  if (failed === undefined) return found;
  throw brokerError(failed.errorCode, `${what} of ${failed.topic}`, failed.errorMessage);
}
