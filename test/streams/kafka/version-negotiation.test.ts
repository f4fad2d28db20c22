/** Which version of each message goes to which broker; the tables are what the brokers themselves answered. */
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KafkaPort } from '../../../streams/kafka/port.ts';
import { FakeKafka, apiKeys, type ApiName } from '../../support/fake-kafka.ts';
import type { VersionTable } from '../../support/fake-answers.ts';
import { storedBatch } from './batches.ts';

const tables = JSON.parse(
  readFileSync(new URL('broker-versions.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, VersionTable>>;
const tableOf = (version: string): VersionTable => tables[version] ?? {};
const partition = { topic: 'fake', partition: 0 };

let kafka: FakeKafka;

beforeEach(async () => {
  kafka = await FakeKafka.start();
});

afterEach(() => kafka.close());

/** Makes every kind of request once. */
async function askEverything(port: KafkaPort): Promise<void> {
  await port.admin.listOffsets([partition], 'stable');
  const member = port.openMember({
    ...{ groupId: 'group', topics: ['fake'], userData: () => Buffer.alloc(0) },
    ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, assignor: () => new Map() },
  });
  const { memberId, generationId } = await member.join();
  await member.heartbeat();
  await member.committedOffsets([partition]);
  const options = { transactionalId: 'id', transactionTimeoutMs: 1_000 };
  const producer = await port.openProducer(options);
  const record = { key: null, value: Buffer.from('v'), timestampMs: 1 };
  await producer.produce([{ ...partition, records: [record] }]);
  const offsets = [{ ...partition, offset: 1 }];
  await producer.sendOffsets({ groupId: 'group', memberId, generationId, offsets });
  await producer.commit();
  const reader = port.openReader();
  reader.assign([{ ...partition, offset: 0 }]);
  while ((await reader.poll(1_000)).length === 0);
  await reader.close();
  await member.leave();
}

describe('versions of messages', () => {
  test.each([
    ['3.5.2', { produce: 9, initProducerId: 4, addOffsets: 3, endTxn: 3, txnOffsetCommit: 3 }],
    ['3.9.2', { produce: 11, initProducerId: 5, addOffsets: 4, endTxn: 4, txnOffsetCommit: 4 }],
    ['4.3.1', { produce: 11, initProducerId: 5, addOffsets: 4, endTxn: 4, txnOffsetCommit: 4 }],
  ])('are the highest that Kafka %s and this client both take', async (version, expected) => {
    const bytes = storedBatch({ baseOffset: 0, producerId: -1, values: ['v'], kind: 'plain' });
    kafka.log = () => ({ end: 1, bytes });
    kafka.versions = tableOf(version);
    await askEverything(kafka.port());
    const sent = new Map(kafka.requests.map((request) => [request.api, request.version]));
    const refused = [...sent].filter(([api, used]) => {
      const [min, max] = kafka.versions[apiKeys[api]] ?? [0, -1];
      return used < min || used > max;
    });

    expect(refused).toEqual([]);
    expect([...sent.keys()].sort()).toEqual((Object.keys(apiKeys) as ApiName[]).sort());
    expect(Object.fromEntries(sent)).toEqual({
      ...{ apiVersions: 2, metadata: 12, findCoordinator: 2, listOffsets: 5, fetch: 11 },
      ...{ joinGroup: 5, syncGroup: 3, heartbeat: 3, leaveGroup: 3, offsetFetch: 7 },
      ...{ addPartitions: 3, ...expected },
    });
  });

  test.each(Object.keys(apiKeys).filter((api) => api !== 'apiVersions') as ApiName[])(
    'that a broker is too old for are named, with what it has: %s',
    async (api) => {
      const key = apiKeys[api];
      kafka.versions = { ...tableOf('3.5.2'), [key]: [0, 0] };
      const asked = askEverything(kafka.port({ requestTimeoutMs: 1_000 }));

      await expect(asked).rejects.toMatchObject({
        code: 'KAFKA_FATAL',
        message: expect.stringMatching(
          /is needed in version .* the broker has versions 0 to 0; .*Kafka 3\.5 or later/,
        ) as unknown,
      });
    },
  );

  test('that a broker no longer takes are named in the same way', async () => {
    kafka.versions = { ...tableOf('4.3.1'), [apiKeys.offsetFetch]: [8, 20] };

    await expect(askEverything(kafka.port())).rejects.toThrow(
      /OffsetFetch is needed in version 7, the broker has versions 8 to 20/,
    );
  });

  test('are asked for first: a broker that cannot even say is too old', async () => {
    kafka.errorOf = ({ api }) => (api === 'apiVersions' ? 35 : 0);

    await expect(kafka.port().admin.listOffsets([partition], 'latest')).rejects.toMatchObject({
      code: 'KAFKA_FATAL',
      message: expect.stringContaining('Kafka 3.5 or later') as unknown,
    });
  });
});
