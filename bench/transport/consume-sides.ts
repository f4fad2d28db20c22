/**
 * Reading the same committed records from the start: the engine's reader and kafkajs's consumer, which
 * hands over batches (`eachBatch`, its quicker way). Both look at every key and value.
 */
import { Kafka, logLevel } from 'kafkajs';
import type { BenchBroker } from '../bench-broker.ts';
import { measure, startTimer, type ComparedSide, type Throughput } from '../measure.ts';
import { benchRecords } from './produce-sides.ts';

export interface ConsumeLoad {
  readonly topic: string;
  readonly partitions: number;
  readonly records: number;
}

const fillBatchRecords = 1_000;
const transactionTimeoutMs = 60_000;
const pollMs = 200;

/** Writes the records, in transactions, evenly over the partitions. */
export async function fillTopic({ port }: BenchBroker, load: ConsumeLoad): Promise<void> {
  const producer = await port.openProducer({ transactionalId: 'bench-fill', transactionTimeoutMs });
  const perPartition = load.records / load.partitions;
  for (let written = 0; written < perPartition; written += fillBatchRecords) {
    const records = benchRecords(Math.min(fillBatchRecords, perPartition - written));
    await producer.produce(
      Array.from({ length: load.partitions }, (_, partition) => ({
        ...{ topic: load.topic, partition, records },
      })),
    );
    await producer.commit();
  }
  await producer.close();
}

export function consumeSides(
  broker: BenchBroker,
  load: ConsumeLoad,
): readonly [ComparedSide, ComparedSide] {
  return [
    { name: 'rollguard', run: () => measure(() => readAll(broker, load)) },
    { name: 'kafkajs', run: () => kafkajsReadAll(broker, load) },
  ];
}

async function readAll({ port }: BenchBroker, load: ConsumeLoad): Promise<number> {
  const reader = port.openReader();
  const positions = Array.from({ length: load.partitions }, (_, partition) => ({
    ...{ topic: load.topic, partition, offset: 0 },
  }));
  reader.assign(positions);
  const seen = new Sightings();
  while (seen.count < load.records) {
    for (const fetched of await reader.poll(pollMs)) {
      if (fetched.error !== undefined) throw fetched.error;
      for (const { key, value } of fetched.records) seen.look(key, value);
    }
  }
  await reader.close();
  return seen.count;
}

/** Timed from the moment its group has given it the partitions: joining is not what is compared. */
async function kafkajsReadAll({ brokers }: BenchBroker, load: ConsumeLoad): Promise<Throughput> {
  const kafka = new Kafka({
    clientId: 'bench-kafkajs',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
  });
  const groupId = `bench-kafkajs-${performance.now()}`;
  const consumer = kafka.consumer({ groupId, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [load.topic], fromBeginning: true });
  let timer = startTimer();
  consumer.on(consumer.events.GROUP_JOIN, () => (timer = startTimer()));
  const seen = new Sightings();
  const figures = await new Promise<Throughput>((resolve, reject) => {
    consumer
      .run({
        eachBatch: ({ batch }) => {
          for (const { key, value } of batch.messages) seen.look(key, value);
          if (seen.count >= load.records) resolve(timer.stop(seen.count));
          return Promise.resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return figures;
}

/** Looks at what was read, so that no side can leave reading to later. */
class Sightings {
  count = 0;
  bytes = 0;

  look(key: Buffer | null, value: Buffer | null): void {
    this.count += 1;
    this.bytes += (key?.length ?? 0) + (value?.length ?? 0) + (value?.[0] ?? 0);
  }
}
