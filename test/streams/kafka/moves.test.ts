/** Leaders and coordinators that move, and answers that do not come whole: what the port makes of them. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PartitionReader } from '../../../streams/kafka/port.ts';
import { errorCodeOf } from '../../support/error-code.ts';
import { FakeKafka, type ApiName } from '../../support/fake-kafka.ts';
import { storedBatch } from './batches.ts';

const partition = { topic: 'fake', partition: 0 };
const options = { transactionalId: 'id', transactionTimeoutMs: 1_000 };
const notLeader = 6;
const notCoordinator = 16;
const timeoutMs = 20_000;

let kafka: FakeKafka;

beforeEach(async () => {
  kafka = await FakeKafka.start(2);
});

afterEach(() => kafka.close());

/** One batch of two records at each of these offsets: 0, 2, 4, … */
function batchAt(offset: number): Buffer {
  const values = [`${offset}`, `${offset + 1}`];
  return storedBatch({ baseOffset: offset, producerId: -1, values, kind: 'plain' });
}

const records = (value: string) => [{ key: null, value: Buffer.from(value), timestampMs: 1 }];

/** Polls until so many records have come. */
async function take(reader: PartitionReader, count: number): Promise<string[]> {
  const values: string[] = [];
  while (values.length < count) {
    for (const { records: found, error } of await reader.poll(1_000)) {
      if (error !== undefined) throw error;
      values.push(...[...found].map(({ value }) => String(value)));
    }
  }
  return values;
}

/** Answers this node no more than that it is not the one to ask. */
function moveAway(nodeId: number, apis: readonly ApiName[], errorCode: number): void {
  kafka.errorOf = (request) =>
    request.nodeId === nodeId && apis.includes(request.api) ? errorCode : 0;
}

describe('a partition whose leader moves', () => {
  test(
    'is read on at the new leader, from where it was',
    async () => {
      kafka.log = (offset) => ({ end: 4, bytes: offset < 4 ? batchAt(offset) : Buffer.alloc(0) });
      const reader = kafka.port().openReader();
      reader.assign([{ ...partition, offset: 0 }]);
      const before = await take(reader, 4);
      moveAway(1, ['fetch'], notLeader);
      kafka.leader = 2;
      kafka.log = (offset) => ({ end: 6, bytes: offset < 6 ? batchAt(offset) : Buffer.alloc(0) });
      const after = await take(reader, 2);
      await reader.close();
      const ofSecond = kafka.fetched.filter(({ nodeId }) => nodeId === 2);

      expect([before, after]).toEqual([
        ['0', '1', '2', '3'],
        ['4', '5'],
      ]);
      expect(ofSecond[0]).toEqual({ nodeId: 2, offset: 4 });
    },
    timeoutMs,
  );

  test(
    'is written to at the new leader, under the sequence that the old one refused',
    async () => {
      const producer = await kafka.port().openProducer(options);
      await producer.produce([{ ...partition, records: records('first') }]);
      moveAway(1, ['produce'], notLeader);
      kafka.leader = 2;
      await producer.produce([{ ...partition, records: records('second') }]);
      await producer.commit();

      expect(kafka.produced).toEqual([
        { nodeId: 1, baseSequence: 0 },
        { nodeId: 1, baseSequence: 1 },
        { nodeId: 2, baseSequence: 1 },
      ]);
    },
    timeoutMs,
  );

  test(
    'is asked for its offsets there',
    async () => {
      const { admin } = kafka.port();
      await admin.listOffsets([partition], 'latest');
      moveAway(1, ['listOffsets'], notLeader);
      kafka.leader = 2;

      expect(await admin.listOffsets([partition], 'latest')).toEqual([{ ...partition, offset: 3 }]);
      expect(kafka.requests.at(-1)).toMatchObject({ api: 'listOffsets', nodeId: 2 });
    },
    timeoutMs,
  );
});

test(
  'a coordinator that moves is found anew, and the request goes there once',
  async () => {
    const producer = await kafka.port().openProducer(options);
    await producer.addPartitions([partition]);
    moveAway(1, ['endTxn'], notCoordinator);
    kafka.coordinator = 2;
    await producer.commit();
    const ends = kafka.requests.filter(({ api }) => api === 'endTxn');

    expect(ends.map(({ nodeId }) => nodeId)).toEqual([1, 2]);
  },
  timeoutMs,
);

describe('an answer that is cut off', () => {
  test(
    'in the middle of a batch gives what is whole; the next fetch begins with the rest',
    async () => {
      kafka.log = (offset) => {
        if (offset >= 4) return { end: 4, bytes: Buffer.alloc(0) };
        if (offset === 2) return { end: 4, bytes: batchAt(2) };
        return { end: 4, bytes: Buffer.concat([batchAt(0), batchAt(2).subarray(0, 70)]) };
      };
      const reader = kafka.port().openReader();
      reader.assign([{ ...partition, offset: 0 }]);

      expect(await take(reader, 4)).toEqual(['0', '1', '2', '3']);
      expect(kafka.fetched.slice(0, 2).map(({ offset }) => offset)).toEqual([0, 2]);
      await reader.close();
    },
    timeoutMs,
  );

  test.each([2, 6, 9, 30])(
    'by the end of its connection after %i bytes is asked for again, on another connection',
    async (firstBytes) => {
      kafka.log = (offset) => ({ end: 2, bytes: offset < 2 ? batchAt(0) : Buffer.alloc(0) });
      let cut = 0;
      kafka.deliveryOf = ({ api }) => {
        if (api !== 'fetch' || cut > 0) return 'whole';
        cut += 1;
        return { firstBytes };
      };
      const reader = kafka.port().openReader();
      reader.assign([{ ...partition, offset: 0 }]);

      expect(await take(reader, 2)).toEqual(['0', '1']);
      expect(cut).toBe(1);
      await reader.close();
    },
    timeoutMs,
  );

  test.each<[ApiName, 'produce' | 'commit']>([
    ['produce', 'produce'],
    ['endTxn', 'commit'],
  ])(
    'of %s leaves the outcome unknown: it is not sent again, and no other answer is taken for it',
    async (api, call) => {
      const producer = await kafka.port().openProducer(options);
      await producer.addPartitions([partition]);
      kafka.deliveryOf = (request) => (request.api === api ? { firstBytes: 7 } : 'whole');
      const ask =
        call === 'commit'
          ? producer.commit()
          : producer.produce([{ ...partition, records: records('x') }]);
      const code = await errorCodeOf(ask);
      const sent = kafka.countOf(api);
      kafka.deliveryOf = () => 'whole';
      await producer.recover();
      await producer.produce([{ ...partition, records: records('y') }]);
      await producer.commit();

      expect([code, sent]).toEqual(['OUTCOME_UNKNOWN', 1]);
      expect(kafka.produced.at(-1)?.baseSequence).toBe(0);
    },
    timeoutMs,
  );

  test(
    'for ever is given up in time, and ends the connection: what comes late is nobody’s answer',
    async () => {
      const port = kafka.port({ requestTimeoutMs: 400 });
      const producer = await port.openProducer(options);
      await producer.addPartitions([partition]);
      kafka.deliveryOf = ({ api }) => (api === 'endTxn' ? 'never' : 'whole');

      expect(await errorCodeOf(producer.commit())).toBe('OUTCOME_UNKNOWN');
      kafka.deliveryOf = () => 'whole';
      await producer.recover();
      await producer.addPartitions([partition]);
      expect(await errorCodeOf(producer.commit())).toBe('resolved');
      expect(kafka.countOf('endTxn')).toBe(2);
    },
    timeoutMs,
  );
});
