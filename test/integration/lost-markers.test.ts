/**
 * Kafka 4.3.1 loses end markers when it restarts after kill -9 while a transaction is being ended (ADR 0003).
 * That cannot be timed; what it leaves in the logs can be made: a broker told not to verify partitions takes
 * records and offsets of a transaction that has ended.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { BrokerConnection } from '../../streams/kafka/broker-connection.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import { committedPartitions } from '../../streams/kafka/committed-offsets.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import {
  initProducerIdRequest,
  noIdentity,
} from '../../streams/kafka/protocol/init-producer-id.ts';
import type { Message } from '../../streams/kafka/protocol/message.ts';
import { produceRequest } from '../../streams/kafka/protocol/produce.ts';
import {
  addPartitionsRequest,
  endTransactionRequest,
  transactionOffsetCommitRequest,
  type TransactionOwner,
} from '../../streams/kafka/protocol/transaction-messages.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { planBatches } from '../../streams/kafka/record-batch.ts';
import { KafkaProxy } from '../../tools/faults/kafka-proxy.ts';
import { setBrokerConfig } from '../support/broker-config.ts';
import { until } from './projected.ts';
import { portOn, testStack } from './test-system.ts';

const timeoutMs = 60_000;
const name = `lost-markers-${process.pid}-${Date.now()}`;
const other = { topic: name, partition: 0 };
const verification = 'transaction.partition.verification.enable';
let port: KafkaPort;
/** Behind a proxy. */
let behind: KafkaPort;
let proxy: KafkaProxy;
let connection: BrokerConnection;

beforeAll(async () => {
  const stack = await testStack();
  port = portOn(stack, 'lost-markers');
  const [host = '', brokerPort] = stack.endpoints.kafkaBrokers.split(':');
  connection = new BrokerConnection(
    { host, port: Number(brokerPort) },
    {
      ...{ clientId: 'lost-markers', ssl: undefined, sasl: undefined },
      ...{ connectionTimeoutMs: 10_000, clock: systemClock, logger: silentLogger },
    },
  );
  await setBrokerConfig(connection, verification, 'false');
  await port.admin.createTopics([{ name, partitionCount: 1, configs: {} }]);
  proxy = await KafkaProxy.before({ host, port: Number(brokerPort) }, systemClock);
  behind = createKafkajsPort({
    brokers: stack.endpoints.kafkaBrokers.split(','),
    clientId: 'behind',
    route: () => proxy.address,
    ...{ clock: systemClock, logger: silentLogger },
  });
}, timeoutMs);

afterAll(async () => {
  await setBrokerConfig(connection, verification, 'true');
  await connection.close('done');
  await behind.close();
  proxy.close();
  await port.close();
});

test.each([
  ['commit', true, ['in time', 'late'], [7]],
  ['abort', false, [], []],
] as const)(
  'a transaction whose end marker is lost is ended again as its coordinator decided: %s',
  async (end, isCommitted, values, offsets) => {
    let [attempt, groupId, topic] = [0, '', ''];
    // A setting takes a moment to reach the broker, and what it has refused by then it goes on refusing.
    await until(async () => {
      attempt += 1;
      groupId = `${name}-${end}-${attempt}`;
      topic = `${groupId}-topic`;
      await port.admin.createTopics([{ name: topic, partitionCount: 1, configs: {} }]);
      return leaveOpen(groupId, topic, isCommitted);
    });
    const where = { topic, partition: 0 };

    const producer = await port.openProducer({
      transactionalId: groupId,
      transactionTimeoutMs: 30_000,
    });
    const before = await ends(topic);
    const repeated = await producer.repeatEnd({ partitions: [other, where], groupId });

    expect(before.stable).toBeLessThan(before.latest);
    expect(repeated).toEqual({ end, partitions: [where] });
    const found = await committedPartitions(port, groupId, [where]);
    expect(found).toEqual(offsets.map((offset) => ({ ...where, offset })));
    await until(async () => {
      const { stable, latest } = await ends(topic);
      return stable === latest;
    });
    expect(await valuesOf(topic)).toEqual(values);
    await producer.close();
  },
  timeoutMs,
);

test(
  'a producer whose broker was away ends its last transaction once more before it begins the next',
  async () => {
    const topic = `${name}-away`;
    await port.admin.createTopics([{ name: topic, partitionCount: 1, configs: {} }]);
    const producer = await behind.openProducer({
      transactionalId: topic,
      transactionTimeoutMs: 30_000,
    });
    const epochs: number[] = [];
    for (const value of ['first', 'second', 'after it was away', 'last']) {
      if (epochs.length === 2) {
        proxy.cut('refused');
        proxy.mend();
        await systemClock.sleep(100);
      }
      const record = { key: null, value: Buffer.from(value), timestampMs: 1 };
      await producer.produce([{ topic, partition: 0, records: [record] }]);
      await producer.commit();
      epochs.push(producer.producerEpoch);
    }

    await until(async () => (await valuesOf(topic)).length === epochs.length);
    expect(epochs).toEqual([0, 0, 1, 1]);
    expect(await valuesOf(topic)).toEqual(['first', 'second', 'after it was away', 'last']);
    await producer.close();
  },
  timeoutMs,
);

/**
 * What stays when a transaction with one record, another and an offset has ended, but not in the logs.
 * @returns false when the broker did not take it.
 */
async function leaveOpen(id: string, topic: string, isCommitted: boolean): Promise<boolean> {
  const identity = await ask(
    initProducerIdRequest({
      transactionalId: id,
      transactionTimeoutMs: 30_000,
      identity: noIdentity,
    }),
  );
  const owner: TransactionOwner = { transactionalId: id, ...identity };
  await ask(addPartitionsRequest(owner, [{ topic, partition: 0 }]));
  await produce(owner, topic, 'in time', 0);
  await ask(endTransactionRequest(owner, isCommitted));
  // The record and its end marker.
  await until(async () => (await ends(topic)).stable === 2);
  if (!(await produce(owner, topic, 'late', 1))) return false;
  const group = { groupId: id, memberId: '', generationId: -1 };
  const offsets = [{ topic, partition: 0, offset: 7 }];
  const answers = await ask(transactionOffsetCommitRequest(owner, group, offsets));
  return answers.every(({ errorCode }) => errorCode === 0);
}

/** False: the broker refused it. */
async function produce(
  { transactionalId, ...identity }: TransactionOwner,
  topic: string,
  value: string,
  baseSequence: number,
): Promise<boolean> {
  const record = { key: Buffer.from('key'), value: Buffer.from(value), timestampMs: 1 };
  const [plan] = planBatches([record], 1_000);
  if (plan === undefined) throw new Error('one record is one batch');
  const batch = {
    ...{ topic, partition: 0, plan },
    identity: { ...identity, baseSequence, isTransactional: true },
  };
  const [produced] = await ask(
    produceRequest({ transactionalId, timeoutMs: 5_000, batches: [batch] }),
  );
  return produced?.errorCode === 0;
}

function ask<Response>(message: Message<Response>): Promise<Response> {
  return connection.send(message, 10_000);
}

async function ends(topic: string): Promise<{ stable: number; latest: number }> {
  const of = async (which: 'stable' | 'latest'): Promise<number> => {
    const [found] = await port.admin.listOffsets([{ topic, partition: 0 }], which);
    return found?.offset ?? -1;
  };
  return { stable: await of('stable'), latest: await of('latest') };
}

async function valuesOf(topic: string): Promise<readonly string[]> {
  const found: string[] = [];
  await readRanges(port, await wholeTopics(port, [topic]), ({ value }) => {
    found.push(value?.toString() ?? '');
    return true;
  });
  return found;
}
