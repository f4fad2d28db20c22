import { expect, test } from '@jest/globals';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { KeyValueStore } from '../../stores/key-value-store.ts';
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
import { errorCodeOf } from '../support/error-code.ts';

const pollsMax = 1_000;
const commitMs = 1_000;
const target = { subTopology: 'ticker', partition: 0 };

/** Writes at every punctuation and at every call. */
class Ticker implements Processor<string, string> {
  readonly #intervalMs: number;
  #store!: KeyValueStore<string, string>;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  init(context: ProcessorContext): void {
    this.#store = context.store('ticks');
    context.schedule(this.#intervalMs, 'wall-clock', (atMs) =>
      this.#store.put('last', String(atMs)),
    );
  }

  process(): void {
    // Time and calls alone make it work.
  }

  call(request: unknown): string {
    this.#store.put('asked', String(request));
    return String(request);
  }
}

test('a punctuation that is due while its task commits does not keep the loop turning', async () => {
  const { clock, streams } = start({ intervalMs: 10 });
  await clock.advance(2_000);

  expect(streams.status).toBe('running');
  await close(clock, streams);
});

test('a call waits no longer than its deadline while a commit hangs: decided, its outcome is unknown; undecided, nothing was done', async () => {
  const { clock, streams } = start({ intervalMs: 1_000_000 });
  await clock.advance(2_000);
  const ask = (request: string): Promise<unknown> =>
    errorCodeOf(streams.call(target, request, { deadlineMs: clock.nowMs() + 300 }));
  const decided = ask('a');
  await clock.advance(10);
  const undecided = ask('b');
  const codes = Promise.all([decided, undecided]).then((all) => ({ all, atMs: clock.nowMs() }));
  const askedAtMs = clock.nowMs();
  await clock.advance(2_000);

  const { all, atMs } = await codes;
  expect(all).toEqual(['OUTCOME_UNKNOWN', 'DEADLINE_EXCEEDED']);
  expect(atMs - askedAtMs).toBeLessThan(commitMs - 100);
  await close(clock, streams);
});

test('records that came while their task committed are processed when it is done, not when the poll is over', async () => {
  const { clock, streams, kafka } = start({ intervalMs: 1_000_000, pollTimeoutMs: 10_000 });
  await clock.advance(100);
  const asked = streams.call(target, 'a', { deadlineMs: clock.nowMs() + 10_000 });
  await clock.advance(10);
  kafka.append('lines', { key: null, value: Buffer.from('x'), timestampMs: 1 });
  await clock.advance(100);
  const whileItCommits = lag(streams);
  await clock.advance(commitMs);

  expect(await asked).toBe('a');
  expect(whileItCommits).toBe(1);
  expect(lag(streams)).toBe(0);
  await close(clock, streams);
});

test('calls that fill a transaction which is still being opened do not keep the loop turning', async () => {
  const slow = { commitMs: 0, openMs: 1_000 };
  const { clock, streams } = start({ intervalMs: 1_000_000, transactionRecordsMax: 1, slow });
  await clock.advance(100);
  const ask = (request: string): Promise<unknown> =>
    streams.call(target, request, { deadlineMs: clock.nowMs() + 20_000 });
  const first = ask('a');
  await clock.advance(1_100);
  const others = [ask('b'), ask('c')];
  await clock.advance(10_000);

  expect(streams.status).toBe('running');
  expect(await Promise.all([first, ...others])).toEqual(['a', 'b', 'c']);
  await close(clock, streams);
});

const lag = (streams: KafkaStreams): number | undefined => streams.tasks()[0]?.lag;

/** How long the broker takes for a commit, and for a transaction's first partitions. */
interface Slowness {
  readonly commitMs: number;
  readonly openMs: number;
}

interface SlowOptions {
  readonly intervalMs: number;
  readonly pollTimeoutMs?: number;
  readonly transactionRecordsMax?: number;
  readonly slow?: Slowness;
}

function start({
  intervalMs,
  pollTimeoutMs = 100,
  transactionRecordsMax = 5_000,
  slow = { commitMs, openMs: 0 },
}: SlowOptions): {
  readonly clock: ManualClock;
  readonly kafka: InProcessKafka;
  readonly streams: KafkaStreams;
} {
  const clock = new ManualClock();
  const kafka = new InProcessKafka(clock);
  kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
  const builder = new TopologyBuilder();
  builder
    .subTopology('ticker')
    .source<string, string>('lines', { topics: ['lines'], deserialize: () => undefined })
    .store(keyValueStore({ name: 'ticks', key: stringSerde, value: stringSerde }))
    .processor('ticker', {
      parents: ['lines'],
      supplier: () => new Ticker(intervalMs),
      stores: ['ticks'],
      answersCalls: true,
    });
  const streams = new KafkaStreams({
    topology: builder.build(),
    port: slowPort(kafka.client(), clock, slow),
    options: {
      ...{ applicationId: 'test', commitIntervalMs: 20, pollTimeoutMs, transactionRecordsMax },
    },
    ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
  });
  streams.start();
  return { clock, streams, kafka };
}

async function close(clock: ManualClock, streams: KafkaStreams): Promise<void> {
  const closed = streams.close();
  await clock.advance(20_000);
  await closed;
}

/** Takes its time; a loop that polls without end meanwhile is stopped with an error. */
function slowPort(port: KafkaPort, clock: ManualClock, slow: Slowness): KafkaPort {
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
    openPlainProducer: () => port.openPlainProducer(),
    openProducer: async (options) => {
      const producer = await port.openProducer(options);
      const commit = producer.commit.bind(producer);
      producer.commit = async () => {
        await clock.sleep(slow.commitMs);
        await commit();
      };
      const addPartitions = producer.addPartitions.bind(producer);
      producer.addPartitions = async (partitions) => {
        await clock.sleep(slow.openMs);
        await addPartitions(partitions);
      };
      return producer;
    },
  };
}
