import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import type { RequestKind } from '../../testing/in-process-kafka.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import { expectedCounts, wordCount } from '../support/word-count.ts';

const topics = { lines: 2, counts: 2 };
const drivers: TopologyTestDriver[] = [];

async function start(options: Partial<TestDriverOptions> = {}): Promise<TopologyTestDriver> {
  const driver = await TopologyTestDriver.start({ topology: wordCount(), topics, ...options });
  drivers.push(driver);
  return driver;
}

function pipeLines(driver: TopologyTestDriver, lines: Readonly<Record<string, number>>): void {
  const most = Math.max(...Object.values(lines));
  for (let round = 0; round < most; round += 1) {
    for (const [key, count] of Object.entries(lines)) {
      if (round < count) driver.pipe('lines', { key, value: `line ${round}` });
    }
  }
}

/** What a committed reader saw, by key. */
function counts(driver: TopologyTestDriver): Record<string, string[]> {
  const byKey: Record<string, string[]> = {};
  for (const { key, value } of driver.read('counts')) {
    (byKey[key?.toString() ?? ''] ??= []).push(value?.toString() ?? '');
  }
  return byKey;
}

const lines = { apple: 3, banana: 5, cherry: 1, date: 7 };

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

describe('an instance', () => {
  test('counts every line once, in order, and answers queries from committed state', async () => {
    const driver = await start();

    pipeLines(driver, lines);
    await driver.advance();

    expect(counts(driver)).toEqual(expectedCounts(lines));
    const partition = driver.streams.partitionOf('count', Buffer.from('date'));
    const view = driver.store<ReadOnlyKeyValueStore<string, string>>({
      subTopology: 'count',
      store: 'counts',
      partition,
    });
    expect(await view.store.get('date')).toBe('7');
    expect(driver.streams.notReady()).toBeUndefined();
  });

  test('shows nothing of an open transaction, neither to readers nor to queries', async () => {
    const driver = await start({ options: { commitIntervalMs: 1_000_000 } });
    pipeLines(driver, lines);
    await driver.advance();

    expect(counts(driver)).toEqual({});
    const partition = driver.streams.partitionOf('count', Buffer.from('date'));
    const view = driver.store<ReadOnlyKeyValueStore<string, string>>({
      subTopology: 'count',
      store: 'counts',
      partition,
    });
    expect(await view.store.get('date')).toBeUndefined();
  });

  test('restores from the changelog alone and goes on where it stopped', async () => {
    const first = await start();
    pipeLines(first, lines);
    await first.advance();
    await first.close();

    const second = await start({ kafka: first.kafka, clock: first.clock });
    pipeLines(second, { apple: 1 });
    await second.advance();

    expect(counts(second)).toEqual({ ...expectedCounts(lines), apple: ['1', '2', '3', '4'] });
  });

  test('commits nothing while idle', async () => {
    const driver = await start();
    pipeLines(driver, { apple: 1 });
    await driver.advance();
    let ends = 0;
    driver.kafka.faults = ({ kind }) => {
      if (kind === 'EndTxn') ends += 1;
      return 'ok';
    };
    await driver.advance(10_000);

    expect(ends).toBe(0);
  });

  const requests: readonly RequestKind[] = [
    'AddPartitions',
    'Produce',
    'TxnOffsetCommit',
    'EndTxn',
  ];
  test.each(
    requests.flatMap((kind) => [
      [kind, 'lose-request'] as const,
      [kind, 'lose-answer'] as const,
      [kind, 'deliver-late'] as const,
    ]),
  )('counts every line once when %s of a commit is lost (%s)', async (kind, fault) => {
    const driver = await start();
    let remaining = 3;
    driver.kafka.faults = (request) => {
      if (request.kind !== kind || remaining === 0) return 'ok';
      remaining -= 1;
      return fault;
    };

    pipeLines(driver, lines);
    await driver.advance(20_000);
    pipeLines(driver, { apple: 1 });
    await driver.advance(20_000);

    expect(remaining).toBeLessThan(3);
    expect(counts(driver)).toEqual({ ...expectedCounts(lines), apple: ['1', '2', '3', '4'] });
  });

  test.each(requests)(
    'a late copy of %s acts on no later transaction: the epoch it carries is over',
    async (kind) => {
      const driver = await start({ options: { commitIntervalMs: 2_000 } });
      driver.kafka.lateDeliveryMs = 3_000;
      let isDue = true;
      driver.kafka.faults = (request) => {
        if (request.kind !== kind || !isDue) return 'ok';
        isDue = false;
        return 'deliver-late';
      };
      // The copy arrives while the next transaction is open; another copy of it would be committed.
      for (let round = 0; round < 40; round += 1) {
        pipeLines(driver, { apple: 1, date: 1 });
        await driver.advance(250);
      }
      await driver.advance(20_000);

      expect(isDue).toBe(false);
      expect(counts(driver)).toEqual(expectedCounts({ apple: 40, date: 40 }));
    },
  );

  test('settles a lost commit answer with its own producer id and epoch, never by taking the id anew', async () => {
    const driver = await start();
    const kinds: RequestKind[] = [];
    let lose = true;
    driver.kafka.faults = ({ kind }) => {
      kinds.push(kind);
      const isLost = kind === 'EndTxn' && lose;
      if (isLost) lose = false;
      return isLost ? 'lose-answer' : 'ok';
    };
    const epochBefore = driver.kafka.transactions.epochOf('test-count_0');
    driver.pipe('lines', { key: 'apple', value: 'x', partition: 0 });
    await driver.advance(10_000);

    expect(kinds.filter((kind) => kind === 'InitProducerId')).toHaveLength(1);
    expect(driver.kafka.transactions.epochOf('test-count_0')).toBe((epochBefore ?? 0) + 1);
  });

  test('dead-letters a record whose processing keeps failing, with its bytes, and goes on', async () => {
    const driver = await start();
    pipeLines(driver, { apple: 2 });
    driver.pipe('lines', { key: 'apple', value: 'poison' });
    pipeLines(driver, { apple: 1, banana: 1 });
    await driver.advance(20_000);

    expect(counts(driver)).toEqual(expectedCounts({ apple: 3, banana: 1 }));
    const [letter, ...others] = driver.read('test-dlq');
    expect(others).toEqual([]);
    expect(letter?.key?.toString()).toBe('apple');
    expect(letter?.value?.toString()).toBe('poison');
    const headers = Object.fromEntries(
      letter?.headers.map(({ key, value }) => [key, value?.toString()]) ?? [],
    );
    expect(headers).toMatchObject({
      '__dlq.topic': 'lines',
      '__dlq.offset': '2',
      '__dlq.stage': 'process',
      '__dlq.error.code': 'PROCESSING_FAILED',
      '__dlq.error.message': 'cannot count poison',
      '__dlq.attempt': '2',
    });
  });

  test('waits for topics that do not exist yet, saying so, and starts when they come', async () => {
    const driver = await start({ topics: { counts: 2 } });
    expect(driver.streams.notReady()).toMatch(
      'the instance is starting: topics do not exist yet: lines',
    );

    driver.kafka.createTopic({ name: 'lines', partitionCount: 2, configs: {} });
    await driver.advance(10_000);

    expect(driver.streams.notReady()).toBeUndefined();
  });

  test('two instances share the tasks, and every line is counted once while one joins and leaves', async () => {
    const first = await start();
    pipeLines(first, lines);
    await first.advance();
    const second = await start({ kafka: first.kafka, clock: first.clock });
    await first.advance(15_000);
    expect([first, second].map((driver) => driver.streams.tasks().length)).toEqual([1, 1]);

    pipeLines(first, lines);
    await first.advance(5_000);
    await first.close();
    pipeLines(second, lines);
    await second.advance(15_000);

    const twice = Object.fromEntries(Object.entries(lines).map(([key, count]) => [key, count * 3]));
    expect(counts(second)).toEqual(expectedCounts(twice));
    expect(second.streams.tasks()).toHaveLength(2);
  });
});
