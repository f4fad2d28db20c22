/** Compressed batches between us and the Java client's own programs, through a broker. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { CompressionType } from '../../streams/kafka/compression.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { provideArtifacts } from '../../tools/stack/artifacts.ts';
import { findJava } from '../../tools/stack/java.ts';
import { stackFolders } from '../../tools/stack/stack-folders.ts';
import type { StackState } from '../../tools/stack/stack-state.ts';
import { portOn, systemOptions, testStack } from './test-system.ts';

const timeoutMs = 120_000;
const javaTimeoutMs = 60_000;
const prefix = `compression-${process.pid}-${Date.now()}`;
const lines = Array.from({ length: 200 }, (_, index) => `line ${index} of ${'text '.repeat(20)}`);
let stack: StackState;
let port: KafkaPort;
let javaArgs: readonly string[];

beforeAll(async () => {
  stack = await testStack();
  port = portOn(stack, 'compression');
  const { cache } = stackFolders(systemOptions);
  const { kafkaJars } = await provideArtifacts({ ...systemOptions, cache });
  javaArgs = ['-XX:TieredStopAtLevel=1', '-cp', `${kafkaJars}/*`];
}, timeoutMs);

afterAll(async () => {
  await port.close();
});

test.each(['gzip', 'snappy', 'lz4', 'zstd'])(
  'what the Java producer compresses with %s is read',
  async (type) => {
    const topic = await createTopic(`from-java-${type}`);
    await java(
      'org.apache.kafka.tools.ConsoleProducer',
      ['--topic', topic, '--compression-codec', type, '--batch-size', '1000000'],
      `${lines.join('\n')}\n`,
    );

    expect(await valuesOf(topic)).toEqual(lines);
  },
  timeoutMs,
);

test.each(['gzip', 'snappy', 'lz4'] as const)(
  'what is compressed with %s here is taken by the broker and read by the Java consumer',
  async (compressionType) => {
    const topic = await createTopic(`to-java-${compressionType}`);
    await produce(topic, compressionType);
    const output = await java('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--topic', topic, '--from-beginning', '--max-messages', String(lines.length)],
      ...['--isolation-level', 'read_committed', '--timeout-ms', '30000'],
    ]);

    expect(output).toBe(`${lines.join('\n')}\n`);
    expect(await valuesOf(topic)).toEqual(lines);
  },
  timeoutMs,
);

async function createTopic(name: string): Promise<string> {
  const topic = `${prefix}-${name}`;
  await port.admin.createTopics([{ name: topic, partitionCount: 1, configs: {} }]);
  return topic;
}

async function produce(topic: string, compressionType: CompressionType): Promise<void> {
  const writing = createKafkajsPort({
    ...{ brokers: stack.endpoints.kafkaBrokers.split(','), clientId: 'compressing' },
    ...{ compressionType, clock: systemClock, logger: silentLogger },
  });
  const producer = await writing.openProducer({
    ...{ transactionalId: topic, transactionTimeoutMs: 30_000 },
  });
  const timestampMs = Date.now();
  const records = lines.map((line) => ({ key: null, value: Buffer.from(line), timestampMs }));
  await producer.produce([{ topic, partition: 0, records }]);
  await producer.commit();
  await producer.close();
  await writing.close();
}

async function valuesOf(topic: string): Promise<readonly string[]> {
  const values: string[] = [];
  await readRanges(port, await wholeTopics(port, [topic]), ({ value }) => {
    values.push(value?.toString() ?? '');
    return true;
  });
  return values;
}

/** Runs one of Kafka's own tools; returns what it wrote to stdout. */
async function java(main: string, args: readonly string[], input = ''): Promise<string> {
  const { command } = findJava(process.env);
  const bootstrap = ['--bootstrap-server', stack.endpoints.kafkaBrokers];
  const running = promisify(execFile)(command, [...javaArgs, main, ...bootstrap, ...args], {
    ...{ timeout: javaTimeoutMs, encoding: 'utf8' },
  });
  running.child.stdin?.end(input);
  return (await running).stdout;
}
