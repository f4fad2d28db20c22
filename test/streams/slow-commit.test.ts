import { expect, test } from '@jest/globals';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import {
  KafkaStreams,
  TopologyBuilder,
  type KafkaPort,
  type Processor,
  type ProcessorContext,
} from '../../streams/index.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const pollsMax = 1_000;

/** Writes at every punctuation. */
class Ticker implements Processor<string, string> {
  init(context: ProcessorContext): void {
    const store = context.store<string, string>('ticks');
    context.schedule(10, 'wall-clock', (atMs) => store.put('last', String(atMs)));
  }

  process(): void {
    // Time alone makes it work.
  }
}

test('a punctuation that is due while its task commits does not keep the loop turning', async () => {
  const clock = new ManualClock();
  const kafka = new InProcessKafka(clock);
  kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
  const builder = new TopologyBuilder();
  builder
    .subTopology('ticker')
    .source<string, string>('lines', { topics: ['lines'], deserialize: () => undefined })
    .store(keyValueStore({ name: 'ticks', key: stringSerde, value: stringSerde }))
    .processor('ticker', { parents: ['lines'], supplier: () => new Ticker(), stores: ['ticks'] });
  const streams = new KafkaStreams({
    topology: builder.build(),
    port: slowToCommit(kafka.client(), clock),
    options: { applicationId: 'test', commitIntervalMs: 20 },
    ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
  });
  streams.start();
  await clock.advance(2_000);

  expect(streams.status).toBe('running');
  const closed = streams.close();
  await clock.advance(20_000);
  await closed;
});

/** A commit takes a second; a loop that polls without end meanwhile is stopped with an error. */
function slowToCommit(port: KafkaPort, clock: ManualClock): KafkaPort {
  let polls = 0;
  return {
    admin: port.admin,
    openMember: (options) => port.openMember(options),
    close: () => port.close(),
    openReader: () => {
      const reader = port.openReader();
      const poll = reader.poll.bind(reader);
      reader.poll = (maxWaitMs) => {
        polls += 1;
        if (polls > pollsMax) throw new Error('the loop turns without end');
        return poll(maxWaitMs);
      };
      return reader;
    },
    openProducer: async (options) => {
      const producer = await port.openProducer(options);
      const commit = producer.commit.bind(producer);
      producer.commit = async () => {
        await clock.sleep(1_000);
        await commit();
      };
      return producer;
    },
  };
}
