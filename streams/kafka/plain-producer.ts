/**
 * The idempotent producer without transactions. A batch that got no answer is sent again with the same
 * sequence, which the broker takes once. When it is given up all the same, nobody knows whether it was
 * written, and another batch under its sequence would be taken for it: only a new producer id goes on.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { BatchSender, type BatchOwner, type BatchSenderOptions } from './batch-sender.ts';
import type { BrokerPool } from './broker-pool.ts';
import { brokerError, brokerErrorCode } from './error-reactions.ts';
import { askCoordinator, type KafkaClient } from './kafka-client.ts';
import type { GroupOffsets, PlainProducer, ProduceBatch, ProducedBatch } from './port.ts';
import { initProducerIdRequest, noIdentity } from './protocol/init-producer-id.ts';
import { offsetCommitRequest } from './protocol/offset-commit.ts';

export class KafkaPlainProducer implements PlainProducer {
  readonly #client: KafkaClient;
  readonly #pool: BrokerPool;
  readonly #sender: BatchSender;
  /** Undefined before the first `recover`, and after a failure. */
  #owner: BatchOwner | undefined;
  #isClosed = false;

  constructor(options: BatchSenderOptions) {
    this.#client = options.client;
    this.#pool = options.pool;
    this.#sender = new BatchSender(options);
  }

  async produce(batches: readonly ProduceBatch[]): Promise<readonly ProducedBatch[]> {
    this.#checkNotClosed('produce');
    const owner = this.#owner;
    if (owner === undefined) {
      throw new RollguardError('OUTCOME_UNKNOWN', 'produce refused, only recover() may follow');
    }
    this.#owner = undefined;
    const produced = await this.#sender.send(owner, batches);
    this.#owner = owner;
    return produced;
  }

  async commitOffsets({ groupId, memberId, generationId, offsets }: GroupOffsets): Promise<void> {
    this.#checkNotClosed('commitOffsets');
    if (offsets.length === 0) return;
    await askCoordinator(this.#client, {
      pool: this.#pool,
      kind: 'group',
      key: groupId,
      what: `group ${groupId}: commit of offsets`,
      message: offsetCommitRequest({ groupId, memberId, generationId }, offsets),
      errorsOf: (errors) => errors,
      // A late copy sets the position back at worst: records are processed again.
      sendOnce: false,
    });
  }

  async recover(): Promise<void> {
    this.#checkNotClosed('recover');
    this.#owner = undefined;
    const { cluster, retries } = this.#client;
    // Without a transactional id there is no time-out to set, and any broker may be asked.
    const request = { transactionalId: null, transactionTimeoutMs: 1, identity: noIdentity };
    const message = initProducerIdRequest(request);
    const what = 'InitProducerId without a transactional id';
    const { producerId, producerEpoch } = await retries.run(what, async (remainingMs) => {
      const answer = await cluster.askAny(message, remainingMs);
      if (answer.errorCode !== brokerErrorCode.none) throw brokerError(answer.errorCode, what);
      return answer;
    });
    this.#sender.resetSequences();
    this.#owner = { transactionalId: null, producerId, producerEpoch };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }

  #checkNotClosed(call: string): void {
    if (this.#isClosed) throw new RollguardError('ILLEGAL_STATE', `${call} after close()`);
  }
}
