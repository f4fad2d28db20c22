import { afterEach, describe, expect, test } from '@jest/globals';
import { noMetrics } from '../../kernel/metrics.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import { stringSerde } from '../../stores/serde.ts';
import { KafkaStreams, TopologyBuilder, type Topology } from '../../streams/index.ts';
import type { Fault, RequestKind } from '../../testing/in-process-kafka.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { TopologyTestDriver } from '../../testing/topology-test-driver.ts';
import { Counter, wordCount } from '../support/word-count.ts';

const options = { processingGuarantee: 'at-least-once' } as const;
const topics = { lines: 1, counts: 1 };
const drivers: TopologyTestDriver[] = [];

afterEach(async () => {
  for (const driver of drivers) driver.kafka.faults = () => 'ok';
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

async function start(on?: TopologyTestDriver): Promise<TopologyTestDriver> {
  const shared = on === undefined ? {} : { kafka: on.kafka, clock: on.clock };
  const driver = await TopologyTestDriver.start({
    ...{ topology: wordCount(), topics, options },
    ...shared,
  });
  drivers.push(driver);
  return driver;
}

const pipe = (driver: TopologyTestDriver, count: number): void => {
  for (let index = 0; index < count; index += 1) driver.pipe('lines', { key: 'k', value: 'x' });
};

const counts = (driver: TopologyTestDriver): number[] =>
  driver.read('counts').map(({ value }) => Number(value?.toString()));

async function stored(driver: TopologyTestDriver): Promise<number> {
  const query = { subTopology: 'count', store: 'counts', partition: 0 };
  return Number(await driver.store<ReadOnlyKeyValueStore<string, string>>(query).store.get('k'));
}

/** What the changelog says of the key: its last record. */
function logged(driver: TopologyTestDriver): number {
  const log = driver.kafka.log({ topic: 'test-count-changelog', partition: 0 });
  const last = log.readCommitted(0, Infinity).records.at(-1);
  return Number(stringSerde.deserialize(last?.value ?? Buffer.alloc(0)));
}

const requestsOf = (driver: TopologyTestDriver, kind: RequestKind): (() => number) => {
  let count = 0;
  driver.kafka.faults = (request) => {
    if (request.kind === kind) count += 1;
    return 'ok';
  };
  return () => count;
};

describe('at least once', () => {
  test('counts every line once as long as nothing fails, and opens no transaction', async () => {
    const driver = await start();
    const ends = requestsOf(driver, 'EndTxn');
    pipe(driver, 5);
    await driver.advance();

    expect(counts(driver)).toEqual([1, 2, 3, 4, 5]);
    expect(await stored(driver)).toBe(5);
    expect(ends()).toBe(0);
    expect(driver.kafka.transactions.epochOf('test-count_0')).toBeUndefined();
  });

  test('commits no offset before everything is acknowledged', async () => {
    const driver = await start();
    const order: RequestKind[] = [];
    driver.kafka.faults = ({ kind }) => {
      if (kind === 'Produce' || kind === 'OffsetCommit') order.push(kind);
      return kind === 'Produce' ? 'lose-request' : 'ok';
    };
    pipe(driver, 1);
    await driver.advance();
    const whileLost = [...order];
    driver.kafka.faults = ({ kind }) => {
      order.push(kind);
      return 'ok';
    };
    await driver.advance(20_000);

    expect(new Set(whileLost)).toEqual(new Set(['Produce']));
    expect(order.indexOf('OffsetCommit')).toBeGreaterThan(order.lastIndexOf('InitProducerId'));
    expect(counts(driver)).toEqual([1]);
  });

  test('goes on where it stopped after an orderly end', async () => {
    const first = await start();
    pipe(first, 3);
    await first.advance();
    await first.close();
    drivers.pop();
    const second = await start(first);
    pipe(second, 2);
    await second.advance();

    expect(counts(second)).toEqual([1, 2, 3, 4, 5]);
  });
});

/** Each step of a commit, lost on the way there or on the way back. */
const steps = (['Produce', 'OffsetCommit'] as const).flatMap((kind) =>
  (['lose-request', 'lose-answer'] as const).map((fault) => ({ kind, fault })),
);

/** Loses one request of the kind, or from then on everything of the client: it is dead. */
function failOnce(driver: TopologyTestDriver, kind: RequestKind, fault: Fault): () => boolean {
  let isOver = false;
  driver.kafka.faults = (request) => {
    if (isOver || request.kind !== kind) return 'ok';
    isOver = true;
    return fault;
  };
  return () => isOver;
}

describe.each(steps)('at least once, $kind: $fault', ({ kind, fault }) => {
  test('an instance that lives loses nothing, and its state is its changelog', async () => {
    const driver = await start();
    pipe(driver, 3);
    await driver.advance();
    const hasFailed = failOnce(driver, kind, fault);
    pipe(driver, 4);
    await driver.advance(30_000);
    pipe(driver, 1);
    await driver.advance();

    expect(hasFailed()).toBe(true);
    // Records whose answer was lost are in the state already when they are processed again.
    const isTwice = kind === 'OffsetCommit' || fault === 'lose-answer';
    const isCommitted = kind === 'OffsetCommit' && fault === 'lose-answer';
    const total = isTwice && !isCommitted ? 12 : 8;
    expect(await stored(driver)).toBe(total);
    expect(logged(driver)).toBe(total);
    expect(counts(driver)).toEqual(Array.from({ length: total }, (_, index) => index + 1));
  });

  test('an instance that dies there is followed by one that loses nothing', async () => {
    const first = await start();
    pipe(first, 3);
    await first.advance();
    let isDead = false;
    first.kafka.faults = ({ kind: asked, client }) => {
      if (client !== 'client-1') return 'ok';
      if (isDead) return 'lose-request';
      if (asked !== kind) return 'ok';
      isDead = true;
      return fault;
    };
    pipe(first, 4);
    await first.advance(30_000);
    const second = await start(first);
    pipe(second, 1);
    await second.advance(30_000);

    const total = await stored(second);
    expect(isDead).toBe(true);
    expect(total).toBeGreaterThanOrEqual(8);
    expect(logged(second)).toBe(total);
    expect(counts(second).at(-1)).toBe(total);
  });
});

test('a topology that answers calls refuses at-least-once, naming the processor', () => {
  const open = (processingGuarantee: 'exactly-once' | 'at-least-once') => () => {
    const clock = new ManualClock();
    return new KafkaStreams({
      ...{ topology: answering(), port: new InProcessKafka(clock).client(), clock },
      options: { applicationId: 'test', processingGuarantee },
      ...{ stateDir: '', stateKind: 'memory', logger: silentLogger, metrics: noMetrics },
    });
  };

  expect(open('at-least-once')).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/decider.*exactly-once/) as unknown,
    }),
  );
  expect(open('exactly-once')).not.toThrow();
});

function answering(): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology('calls')
    .source<string, string>('lines', { topics: ['lines'], deserialize: () => undefined })
    .processor('decider', {
      ...{ parents: ['lines'], supplier: () => new Counter(), answersCalls: true },
    });
  return builder.build();
}
