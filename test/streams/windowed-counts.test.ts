import { afterEach, describe, expect, test } from '@jest/globals';
import { noMetrics, type Labels, type Metrics } from '../../kernel/metrics.ts';
import type {
  ReadOnlyKeyValueStore,
  ReadOnlySessionStore,
  ReadOnlyWindowStore,
  StoreQuery,
} from '../../streams/index.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import { retentionMs, windowSizeMs, windowedCounts } from '../support/windowed-counts.ts';

const topics = { lines: 1, counts: 1 };
const changelog = { topic: 'test-count-changelog', partition: 0 };
const drivers: TopologyTestDriver[] = [];
const noon = Date.UTC(2026, 2, 25, 12);
const second = 1_000;
const minute = 60 * second;
const all = { limit: 1_000 };

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

async function start(options: Partial<TestDriverOptions> = {}): Promise<TopologyTestDriver> {
  const driver = await TopologyTestDriver.start({ topology: windowedCounts(), topics, ...options });
  drivers.push(driver);
  return driver;
}

async function feed(driver: TopologyTestDriver, ...times: readonly number[]): Promise<string[]> {
  for (const timestampMs of times) {
    driver.pipe('lines', { key: 'apple', value: 'x', timestampMs });
  }
  await driver.advance();
  return driver.read('counts').map(({ value }) => value?.toString() ?? '');
}

/** What every query says. */
async function answers(driver: TopologyTestDriver): Promise<unknown> {
  const of = (store: string): StoreQuery => ({ subTopology: 'count', store, partition: 0 });
  const windows = driver.store<ReadOnlyWindowStore<string, number>>(of('windows'));
  const sessions = driver.store<ReadOnlySessionStore<string, number>>(of('sessions'));
  const recent = driver.store<ReadOnlyKeyValueStore<string, number>>(of('recent'));
  return {
    windows: await windows.store.fetchAll(0, Infinity, all),
    sessions: await sessions.store.fetchAll(all),
    recent: await recent.store.range(undefined, undefined, all),
  };
}

/** Keys that the changelog leaves, compacted. */
function keysLeft(driver: TopologyTestDriver): number {
  const left = new Set<string>();
  for (const { key, value } of driver.kafka.log(changelog).readCommitted(0, Infinity).records) {
    const name = key?.toString('latin1') ?? '';
    if (value === null) left.delete(name);
    else left.add(name);
  }
  return left.size;
}

describe('counts in windows', () => {
  test('count each record in its window, its session and what is recent', async () => {
    const driver = await start();

    const counts = await feed(driver, noon, noon + 20 * second, noon + 61 * second, noon);

    expect(counts).toEqual([
      'window 1, session 1, recent 1',
      'window 2, session 2, recent 2',
      'window 1, session 1, recent 3',
      'window 3, session 3, recent 4',
    ]);
    expect(await answers(driver)).toEqual({
      windows: [
        [{ key: 'apple', startMs: noon, endMs: noon + windowSizeMs }, 3],
        [{ key: 'apple', startMs: noon + minute, endMs: noon + 2 * minute }, 1],
      ],
      sessions: [
        [{ key: 'apple', startMs: noon, endMs: noon + 20 * second }, 3],
        [{ key: 'apple', startMs: noon + 61 * second, endMs: noon + 61 * second }, 1],
      ],
      recent: [['apple', 4]],
    });
  });

  test('a record between two sessions makes one of them', async () => {
    const driver = await start();

    await feed(driver, noon, noon + 50 * second, noon + 25 * second);

    expect(await answers(driver)).toMatchObject({
      sessions: [[{ key: 'apple', startMs: noon, endMs: noon + 50 * second }, 3]],
    });
  });

  test('late records are taken while their window is kept, then dropped and counted by store', async () => {
    const late: Labels[] = [];
    const metrics: Metrics = {
      ...noMetrics,
      counter: ({ name }) => ({
        add: (_amount, labels = {}) => {
          if (name === 'rollguard_streams_late_records_dropped_total') late.push(labels);
        },
      }),
    };
    const driver = await start({ metrics });

    await feed(driver, noon, noon + retentionMs - 1);
    expect(await feed(driver, noon)).toEqual(['window 2, session 2, recent 3']);
    await feed(driver, noon + retentionMs);
    expect(await feed(driver, noon)).toEqual(['window late, session late, recent 5']);

    const labels = { application: 'test', task: 'count_0' };
    expect(late).toEqual([
      { ...labels, store: 'windows' },
      { ...labels, store: 'sessions' },
    ]);
  });

  test('what is expired leaves the changelog too', async () => {
    const driver = await start();
    await feed(driver, ...Array.from({ length: 50 }, (_, index) => noon + index * minute));
    const bounded = keysLeft(driver);

    await feed(driver, noon + 1_000 * minute);

    // Four windows, as many sessions and one value, each with a note; what is over may wait a segment.
    expect(bounded).toBeLessThan(2 * (5 + 5 + 3));
    // One of each, each with its note, and the stream time.
    expect(keysLeft(driver)).toBe(7);
  });

  test('a restored task forgets the same as one that went on, also when a late record comes first', async () => {
    const before = [noon, noon + minute, noon + 10 * minute, noon + 9 * minute];
    const after = [noon + 5 * minute, noon + 8 * minute, noon + 11 * minute, noon + 12 * minute];
    const steady = await start();
    const stopped = await start();
    for (const driver of [steady, stopped]) await feed(driver, ...before);
    await stopped.close();
    const { kafka, clock } = stopped;
    const restored = await start({ kafka, clock });
    restored.read('counts');

    const counts = await feed(steady, ...after);
    expect(await feed(restored, ...after)).toEqual(counts);
    expect(counts[0]).toBe('window late, session late, recent 3');
    expect(await answers(restored)).toEqual(await answers(steady));

    for (const driver of [steady, restored]) await feed(driver, noon + 1_000 * minute);
    expect(keysLeft(restored)).toBe(7);
    expect(keysLeft(steady)).toBe(7);
    expect(await answers(restored)).toEqual(await answers(steady));
  });
});
