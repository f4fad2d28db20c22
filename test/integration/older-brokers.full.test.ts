import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { parseFailpoints } from '../../kernel/failpoints.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { KafkaStreams, type KafkaPort } from '../../streams/index.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { olderKafkaVersions } from '../../tools/stack/older-kafka.ts';
import { kafkaPortContract } from '../contract/kafka-port.ts';
import { batch, eventually } from '../contract/port-bench.ts';
import { deleteRecordsBefore } from '../support/delete-records.ts';
import { wordCount } from '../support/word-count.ts';
import { startOlderBroker, type OlderBroker } from './older-broker.ts';

const timeoutMs = 180_000;

describe.each(olderKafkaVersions)('Kafka %s', (version) => {
  let broker: OlderBroker;
  let clients = 0;

  beforeAll(async () => {
    broker = await startOlderBroker(version);
  }, timeoutMs);

  afterAll(() => broker.stop());

  function client(): KafkaPort {
    return createKafkajsPort({
      brokers: [`127.0.0.1:${broker.port}`],
      clientId: `older-${(clients += 1)}`,
      ...{ clock: systemClock, logger: silentLogger },
    });
  }

  kafkaPortContract(`a broker of version ${version}`, () =>
    Promise.resolve({
      client,
      deleteBefore: (position) =>
        deleteRecordsBefore({ host: '127.0.0.1', port: broker.port }, position),
      recoversOpenTransactions: false,
      prefix: 'contract',
    }),
  );

  test(
    'a task that leaves a transaction open takes its id anew: every line counts once',
    async () => {
      const port = client();
      await port.admin.createTopics(
        ['lines', 'counts'].map((name) => ({ name, partitionCount: 1, configs: {} })),
      );
      const acted: string[] = [];
      const streams = new KafkaStreams({
        topology: wordCount(),
        port,
        options: { applicationId: 'older', commitIntervalMs: 50 },
        ...{ stateDir: '', stateKind: 'memory', clock: systemClock, logger: silentLogger },
        metrics: noMetrics,
        failpoints: parseFailpoints('before-end:error@2,after-end:error@4,after-produce:error@7', {
          ...{ kill: () => undefined, pause: () => undefined },
          report: (line) => void acted.push(line),
        }),
      });
      streams.start();
      const other = client();
      const writer = await other.openProducer({
        ...{ transactionalId: 'writer', transactionTimeoutMs: 30_000 },
      });
      const count = 12;
      for (let line = 1; line <= count; line += 1) {
        await writer.produce([batch('lines', 'x')]);
        await writer.commit();
        await eventually(async () => (await counts(other)).length >= line, 60_000);
      }
      const counted = await counts(other);
      await streams.close();
      await other.close();
      await port.close();

      expect(acted).toHaveLength(3);
      expect(counted).toEqual(Array.from({ length: count }, (_, index) => String(index + 1)));
    },
    timeoutMs,
  );

  async function counts(port: KafkaPort): Promise<string[]> {
    const values: string[] = [];
    await readRanges(port, await wholeTopics(port, ['counts']), ({ value }) => {
      values.push(String(value));
      return true;
    });
    return values;
  }
});
