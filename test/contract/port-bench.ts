/** What the contract's tests share: topics, producers and members of their own on one cluster. */
import { errorCodeOf } from '../support/error-code.ts';
import type {
  FetchedRecord,
  GroupAssignor,
  GroupMember,
  KafkaPort,
  PartitionOffset,
  PartitionReader,
  ProduceBatch,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';

/** A cluster under test: each client is another instance's connection. */
export interface PortUnderTest {
  client(): KafkaPort;
  /** Removes the records before an offset, as retention and DeleteRecords do. */
  deleteBefore(position: PartitionOffset): Promise<void>;
  /**
   * False for brokers before Kafka 4: what they have aborted themselves (InitProducerId in an open
   * transaction, a time-out) raises the epoch, and its owner, asking with the old one, is a zombie to them.
   */
  readonly recoversOpenTransactions: boolean;
  /** Unique in this cluster, so that runs do not meet. */
  readonly prefix: string;
}

export const timeoutMs = 60_000;
const transactionTimeoutMs = 30_000;

export const everything = [{ topic: 'any', partition: 0 }];
const firstGetsAll: GroupAssignor = (members) =>
  new Map(
    members.map(({ memberId }, index) => [
      memberId,
      {
        partitions: index === 0 ? everything : [],
        userData: Buffer.from(members.map(({ userData }) => String(userData)).join()),
      },
    ]),
  );

export class PortBench {
  readonly under: PortUnderTest;
  readonly port: KafkaPort;
  #names = 0;

  constructor(under: PortUnderTest) {
    this.under = under;
    this.port = under.client();
  }

  /** Never given before, in this cluster. */
  name(what: string): string {
    this.#names += 1;
    return `${this.under.prefix}-${what}-${this.#names}`;
  }

  async topic(partitionCount = 1, policy = 'delete'): Promise<string> {
    const name = this.name('topic');
    // The records are of 1970: retention would take them while a test looks at them.
    const configs = { 'cleanup.policy': policy, 'retention.ms': '-1' };
    await this.port.admin.createTopics([{ name, partitionCount, configs }]);
    return name;
  }

  producer(id: string, client = this.port): Promise<TransactionalProducer> {
    const transactionalId = `${this.under.prefix}-${id}`;
    return client.openProducer({ transactionalId, transactionTimeoutMs });
  }

  /** What leads on from an open transaction: recovering, or where that is refused taking the id anew. */
  async recovered(producer: TransactionalProducer, id: string): Promise<TransactionalProducer> {
    if (this.under.recoversOpenTransactions) {
      await producer.recover();
      return producer;
    }
    const refused = await errorCodeOf(producer.recover());
    if (refused !== 'PRODUCER_FENCED') throw new Error(`recover() was not refused but ${refused}`);
    return this.producer(id);
  }

  groupId(id: string): string {
    return `${this.under.prefix}-${id}`;
  }

  /** @param groupInstanceId makes it a static member. */
  member(id: string, client = this.port, groupInstanceId?: string): GroupMember {
    return client.openMember({
      groupInstanceId,
      groupId: this.groupId(id),
      topics: ['any'],
      userData: () => Buffer.from('address'),
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      assignor: firstGetsAll,
    });
  }

  /** The committed records of partition 0, from an offset on, as soon as there are so many. */
  async readAll(topic: string, count: number, offset = 0): Promise<FetchedRecord[]> {
    const reader = this.port.openReader();
    reader.assign([{ topic, partition: 0, offset }]);
    const records: FetchedRecord[] = [];
    await eventually(async () => {
      records.push(...(await recordsOf(reader)));
      return records.length >= count;
    }).catch(async (error: unknown) => {
      const stable = await this.offset(topic, 'stable');
      const latest = await this.offset(topic, 'latest');
      const message = `${topic}: ${records.length} of ${count} records came; it is stable up to ${stable} of ${latest}`;
      throw new Error(message, { cause: error });
    });
    await reader.close();
    return records;
  }

  /** Reads partition 0 up to an offset. @returns the values on the way. */
  async readTo(topic: string, end: number, offset = 0): Promise<string[]> {
    const reader = this.port.openReader();
    reader.assign([{ topic, partition: 0, offset }]);
    const values: string[] = [];
    let position = offset;
    await eventually(async () => {
      for (const fetched of await reader.poll(200)) {
        values.push(...[...fetched.records].map(text));
        position = fetched.nextOffset;
      }
      return position >= end;
    });
    await reader.close();
    return values;
  }

  async offset(topic: string, which: 'earliest' | 'latest' | 'stable'): Promise<number> {
    const [found] = await this.port.admin.listOffsets([{ topic, partition: 0 }], which);
    return found?.offset ?? -1;
  }

  /** Waits until every marker of the topic is written: nothing there is open any more. */
  async settled(topic: string, end: number): Promise<void> {
    await eventually(async () => (await this.offset(topic, 'stable')) === end);
  }
}

export async function recordsOf(reader: PartitionReader): Promise<FetchedRecord[]> {
  return (await reader.poll(200)).flatMap(({ records, error }) => {
    if (error !== undefined) throw error;
    return [...records];
  });
}

export function batch(topic: string, ...values: string[]): ProduceBatch {
  return keyedBatch(topic, Buffer.from('key'), values);
}

export function keyedBatch(topic: string, key: Buffer, values: readonly string[]): ProduceBatch {
  const records = values.map((value) => ({ key, value: Buffer.from(value), timestampMs: 1 }));
  return { topic, partition: 0, records };
}

export function text({ value }: FetchedRecord): string {
  return value?.toString() ?? '';
}

/** Waits for a condition; each try waits inside itself. */
export async function eventually(isTrue: () => Promise<boolean>, waitMs = 10_000): Promise<void> {
  const deadlineMs = performance.now() + waitMs;
  while (performance.now() < deadlineMs) {
    if (await isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('the condition did not become true');
}
