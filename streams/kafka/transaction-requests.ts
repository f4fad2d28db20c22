/**
 * The requests of one transactional id to its coordinators, with their retries. Knows nothing of the
 * order in which they may be called: `transactional-producer.ts` does.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { BrokerPool } from './broker-pool.ts';
import { brokerError, isPassing } from './error-reactions.ts';
import { askCoordinator, type KafkaClient } from './kafka-client.ts';
import { openPartitions } from './open-partitions.ts';
import type { GroupOffsets, TopicPartition, TransactionEnd } from './port.ts';
import {
  describeTransactionRequest,
  type DescribedTransaction,
  type LastEnd,
} from './protocol/describe-transactions.ts';
import type { Message } from './protocol/message.ts';
import { initProducerIdRequest, type ProducerIdentity } from './protocol/init-producer-id.ts';
import {
  addOffsetsRequest,
  addPartitionsRequest,
  endTransactionRequest,
  transactionOffsetCommitRequest,
  type TransactionOwner,
} from './protocol/transaction-messages.ts';

export interface TransactionRequestsOptions {
  readonly client: KafkaClient;
  readonly pool: BrokerPool;
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
  /** By transactional id, of all producers of the port: kept until the end was repeated, whoever asks for that. */
  readonly lastEnds: Map<string, TransactionEnd>;
}

/** Goes to the broker that ended the transaction before, or to none. */
export interface FirstRequest {
  readonly lostConnections: number;
}

type WithError = { readonly errorCode: number };

export class TransactionRequests {
  readonly #options: TransactionRequestsOptions;

  constructor(options: TransactionRequestsOptions) {
    this.#options = options;
  }

  /**
   * May be sent again: a second one at worst gives yet another epoch. The coordinator forgets by it how the
   * last transaction ended, so that is asked first.
   */
  async initProducerId(identity: ProducerIdentity): Promise<ProducerIdentity> {
    const { client, pool, transactionalId: key, transactionTimeoutMs } = this.#options;
    const { producerId, producerEpoch } = await askCoordinator(client, {
      pool,
      kind: 'transaction',
      key,
      what: `InitProducerId of ${key}`,
      message: initProducerIdRequest({ transactionalId: key, transactionTimeoutMs, identity }),
      ahead: async (send) => {
        const { errorCode, lastEnd } = await send(describeTransactionRequest(key)).catch(notTold);
        if (isPassing(errorCode)) throw brokerError(errorCode, `the last transaction of ${key}`);
        this.#learnEnd(lastEnd);
      },
      errorsOf: (response) => [response],
      sendOnce: false,
    });
    return { producerId, producerEpoch };
  }

  /** How the last transaction ended; undefined: not known. */
  get lastEnd(): TransactionEnd | undefined {
    return this.#options.lastEnds.get(this.#options.transactionalId);
  }

  /** It is over everywhere. */
  forgetLastEnd(): void {
    this.#options.lastEnds.delete(this.#options.transactionalId);
  }

  /** Who initialises the id twice in a row is told nothing the second time: what was said before stays. */
  #learnEnd(lastEnd: LastEnd): void {
    if (lastEnd === 'unknown') this.forgetLastEnd();
    else if (lastEnd !== 'none') this.#options.lastEnds.set(this.#options.transactionalId, lastEnd);
  }

  /** In which of them a transaction of the owner is open. */
  openPartitions(
    { producerId }: TransactionOwner,
    partitions: readonly TopicPartition[],
  ): Promise<readonly TopicPartition[]> {
    return openPartitions(this.#options.client, this.#options.pool, producerId, partitions);
  }

  /** As of `BrokerPool`, of the connections that these requests go through. */
  get lostConnections(): number {
    return this.#options.pool.lostConnections;
  }

  /** @param first of a transaction. */
  async addPartitions(
    owner: TransactionOwner,
    partitions: readonly TopicPartition[],
    first?: FirstRequest,
  ): Promise<void> {
    await this.#ask(
      'adding partitions',
      addPartitionsRequest(owner, partitions),
      (errors) => errors,
      first,
    );
  }

  /** @param first of a transaction. */
  async addOffsets(owner: TransactionOwner, groupId: string, first?: FirstRequest): Promise<void> {
    await this.#ask(
      `adding offsets of ${groupId}`,
      addOffsetsRequest(owner, groupId),
      (answer) => [answer],
      first,
    );
  }

  async commitOffsets(owner: TransactionOwner, offsets: GroupOffsets): Promise<void> {
    const { client, pool } = this.#options;
    await askCoordinator(client, {
      pool,
      kind: 'group',
      key: offsets.groupId,
      what: `transaction of ${owner.transactionalId}: offsets of group ${offsets.groupId}`,
      message: transactionOffsetCommitRequest(owner, offsets, offsets.offsets),
      errorsOf: (errors) => errors,
      sendOnce: true,
    });
  }

  async end(owner: TransactionOwner, committed: boolean): Promise<void> {
    const what = committed ? 'commit' : 'abort';
    await this.#ask(what, endTransactionRequest(owner, committed), (answer) => [answer]);
  }

  async #ask<Response>(
    what: string,
    message: Message<Response>,
    errorsOf: (response: Response) => readonly WithError[],
    first?: FirstRequest,
  ): Promise<void> {
    const { client, pool, transactionalId } = this.#options;
    await askCoordinator(client, {
      pool,
      kind: 'transaction',
      key: transactionalId,
      what: `transaction of ${transactionalId}: ${what}`,
      message,
      ...(first && { ahead: () => this.#checkConnected(first, what) }),
      errorsOf,
      sendOnce: true,
    });
  }

  /** Also before it is tried again: by then the broker may be another process. */
  #checkConnected({ lostConnections }: FirstRequest, what: string): void {
    if (lostConnections === this.lostConnections) return;
    throw new RollguardError(
      'OUTCOME_UNKNOWN',
      `transaction of ${this.#options.transactionalId}: ${what}: not sent, since the broker was away after the ` +
        'transaction before had ended; recover() settles it',
    );
  }
}

/** A broker that does not know the request leaves us without an answer, nothing else. */
function notTold(error: unknown): DescribedTransaction {
  if (isRollguardError(error, 'KAFKA_FATAL')) return { errorCode: 0, lastEnd: 'none' };
  throw error;
}

/** A transactional id that is already an epoch's limit away from wrapping is the coordinator's concern. */
export function ownerOf(transactionalId: string, identity: ProducerIdentity): TransactionOwner {
  if (identity.producerId < 0) {
    throw new RollguardError('KAFKA_FATAL', `${transactionalId}: Kafka gave no producer id`);
  }
  return { transactionalId, ...identity };
}
