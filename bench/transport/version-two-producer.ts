/**
 * Just enough of transaction version 2 to measure it (ADR 0007): Produce v12 adds partitions by itself,
 * EndTxn v5 answers the epoch of the next transaction. Asked of one broker on one connection; an
 * answer that is no success ends the bench, apart from CONCURRENT_TRANSACTIONS, which is asked again.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { BrokerConnection } from '../../streams/kafka/broker-connection.ts';
import { brokerError } from '../../streams/kafka/error-reactions.ts';
import type { ProduceBatch } from '../../streams/kafka/port.ts';
import {
  initProducerIdRequest,
  noIdentity,
} from '../../streams/kafka/protocol/init-producer-id.ts';
import type { Message } from '../../streams/kafka/protocol/message.ts';
import { produceRequest } from '../../streams/kafka/protocol/produce.ts';
import {
  endTransactionRequest,
  type TransactionOwner,
} from '../../streams/kafka/protocol/transaction-messages.ts';
import { planBatches } from '../../streams/kafka/record-batch.ts';
import type { ShortTransactionProducer } from './one-record-transactions.ts';

const timeoutMs = 10_000;
const transactionTimeoutMs = 60_000;
const concurrentTransactions = 51;
const retriesMax = 1_000;
const retryDelayMs = 1;

export class VersionTwoProducer implements ShortTransactionProducer {
  readonly #connection: BrokerConnection;
  readonly #clock: Clock;
  #owner: TransactionOwner;

  private constructor(connection: BrokerConnection, clock: Clock, owner: TransactionOwner) {
    this.#connection = connection;
    this.#clock = clock;
    this.#owner = owner;
  }

  static async open(broker: string, clock: Clock): Promise<VersionTwoProducer> {
    const [host = '', port] = broker.split(':');
    const connection = new BrokerConnection(
      { host, port: Number(port) },
      {
        ...{ clientId: 'bench-v2', ssl: undefined, sasl: undefined },
        ...{ connectionTimeoutMs: timeoutMs, clock, logger: silentLogger },
      },
    );
    const transactionalId = `bench-v2-${performance.now()}`;
    const message = initProducerIdRequest({
      ...{ transactionalId, transactionTimeoutMs, identity: noIdentity },
    });
    const producer = new VersionTwoProducer(connection, clock, {
      ...noIdentity,
      transactionalId,
    });
    const answer = await producer.#ask(message, ({ errorCode }) => errorCode);
    producer.#owner = { ...answer, transactionalId };
    return producer;
  }

  async produce(batches: readonly ProduceBatch[]): Promise<void> {
    const owner = this.#owner;
    const planned = batches.flatMap(({ topic, partition, records }) =>
      planBatches(records, Infinity).map((plan) => ({
        // Every transaction has an epoch of its own, so every sequence begins anew.
        ...{
          topic,
          partition,
          plan,
          identity: { ...owner, baseSequence: 0, isTransactional: true },
        },
      })),
    );
    const message = produceRequest({
      ...{ transactionalId: owner.transactionalId, timeoutMs, batches: planned },
    });
    await this.#ask(inVersion(message, 12), (partitions) => {
      return partitions.find(({ errorCode }) => errorCode !== 0)?.errorCode ?? 0;
    });
  }

  async commit(): Promise<void> {
    const message: Message<TransactionOwner & { readonly errorCode: number }> = {
      ...inVersion(endTransactionRequest(this.#owner, true), 5),
      decode: (reader) => {
        reader.int32(); // throttle time
        return {
          errorCode: reader.int16(),
          producerId: reader.int64(),
          producerEpoch: reader.int16(),
          transactionalId: this.#owner.transactionalId,
        };
      },
    };
    this.#owner = await this.#ask(message, ({ errorCode }) => errorCode);
  }

  close(): Promise<void> {
    return this.#connection.close('the bench is over');
  }

  async #ask<Response>(
    message: Message<Response>,
    errorOf: (response: Response) => number,
  ): Promise<Response> {
    for (let attempt = 0; attempt < retriesMax; attempt += 1) {
      const response = await this.#connection.send(message, timeoutMs);
      const errorCode = errorOf(response);
      if (errorCode === 0) return response;
      if (errorCode !== concurrentTransactions) throw brokerError(errorCode, message.api.name);
      await this.#clock.sleep(retryDelayMs);
    }
    throw new RollguardError('KAFKA_UNAVAILABLE', `${message.api.name}: the markers never came`);
  }
}

function inVersion<Response>(message: Message<Response>, version: number): Message<Response> {
  return { ...message, api: { ...message.api, minVersion: version, maxVersion: version } };
}
