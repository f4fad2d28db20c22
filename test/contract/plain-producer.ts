import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KafkaPort, ProduceBatch } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { errorCodeOf } from '../support/error-code.ts';
import type { PortUnderTest } from './port-bench.ts';

const timeoutMs = 60_000;

/** What an implementation of the Kafka port must do when it writes without transactions. */
export function plainProducerContract(name: string, open: () => Promise<PortUnderTest>): void {
  describe(`the plain producer of the Kafka port: ${name}`, () => {
    let under: PortUnderTest;
    let port: KafkaPort;
    let topics = 0;

    beforeAll(async () => {
      under = await open();
      port = under.client();
    }, timeoutMs);

    afterAll(async () => {
      await port.close();
    });

    async function topic(): Promise<string> {
      topics += 1;
      const created = `${under.prefix}-plain-${topics}`;
      await port.admin.createTopics([{ name: created, partitionCount: 1, configs: {} }]);
      return created;
    }

    async function valuesOf(topicName: string): Promise<readonly string[]> {
      const values: string[] = [];
      await readRanges(port, await wholeTopics(port, [topicName]), ({ value }) => {
        values.push(value?.toString() ?? '');
        return true;
      });
      return values;
    }

    test(
      'makes what is acknowledged visible at once, without a gap',
      async () => {
        const topicName = await topic();
        const writer = await port.openPlainProducer();
        const [first] = await writer.produce([batch(topicName, 'a', 'b')]);
        const [second] = await writer.produce([batch(topicName, 'c')]);

        expect([first?.baseOffset, second?.baseOffset]).toEqual([0, 2]);
        expect(await valuesOf(topicName)).toEqual(['a', 'b', 'c']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      "tells the broker's time of a topic that is dated by it, of another none",
      async () => {
        const dated = `${under.prefix}-plain-dated`;
        const configs = { 'message.timestamp.type': 'LogAppendTime' };
        await port.admin.createTopics([{ name: dated, partitionCount: 1, configs }]);
        const topicName = await topic();
        const writer = await port.openPlainProducer();
        const produced = await writer.produce([batch(dated, 'a'), batch(topicName, 'a')]);
        const times: number[] = [];
        await readRanges(port, await wholeTopics(port, [dated]), ({ timestampMs }) => {
          times.push(timestampMs);
          return true;
        });

        expect(times).toEqual([produced[0]?.appendedAtMs]);
        expect(times[0]).toBeGreaterThan(1_000_000);
        expect(produced[1]?.appendedAtMs).toBeUndefined();
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'begins anew: what it wrote stays, what comes goes behind it',
      async () => {
        const topicName = await topic();
        const writer = await port.openPlainProducer();
        await writer.produce([batch(topicName, 'a')]);
        await writer.recover();
        await writer.produce([batch(topicName, 'b')]);

        expect(await valuesOf(topicName)).toEqual(['a', 'b']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'refuses a record that is too large; it goes on when it began anew',
      async () => {
        const topicName = await topic();
        const writer = await port.openPlainProducer();
        const large = { key: Buffer.from('k'), value: Buffer.alloc(2_000_000, 1), timestampMs: 1 };
        const refused = writer.produce([{ topic: topicName, partition: 0, records: [large] }]);

        expect(await errorCodeOf(refused)).toBe('RECORD_TOO_LARGE');
        await writer.recover();
        await writer.produce([batch(topicName, 'small')]);
        expect(await valuesOf(topicName)).toEqual(['small']);
        await writer.close();
      },
      timeoutMs,
    );

    test(
      'commits offsets for the current generation only',
      async () => {
        const groupId = `${under.prefix}-plain-offsets`;
        const position = { topic: await topic(), partition: 0, offset: 17 };
        const group = port.openMember({
          ...{ groupId, topics: [position.topic], userData: () => Buffer.alloc(0) },
          ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 },
          assignor: (members) =>
            new Map(
              members.map(({ memberId }) => [
                memberId,
                { partitions: [position], userData: Buffer.alloc(0) },
              ]),
            ),
        });
        const { memberId, generationId } = await group.join();
        const writer = await port.openPlainProducer();
        await writer.commitOffsets({ groupId, memberId, generationId, offsets: [position] });
        const offsets = [{ ...position, offset: 18 }];
        const stale = { groupId, memberId, generationId: generationId - 1, offsets };

        expect(await errorCodeOf(writer.commitOffsets(stale))).toBe('ILLEGAL_GENERATION');
        expect(await group.committedOffsets([position])).toEqual([position]);
        await group.leave();
        await writer.close();
      },
      timeoutMs,
    );
  });
}

function batch(topic: string, ...values: readonly string[]): ProduceBatch {
  const records = values.map((value) => ({
    ...{ key: Buffer.from('key'), value: Buffer.from(value), timestampMs: 1 },
  }));
  return { topic, partition: 0, records };
}
