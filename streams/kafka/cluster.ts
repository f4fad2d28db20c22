/**
 * What is known of the cluster: brokers, leaders, coordinators; learnt when needed, forgotten when a
 * request shows it to be wrong. All roles share it.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { BrokerAddress } from './broker-connection.ts';
import { addressName, type BrokerPool } from './broker-pool.ts';
import { brokerError, brokerErrorCode } from './error-reactions.ts';
import type { TopicPartition } from './port.ts';
import { findCoordinatorRequest, type CoordinatorKind } from './protocol/find-coordinator.ts';
import type { Message } from './protocol/message.ts';
import { metadataRequest, type BrokerNode, type TopicMetadata } from './protocol/metadata.ts';

export interface ClusterOptions {
  readonly pool: BrokerPool;
  readonly seeds: readonly BrokerAddress[];
  /** One broker's time to answer before another one is asked. */
  readonly attemptTimeoutMs: number;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #brokers = new Map<number, BrokerNode>();
  /** By topic, the leader's node id of each partition; −1 while there is none. */
  readonly #leaders = new Map<string, ReadonlyMap<number, number>>();
  readonly #coordinators = new Map<string, BrokerAddress>();
  readonly #refreshing = new Map<string, Promise<readonly TopicMetadata[]>>();
  #controllerId = -1;
  #preferred = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Asks any broker; stays with one as long as it answers. */
  async askAny<Response>(message: Message<Response>, timeoutMs: number): Promise<Response> {
    const { pool, attemptTimeoutMs } = this.#options;
    const addresses = this.#addresses();
    const address = addresses[this.#preferred % addresses.length];
    if (address === undefined) throw new RollguardError('CONFIG_INVALID', 'no Kafka broker is set');
    try {
      return await pool.send(address, message, Math.min(timeoutMs, attemptTimeoutMs));
    } catch (error) {
      this.#preferred += 1;
      throw error;
    }
  }

  async askController<Response>(message: Message<Response>, timeoutMs: number): Promise<Response> {
    const controller = this.#brokers.get(this.#controllerId);
    if (controller === undefined) return this.askAny(message, timeoutMs);
    return this.#options.pool.send(controller, message, timeoutMs);
  }

  /** Learns these topics anew; requests for the same topics at the same time share one. */
  async refresh(names: readonly string[], timeoutMs: number): Promise<readonly TopicMetadata[]> {
    const wanted = [...new Set(names)].sort();
    const key = wanted.join(',');
    const refreshing = this.#refreshing.get(key) ?? this.#refresh(wanted, timeoutMs);
    this.#refreshing.set(key, refreshing);
    try {
      return await refreshing;
    } finally {
      this.#refreshing.delete(key);
    }
  }

  /** The leader as far as known. */
  leaderOf({ topic, partition }: TopicPartition): BrokerNode | undefined {
    return this.#brokers.get(this.#leaders.get(topic)?.get(partition) ?? -1);
  }

  /**
   * Partitions by their leader; learns what is not known.
   * @throws RollguardError KAFKA_RETRIABLE when a leader, or the topic, is not known yet.
   */
  async byLeader<T extends TopicPartition>(
    items: readonly T[],
    timeoutMs: number,
  ): Promise<[BrokerNode, T[]][]> {
    const unknown = items.filter((item) => this.leaderOf(item) === undefined);
    if (unknown.length > 0)
      await this.refresh(
        unknown.map(({ topic }) => topic),
        timeoutMs,
      );
    const leaders = new Map<BrokerNode, T[]>();
    for (const item of items) {
      const leader = this.leaderOf(item);
      if (leader === undefined) throw this.leaderError(item);
      const same = leaders.get(leader);
      if (same === undefined) leaders.set(leader, [item]);
      else same.push(item);
    }
    return [...leaders];
  }

  /** Why a partition has no known leader. */
  leaderError({ topic, partition }: TopicPartition): RollguardError {
    const isKnown = this.#leaders.get(topic)?.has(partition) === true;
    const { leaderNotAvailable, unknownTopicOrPartition } = brokerErrorCode;
    const code = isKnown ? leaderNotAvailable : unknownTopicOrPartition;
    return brokerError(code, `leader of ${topic}-${partition}`);
  }

  /** Makes the next request for these partitions learn their leaders anew. */
  forgetLeaders(partitions: readonly TopicPartition[]): void {
    for (const { topic } of partitions) this.#leaders.delete(topic);
  }

  async coordinator(kind: CoordinatorKind, key: string, timeoutMs: number): Promise<BrokerAddress> {
    const name = `${kind}:${key}`;
    const known = this.#coordinators.get(name);
    if (known !== undefined) return known;
    const found = await this.askAny(findCoordinatorRequest(kind, key), timeoutMs);
    if (found.errorCode !== brokerErrorCode.none) {
      throw brokerError(found.errorCode, `coordinator of ${kind} ${key}`);
    }
    this.#coordinators.set(name, found.node);
    return found.node;
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind}:${key}`);
  }

  async #refresh(names: readonly string[], timeoutMs: number): Promise<readonly TopicMetadata[]> {
    const metadata = await this.askAny(metadataRequest(names), timeoutMs);
    this.#controllerId = metadata.controllerId;
    this.#brokers.clear();
    for (const broker of metadata.brokers) this.#brokers.set(broker.nodeId, broker);
    for (const name of names) this.#leaders.delete(name);
    for (const { name, partitions } of metadata.topics) {
      const leaders = partitions.map(({ partition, leader }) => [partition, leader] as const);
      this.#leaders.set(name, new Map(leaders));
    }
    return metadata.topics;
  }

  #addresses(): readonly BrokerAddress[] {
    const all = [...this.#brokers.values(), ...this.#options.seeds];
    return [...new Map(all.map((address) => [addressName(address), address])).values()];
  }
}

/** True when nothing was sent: the broker that was to be asked may be gone for good. */
export function isUnreachable(error: unknown): boolean {
  return (
    isRollguardError(error, 'KAFKA_RETRIABLE') && error.context['kafkaErrorCode'] === undefined
  );
}
