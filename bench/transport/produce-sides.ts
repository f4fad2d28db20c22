/** Producing in transactions, the same records in the same batches: the engine's producer and kafkajs's. */
import { Kafka, logLevel, type Message } from 'kafkajs';
import type { ProduceRecord } from '../../streams/kafka/port.ts';
import type { BenchBroker } from '../bench-broker.ts';
import { measure, type ComparedSide } from '../measure.ts';

export interface ProduceLoad {
  readonly topics: readonly string[];
  readonly recordsPerBatch: number;
  /** A batch goes to each topic with each call. */
  readonly callsPerTransaction: number;
  readonly transactions: number;
}

export interface ProduceSides {
  readonly sides: readonly [ComparedSide, ComparedSide];
  close(): Promise<void>;
}

const keyBytes = 20;
const valueBytes = 200;
const timestampMs = 1_700_000_000_000;
const transactionTimeoutMs = 60_000;

export async function openProduceSides(
  broker: BenchBroker,
  load: ProduceLoad,
): Promise<ProduceSides> {
  const ours = await ownSide(broker, load);
  const theirs = await kafkajsSide(broker, load);
  return {
    sides: [ours.side, theirs.side],
    close: async () => {
      await ours.close();
      await theirs.close();
    },
  };
}

export function benchRecords(count: number): readonly ProduceRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    key: Buffer.from(`key-${index}`.padEnd(keyBytes)),
    value: Buffer.from(`value-${index}`.padEnd(valueBytes)),
    timestampMs,
  }));
}

interface OpenSide {
  readonly side: ComparedSide;
  readonly close: () => Promise<void>;
}

async function ownSide({ port }: BenchBroker, load: ProduceLoad): Promise<OpenSide> {
  const producer = await port.openProducer({ transactionalId: 'bench-own', transactionTimeoutMs });
  const records = benchRecords(load.recordsPerBatch);
  const batches = load.topics.map((topic) => ({ topic, partition: 0, records }));
  const run = async (): Promise<number> => {
    for (let transaction = 0; transaction < load.transactions; transaction += 1) {
      for (let call = 0; call < load.callsPerTransaction; call += 1) {
        await producer.produce(batches);
      }
      await producer.commit();
    }
    return recordsOf(load);
  };
  return {
    side: { name: 'rollguard', run: () => measure(run) },
    close: () => producer.close(),
  };
}

async function kafkajsSide({ brokers }: BenchBroker, load: ProduceLoad): Promise<OpenSide> {
  const kafka = new Kafka({
    clientId: 'bench-kafkajs',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    // Its default waits 300 ms for the markers of the transaction before; this is the best it can do.
    retry: { initialRetryTime: 2, retries: 30 },
  });
  const producer = kafka.producer({
    ...{ transactionalId: 'bench-kafkajs', maxInFlightRequests: 1, idempotent: true },
    transactionTimeout: transactionTimeoutMs,
  });
  await producer.connect();
  const messages = benchRecords(load.recordsPerBatch).map(({ key, value }): Message => ({
    key,
    value,
    timestamp: String(timestampMs),
    partition: 0,
  }));
  const topicMessages = load.topics.map((topic) => ({ topic, messages }));
  const run = async (): Promise<number> => {
    for (let count = 0; count < load.transactions; count += 1) {
      const transaction = await producer.transaction();
      for (let call = 0; call < load.callsPerTransaction; call += 1) {
        await transaction.sendBatch({ topicMessages, acks: -1 });
      }
      await transaction.commit();
    }
    return recordsOf(load);
  };
  return {
    side: { name: 'kafkajs', run: () => measure(run) },
    close: () => producer.disconnect(),
  };
}

function recordsOf({
  topics,
  recordsPerBatch,
  callsPerTransaction,
  transactions,
}: ProduceLoad): number {
  return topics.length * recordsPerBatch * callsPerTransaction * transactions;
}
