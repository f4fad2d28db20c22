/**
 * Puts what was read into Kafka: facts, or what else is said of a reservation, into the ledgers' own topic,
 * each to the partition of its reservation, and refused rows among the application's dead letters. Without transactions: what is
 * published twice changes nothing.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError } from '../kernel/errors.ts';
import { partitionFor } from '../kernel/murmur2.ts';
import { deadLetterHeaders, deadLetterTopic } from '../streams/dead-letter.ts';
import type {
  KafkaPort,
  PlainProducer,
  ProduceBatch,
  ProduceRecord,
} from '../streams/kafka/port.ts';
import { encodeMessage } from '../topology/roll/roll-messages.ts';
import { backfillTopic } from '../topology/roll/roll-names.ts';
import type { RefusedRow } from './row-facts.ts';

export interface Published {
  /** One record each, by the reservation's key. */
  readonly byKey: ReadonlyMap<string, object>;
  readonly refused: readonly RefusedRow[];
}

export interface BackfillPublisher {
  /** Of the topic, as Kafka names it: another one has nothing of what was published before. */
  readonly topicId: string;
  /** Resolves when everything is acknowledged. After an error some may be written. */
  publish(facts: Published): Promise<void>;
  close(): Promise<void>;
}

export interface PublisherOptions {
  readonly port: KafkaPort;
  readonly applicationId: string;
  readonly clock: Clock;
}

/** @throws TOPIC_MISSING before the application has been started for the first time. */
export async function openPublisher({
  port,
  applicationId,
  clock,
}: PublisherOptions): Promise<BackfillPublisher> {
  const names = [backfillTopic(applicationId), deadLetterTopic({ applicationId })];
  const found = await port.admin.describeTopics(names);
  const topic = found.find(({ name }) => name === names[0]);
  if (topic === undefined || found.length < names.length) {
    const message = `topics do not exist yet: ${names.join(', ')}; start the application, which makes them`;
    throw new RollguardError('TOPIC_MISSING', message);
  }
  const producer = await port.openPlainProducer();
  let hasFailed = false;
  return {
    topicId: topic.topicId,
    publish: async ({ byKey, refused }) => {
      if (byKey.size + refused.length === 0) return;
      if (hasFailed) await producer.recover();
      hasFailed = true;
      const timestampMs = clock.nowMs();
      const letters = { topic: names[1] ?? '', from: topic.name };
      await produce(producer, [
        ...factBatches(byKey, { ...topic, timestampMs }),
        ...letterBatches(refused, { ...letters, timestampMs }),
      ]);
      hasFailed = false;
    },
    close: () => producer.close(),
  };
}

async function produce(producer: PlainProducer, batches: readonly ProduceBatch[]): Promise<void> {
  await producer.produce(batches);
}

function factBatches(
  facts: Published['byKey'],
  to: { readonly name: string; readonly partitionCount: number; readonly timestampMs: number },
): readonly ProduceBatch[] {
  const partitions = Array.from({ length: to.partitionCount }, (): ProduceRecord[] => []);
  for (const [name, ofReservation] of facts) {
    const { key, value } = encodeMessage(name, ofReservation);
    const record = { key, value, timestampMs: to.timestampMs };
    partitions[partitionFor(key, to.partitionCount)]?.push(record);
  }
  return partitions.flatMap((records, partition) =>
    records.length === 0 ? [] : [{ topic: to.name, partition, records }],
  );
}

function letterBatches(
  refused: readonly RefusedRow[],
  { topic, from, timestampMs }: { topic: string; from: string; timestampMs: number },
): readonly ProduceBatch[] {
  if (refused.length === 0) return [];
  const records = refused.map(({ key: name, row, error }): ProduceRecord => {
    const { key, value } = encodeMessage(name, row);
    // It never was a record: there is no offset to find it at.
    const record = { key, value, timestampMs, offset: -1, headers: [] };
    const failure = { stage: 'deserialize', error, attempt: 1 } as const;
    const headers = deadLetterHeaders({ topic: from, partition: 0, record }, failure);
    return { key, value, timestampMs, headers };
  });
  return [{ topic, partition: 0, records }];
}
