import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { errorCodeOf } from '../support/error-code.ts';
import type {
  FetchedRecord,
  GroupMember,
  KafkaPort,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';
import { fencingContract } from './kafka-port-fencing.ts';
import { groupContract } from './kafka-port-groups.ts';
import { isolationContract } from './kafka-port-isolation.ts';
import { missingContract } from './kafka-port-missing.ts';
import {
  PortBench,
  batch,
  eventually,
  everything,
  recordsOf,
  text,
  timeoutMs,
  type PortUnderTest,
} from './port-bench.ts';

/** What an implementation of the Kafka port must do, on a broker or in this process. */
export function kafkaPortContract(name: string, open: () => Promise<PortUnderTest>): void {
  describe(`the Kafka port: ${name}`, () => {
    let under: PortUnderTest;
    let bench: PortBench;
    let port: KafkaPort;

    beforeAll(async () => {
      under = await open();
      bench = new PortBench(under);
      port = bench.port;
    }, timeoutMs);

    afterAll(async () => {
      await port.close();
    });

    const topic = (partitionCount?: number, policy?: string): Promise<string> =>
      bench.topic(partitionCount, policy);
    const producer = (id: string, client?: KafkaPort): Promise<TransactionalProducer> =>
      bench.producer(id, client);
    const member = (groupId: string, client?: KafkaPort): GroupMember =>
      bench.member(groupId, client);
    const readAll = (topicName: string, count: number): Promise<FetchedRecord[]> =>
      bench.readAll(topicName, count);
    const offset = (topicName: string, which: 'latest' | 'stable'): Promise<number> =>
      bench.offset(topicName, which);

    isolationContract(() => bench);
    fencingContract(() => bench);
    groupContract(() => bench);
    missingContract(() => bench);

    test(
      'describes topics: created once, with their settings, a new id when made again',
      async () => {
        const topicName = await topic(3, 'compact');
        await port.admin.createTopics([{ name: topicName, partitionCount: 5, configs: {} }]);
        const [described] = await port.admin.describeTopics([topicName, `${topicName}-missing`]);
        const configs = await port.admin.topicConfigs([topicName]);
        const own = await port.admin.topicConfigs([topicName], 'own');

        expect(described).toMatchObject({ name: topicName, partitionCount: 3 });
        expect(configs.get(topicName)?.['cleanup.policy']).toBe('compact');
        expect(own.get(topicName)).toEqual({ 'cleanup.policy': 'compact', 'retention.ms': '-1' });

        await port.admin.deleteTopics([topicName]);
        await eventually(async () => (await port.admin.describeTopics([topicName])).length === 0);
        await port.admin.createTopics([{ name: topicName, partitionCount: 1, configs: {} }]);
        const [again] = await port.admin.describeTopics([topicName]);
        expect(again?.topicId).not.toBe(described?.topicId);
      },
      timeoutMs,
    );

    test(
      'hands records over as they were: null keys and values, empty ones, headers, order',
      async () => {
        const topicName = await topic();
        const writer = await producer('bytes');
        const headers = [
          { key: 'a', value: Buffer.from([0, 255]) },
          { key: 'a', value: null },
        ];
        await writer.produce([
          {
            topic: topicName,
            partition: 0,
            records: [
              { key: null, value: Buffer.from('v'), timestampMs: 5 },
              { key: Buffer.from('k'), value: null, timestampMs: 6, headers },
              { key: Buffer.alloc(0), value: Buffer.alloc(0), timestampMs: 7 },
            ],
          },
        ]);
        await writer.commit();

        const records = await readAll(topicName, 3);
        expect(records.map(({ key, value }) => [key, value])).toEqual([
          [null, Buffer.from('v')],
          [Buffer.from('k'), null],
          [Buffer.alloc(0), Buffer.alloc(0)],
        ]);
        expect(records[1]?.headers).toEqual(headers);
        expect(records.map(({ timestampMs }) => timestampMs)).toEqual([5, 6, 7]);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'tells where a batch landed: transaction markers take offsets',
      async () => {
        const topicName = await topic();
        const writer = await producer('offsets');
        const [first] = await writer.produce([batch(topicName, 'a', 'b')]);
        await writer.commit();
        const [second] = await writer.produce([batch(topicName, 'c')]);
        await writer.commit();

        expect([first?.baseOffset, second?.baseOffset]).toEqual([0, 3]);
        // The marker is written after the broker answered the commit.
        await eventually(async () => (await offset(topicName, 'latest')) === 5);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'shows readers nothing of an open transaction, and never what was aborted',
      async () => {
        const topicName = await topic();
        const writer = await producer('isolation');
        await writer.produce([batch(topicName, 'aborted')]);
        await writer.abort();
        await writer.produce([batch(topicName, 'committed')]);
        await writer.commit();
        await writer.produce([batch(topicName, 'open')]);

        const records = await readAll(topicName, 1);
        expect(records.map(text)).toEqual(['committed']);
        expect(await offset(topicName, 'stable')).toBe(4);
        expect(await offset(topicName, 'latest')).toBe(5);

        await writer.commit();
        expect((await readAll(topicName, 2)).map(text)).toEqual(['committed', 'open']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'moves the position past aborted records that end the partition',
      async () => {
        const topicName = await topic();
        const writer = await producer('trailing');
        await writer.produce([batch(topicName, 'a')]);
        await writer.commit();
        await writer.produce([batch(topicName, 'aborted')]);
        await writer.abort();
        const end = 4;
        await eventually(async () => (await offset(topicName, 'stable')) === end);

        const reader = port.openReader();
        reader.assign([{ topic: topicName, partition: 0, offset: 0 }]);
        let position = 0;
        await eventually(async () => {
          for (const fetched of await reader.poll(200)) position = fetched.nextOffset;
          return position === end;
        });
        await reader.close();
        expect(position).toBe(end);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'fences the old owner of a transactional id; its open transaction is aborted',
      async () => {
        const topicName = await topic();
        const other = under.client();
        const old = await producer('fencing');
        await old.produce([batch(topicName, 'of the old owner')]);
        const successor = await producer('fencing', other);

        expect(await errorCodeOf(old.commit())).toBe('PRODUCER_FENCED');
        expect(await errorCodeOf(old.recover())).toBe('PRODUCER_FENCED');
        await successor.produce([batch(topicName, 'of the successor')]);
        await successor.commit();
        expect((await readAll(topicName, 1)).map(text)).toEqual(['of the successor']);
        await other.close();
      },
      timeoutMs,
    );

    test(
      'recovers under its own id: the open transaction is settled, the next one works',
      async () => {
        const topicName = await topic();
        const first = await producer('recover');
        await first.produce([batch(topicName, 'lost')]);
        const epoch = first.producerEpoch;
        const writer = await bench.recovered(first, 'recover');
        await writer.produce([batch(topicName, 'kept')]);
        await writer.commit();

        expect(writer.producerEpoch).toBeGreaterThan(epoch);
        expect((await readAll(topicName, 1)).map(text)).toEqual(['kept']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'F5: a transaction that the coordinator timed out is aborted and cannot be committed; recovery leads on',
      async () => {
        const topicName = await topic();
        const slow = await port.openProducer({
          transactionalId: `${under.prefix}-slow`,
          transactionTimeoutMs: 1_000,
        });
        await slow.produce([batch(topicName, 'too slow')]);
        const end = await offset(topicName, 'latest');
        await eventually(async () => (await offset(topicName, 'stable')) > end, 30_000);

        expect(await errorCodeOf(slow.commit())).toBe('PRODUCER_FENCED');
        const writer = await bench.recovered(slow, 'slow');
        await writer.produce([batch(topicName, 'again')]);
        await writer.commit();
        expect((await readAll(topicName, 1)).map(text)).toEqual(['again']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'ends a transaction that never opened without a word',
      async () => {
        const writer = await producer('empty');

        await writer.commit();
        await writer.abort();
        await writer.close();
        expect(writer.transactionalId).toBe(`${under.prefix}-empty`);
      },
      timeoutMs,
    );

    test(
      'refuses a record larger than the topic takes; the producer goes on after an abort',
      async () => {
        const topicName = await topic();
        const writer = await producer('large');
        const large = { key: Buffer.from('k'), value: Buffer.alloc(2_000_000, 1), timestampMs: 1 };
        const refused = writer.produce([{ topic: topicName, partition: 0, records: [large] }]);

        expect(await errorCodeOf(refused)).toBe('RECORD_TOO_LARGE');
        await writer.abort();
        await writer.produce([batch(topicName, 'small')]);
        await writer.commit();
        expect((await readAll(topicName, 1)).map(text)).toEqual(['small']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'commits offsets with the transaction, for the member and generation that hold them',
      async () => {
        const topicName = await topic();
        const group = member('offsets');
        const { memberId, generationId, partitions } = await group.join();
        const writer = await producer('group-offsets');
        const groupId = `${under.prefix}-offsets`;
        const position = { topic: topicName, partition: 0, offset: 17 };
        await writer.produce([batch(topicName, 'x')]);
        await writer.sendOffsets({ groupId, memberId, generationId, offsets: [position] });
        await writer.abort();
        const afterAbort = await group.committedOffsets([position]);
        await writer.produce([batch(topicName, 'x')]);
        await writer.sendOffsets({ groupId, memberId, generationId, offsets: [position] });
        await writer.commit();

        expect(partitions).toEqual(everything);
        expect(afterAbort).toEqual([]);
        expect(await group.committedOffsets([position])).toEqual([position]);
        await group.leave();
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'refuses offsets of a generation that is over',
      async () => {
        const topicName = await topic();
        const group = member('zombie');
        const { memberId, generationId } = await group.join();
        const writer = await producer('zombie-offsets');
        const groupId = `${under.prefix}-zombie`;
        const offsets = [{ topic: topicName, partition: 0, offset: 1 }];
        await writer.produce([batch(topicName, 'x')]);
        const stale = { groupId, memberId, generationId: generationId - 1, offsets };

        expect(await errorCodeOf(writer.sendOffsets(stale))).toBe('ILLEGAL_GENERATION');
        await writer.abort();
        expect(await group.committedOffsets(offsets)).toEqual([]);
        await group.leave();
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'tells a member by heartbeat that another one joins',
      async () => {
        const other = under.client();
        const first = member('rebalance');
        const second = member('rebalance', other);
        await first.join();
        expect(await first.heartbeat()).toBe('stable');
        const joining = second.join();
        await eventually(async () => (await first.heartbeat()) === 'rebalance');
        const assignments = await Promise.all([first.join(), joining]);

        expect(new Set(assignments.map(({ generationId }) => generationId)).size).toBe(1);
        expect(assignments.flatMap(({ partitions }) => partitions)).toEqual(everything);
        await second.leave();
        await first.leave();
        await other.close();
      },
      timeoutMs,
    );

    test(
      'leaves paused partitions out of polls and goes on where they stood',
      async () => {
        const topicName = await topic();
        const writer = await producer('pause');
        await writer.produce([batch(topicName, 'a')]);
        await writer.commit();
        const reader = port.openReader();
        const partition = { topic: topicName, partition: 0 };
        reader.assign([{ ...partition, offset: 0 }]);
        reader.pause([partition]);
        const paused = (await reader.poll(100)).flatMap(({ records }) => [...records]);
        reader.resume([partition]);
        const resumed: FetchedRecord[] = [];
        await eventually(async () => {
          resumed.push(...(await recordsOf(reader)));
          return resumed.length > 0;
        });

        expect(paused).toEqual([]);
        expect(resumed.map(text)).toEqual(['a']);
        await reader.close();
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'ends a poll at once when it is woken, whether it waits already or begins later',
      async () => {
        const topicName = await topic();
        const reader = port.openReader();
        reader.assign([{ topic: topicName, partition: 0, offset: 0 }]);
        await eventually(async () => (await reader.poll(500)).length === 0);

        const waiting = reader.poll(10 * timeoutMs);
        reader.wakeUp();
        expect(await waiting).toEqual([]);
        reader.wakeUp();
        expect(await reader.poll(10 * timeoutMs)).toEqual([]);
        await reader.close();
      },
      timeoutMs,
    );

    test(
      'reports an offset that the log does not have',
      async () => {
        const topicName = await topic();
        const reader = port.openReader();
        reader.assign([{ topic: topicName, partition: 0, offset: 1_000 }]);
        let code: string | undefined;
        await eventually(async () => {
          for (const { error } of await reader.poll(200)) {
            if (error !== undefined) code = await errorCodeOf(Promise.reject(error));
          }
          return code !== undefined;
        });

        expect(code).toBe('OFFSET_OUT_OF_RANGE');
        await reader.close();
      },
      timeoutMs,
    );
  });
}
