import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort, ProduceBatch } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { KafkaProxy } from '../../tools/faults/kafka-proxy.ts';
import { until } from './projected.ts';
import { portOn, testStack } from './test-system.ts';

const timeoutMs = 60_000;
const endTxn = 26;

/** KAFKA-17754: an EndTxn that arrives late must not end a later transaction. */
describe('F4: an EndTxn that the network holds back', () => {
  const name = `late-end-${process.pid}-${Date.now()}`;
  let direct: KafkaPort;
  let behind: KafkaPort;
  let proxy: KafkaProxy;

  beforeAll(async () => {
    const stack = await testStack();
    const [host = '', port] = stack.endpoints.kafkaBrokers.split(':');
    proxy = await KafkaProxy.before({ host, port: Number(port) }, systemClock);
    direct = portOn(stack, 'late-end-direct');
    behind = createKafkajsPort({
      brokers: stack.endpoints.kafkaBrokers.split(','),
      clientId: 'late-end',
      requestTimeoutMs: 2_000,
      route: () => proxy.address,
      clock: systemClock,
      logger: silentLogger,
    });
    await direct.admin.createTopics([{ name, partitionCount: 1, configs: {} }]);
  }, timeoutMs);

  afterAll(async () => {
    await behind.close();
    await direct.close();
    proxy.close();
  });

  test.each(['commit', 'abort'] as const)(
    'makes a %s an unknown outcome; when it comes at last it ends nothing that began later',
    async (end) => {
      const before = await committed();
      const producer = await behind.openProducer({
        transactionalId: `${name}-${end}`,
        transactionTimeoutMs: 60_000,
      });
      await producer.produce([batch(`${end}: first`)]);
      proxy.hold(endTxn);
      const code = await errorCodeOf(producer[end]());
      const held = proxy.heldCount;
      const released = proxy.release.bind(proxy);
      await producer.recover();
      await producer.produce([batch(`${end}: second`)]);
      await released();
      const duringSecond = await committed();
      await producer.produce([batch(`${end}: second, too`)]);
      await producer.commit();
      // Its end marker is written after the broker has answered, and by the first one that it ever writes much later.
      await until(async () => (await committed()).length > before.length);

      expect(code).toBe('OUTCOME_UNKNOWN');
      expect(held).toBe(1);
      expect(duringSecond).toEqual(before);
      expect(await committed()).toEqual([...before, `${end}: second`, `${end}: second, too`]);
      await producer.close();
    },
    timeoutMs,
  );

  async function committed(): Promise<readonly string[]> {
    const values: string[] = [];
    await readRanges(direct, await wholeTopics(direct, [name]), ({ value }) => {
      values.push(value?.toString() ?? '');
      return true;
    });
    return values;
  }

  function batch(value: string): ProduceBatch {
    const record = { key: Buffer.from('key'), value: Buffer.from(value), timestampMs: 1 };
    return { topic: name, partition: 0, records: [record] };
  }
});
