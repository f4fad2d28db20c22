import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort, ProduceBatch } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { KafkaProxy } from '../../tools/faults/kafka-proxy.ts';
import { portOn, testStack } from './test-system.ts';

const timeoutMs = 60_000;
const produce = 0;
const name = `late-produce-${process.pid}-${Date.now()}`;
let direct: KafkaPort;
let behind: KafkaPort;
let proxy: KafkaProxy;

beforeAll(async () => {
  const stack = await testStack();
  const [host = '', port] = stack.endpoints.kafkaBrokers.split(':');
  proxy = await KafkaProxy.before({ host, port: Number(port) }, systemClock);
  direct = portOn(stack, 'late-produce-direct');
  behind = createKafkajsPort({
    brokers: stack.endpoints.kafkaBrokers.split(','),
    clientId: 'late-produce',
    requestTimeoutMs: 3_000,
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

test(
  'a plain batch that the network holds back is sent again; when it comes at last it is not written twice',
  async () => {
    const producer = await behind.openPlainProducer();
    await producer.produce([batch('first')]);
    proxy.hold(produce, 1);
    const [produced] = await producer.produce([batch('second')]);
    const held = proxy.heldCount;
    await proxy.release();
    await producer.produce([batch('third')]);

    expect(held).toBe(1);
    expect(produced?.baseOffset).toBe(1);
    expect(await values()).toEqual(['first', 'second', 'third']);
    await producer.close();
  },
  timeoutMs,
);

async function values(): Promise<readonly string[]> {
  const found: string[] = [];
  await readRanges(direct, await wholeTopics(direct, [name]), ({ value }) => {
    found.push(value?.toString() ?? '');
    return true;
  });
  return found;
}

function batch(value: string): ProduceBatch {
  const record = { key: Buffer.from('key'), value: Buffer.from(value), timestampMs: 1 };
  return { topic: name, partition: 0, records: [record] };
}
