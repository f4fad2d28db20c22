import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger, type LogFields } from '../../kernel/logger.ts';
import type { ReadOnlyKeyValueStore } from '../../stores/key-value-store.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { expectedCounts, wordCount } from '../support/word-count.ts';

const topics = { lines: 1, counts: 1 };
const changelog = { topic: 'test-count-changelog', partition: 0 };
const drivers: TopologyTestDriver[] = [];
const logged: LogFields[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-recovery-'));
  logged.length = 0;
});

afterEach(async () => {
  for (const driver of drivers) driver.kafka.faults = () => 'ok';
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: Partial<TestDriverOptions> = {}): Promise<TopologyTestDriver> {
  const driver = await TopologyTestDriver.start({ topology: wordCount(), topics, ...options });
  drivers.push(driver);
  return driver;
}

/** An instance with its state in RocksDB, on the cluster and clock of another, logging what it restores. */
async function startOnDisk(
  stateDir: string,
  on?: TopologyTestDriver,
  options: TestDriverOptions['options'] = {},
): Promise<TopologyTestDriver> {
  const clock = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };
  const write = (line: string): void => void logged.push(JSON.parse(line) as LogFields);
  const logger = createLogger({ level: 'info', clock, write });
  const shared = on === undefined ? {} : { kafka: on.kafka, clock: on.clock };
  const driver = await start({ stateDir, logger, options, ...shared });
  // RocksDB works on threads of its own, which the manual clock does not wait for.
  await untilRunning(driver);
  return driver;
}

async function untilRunning(driver: TopologyTestDriver): Promise<void> {
  for (let attempt = 0; attempt < 200 && driver.streams.notReady() !== undefined; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    await driver.advance(100);
  }
}

/** Lets RocksDB's threads catch up with a time that flies. */
async function advanceSlowly(driver: TopologyTestDriver, ms: number): Promise<void> {
  for (let spent = 0; spent < ms; spent += 500) {
    await driver.advance(500);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function pipe(driver: TopologyTestDriver, count: number, key = 'apple'): void {
  for (let index = 0; index < count; index += 1) driver.pipe('lines', { key, value: 'x' });
}

/**
 * Kill -9: from now on Kafka hears nothing of the instance, and what it had on disk at this moment is
 * what the next one finds.
 */
function kill(driver: TopologyTestDriver, stateDir: string): string {
  const victim = drivers.length;
  const found = path.join(folder, `after-${victim}`);
  cpSync(stateDir, found, { recursive: true });
  const { kafka } = driver;
  const dead = new Set(['client-1', `client-${victim}`]);
  kafka.faults = ({ client }) => (dead.has(client) ? 'lose-request' : 'ok');
  return found;
}

const restored = (): LogFields | undefined =>
  logged.findLast(({ message }) => message === 'state restored');

async function countOf(driver: TopologyTestDriver, key: string): Promise<string | undefined> {
  const view = driver.store<ReadOnlyKeyValueStore<string, string>>({
    subTopology: 'count',
    store: 'counts',
    partition: 0,
  });
  return view.store.get(key);
}

function counts(driver: TopologyTestDriver): string[] {
  return driver.read('counts').map(({ value }) => value?.toString() ?? '');
}

const upTo = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index + 1));

describe('an instance that comes back', () => {
  test('after kill -9 replays only the tail from the position stored with its data', async () => {
    const first = await startOnDisk(path.join(folder, 'state'), undefined, {
      checkpointIntervalMs: 5_000,
    });
    pipe(first, 40);
    await advanceSlowly(first, 10_000);
    for (let round = 0; round < 3; round += 1) {
      pipe(first, 1);
      await first.advance(1_000);
    }
    const found = kill(first, path.join(folder, 'state'));
    const second = await startOnDisk(found, first);
    await advanceSlowly(second, 30_000);
    pipe(second, 1);
    await advanceSlowly(second, 5_000);

    expect(Number(restored()?.['from'])).toBeGreaterThan(0);
    expect(Number(restored()?.['records'])).toBeLessThan(4);
    expect(counts(second)).toEqual(upTo(44));
  });

  test('without its state folder restores everything from the changelog alone', async () => {
    const first = await startOnDisk(path.join(folder, 'state'));
    pipe(first, 10);
    await advanceSlowly(first, 3_000);
    await first.close();
    drivers.length = 0;
    rmSync(path.join(folder, 'state'), { recursive: true });
    const second = await startOnDisk(path.join(folder, 'state'), first);
    pipe(second, 1);
    await advanceSlowly(second, 3_000);

    expect(restored()?.['from']).toBe(0);
    expect(counts(second)).toEqual(upTo(11));
  });

  test('stopped at any point of a restore goes on from there the next time', async () => {
    const first = await startOnDisk(path.join(folder, 'state'), undefined, {
      commitIntervalMs: 100,
    });
    // Many transactions make many fetches.
    for (let key = 0; key < 30; key += 1) {
      pipe(first, 1, `key ${key}`);
      await first.advance(150);
    }
    await first.close();
    drivers.length = 0;
    rmSync(path.join(folder, 'state'), { recursive: true });
    for (const stopAfter of [1, 2, 3, 5]) {
      let fetches = 0;
      first.kafka.faults = ({ kind }) => {
        if (kind === 'Fetch') fetches += 1;
        return kind === 'Fetch' && fetches > stopAfter ? 'lose-request' : 'ok';
      };
      const interrupted = await start({
        stateDir: path.join(folder, 'state'),
        kafka: first.kafka,
        clock: first.clock,
      });
      await interrupted.close();
      drivers.length = 0;
    }
    first.kafka.faults = () => 'ok';
    const last = await startOnDisk(path.join(folder, 'state'), first);
    pipe(last, 1, 'key 7');
    // The disk works in real time, however slow the machine is.
    for (let round = 0; round < 20 && (await countOf(last, 'key 7')) !== '2'; round += 1) {
      await advanceSlowly(last, 3_000);
    }

    expect(await countOf(last, 'key 7')).toBe('2');
    expect(await countOf(last, 'key 29')).toBe('1');
  });

  test('with a store that is ahead of its changelog sets it aside and restores', async () => {
    const first = await startOnDisk(path.join(folder, 'state'), undefined, {
      commitIntervalMs: 100,
    });
    for (let round = 0; round < 5; round += 1) {
      pipe(first, 1);
      await advanceSlowly(first, 1_000);
    }
    await first.close();
    drivers.length = 0;
    // A log that lost its end, as by an unclean leader election; its topic id is still the same.
    first.kafka.log(changelog).truncateFrom(3);
    const second = await startOnDisk(path.join(folder, 'state'), first);

    expect(second.streams.notReady()).toBeUndefined();
    const names = readdirSync(path.join(folder, 'state/test'));
    expect(names.filter((name) => name.includes('set-aside'))).toHaveLength(1);
  });

  test('does not start on a changelog that lost records the state is made of', async () => {
    const first = await start();
    pipe(first, 5);
    await first.advance();
    await first.close();
    drivers.length = 0;
    first.kafka.log(changelog).truncateBefore(1);
    const second = await start({ kafka: first.kafka, clock: first.clock });
    await second.advance();

    expect(await errorCodeOf(second.streams.done())).toBe('CHANGELOG_TRUNCATED');
    expect(second.streams.notReady()).toContain(changelog.topic);
  });

  test("serves only when its changelog's open transactions are settled, up to the high watermark", async () => {
    const first = await start();
    pipe(first, 5);
    await first.advance();
    await first.close();
    drivers.length = 0;
    const foreign = await first.kafka
      .client('foreign')
      .openProducer({ transactionalId: 'foreign', transactionTimeoutMs: 20_000 });
    const key = Buffer.from('k');
    await foreign.produce([{ ...changelog, records: [{ key, value: key, timestampMs: 1 }] }]);
    const second = await start({ kafka: first.kafka, clock: first.clock });
    await second.advance(10_000);
    const during = second.streams.notReady();
    await second.advance(30_000);

    expect(during).toContain('restoring');
    expect(second.streams.notReady()).toBeUndefined();
  });
});

describe('a checkpoint', () => {
  test('is written in time though no record comes: tombstones it lacks stay younger than their retention', async () => {
    const stateDir = path.join(folder, 'state');
    const retentionMs = 400_000;
    const options = { checkpointIntervalMs: 60_000, changelogTombstoneRetentionMs: retentionMs };
    const first = await startOnDisk(stateDir, undefined, options);
    pipe(first, 3);
    await advanceSlowly(first, 2_000);
    // Idle for longer than the retention, then killed.
    for (let spent = 0; spent < retentionMs; spent += 20_000) {
      await first.advance(20_000);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const found = kill(first, stateDir);
    const second = await startOnDisk(found, first, options);
    await advanceSlowly(second, 20_000);

    expect(restored()?.['from']).toBeGreaterThan(0);
    const names = readdirSync(path.join(found, 'test'));
    expect(names.filter((name) => name.includes('set-aside'))).toEqual([]);
  });
});

describe('two instances', () => {
  test('cannot have one state folder: the second says who holds it and stops', async () => {
    const stateDir = path.join(folder, 'state');
    await startOnDisk(stateDir);
    const other = await TopologyTestDriver.start({ topology: wordCount(), topics, stateDir });
    await untilRunning(other);

    expect(await errorCodeOf(other.streams.done())).toBe('STATE_LOCKED');
    expect(other.streams.notReady()).toContain('ROLLGUARD_STATE_DIR');
  });

  test('the one that was frozen beyond its session writes nothing more when it wakes', async () => {
    const first = await start({ options: { commitIntervalMs: 5_000 } });
    pipe(first, 3);
    await first.advance(1_000);
    first.kafka.faults = ({ client }) => (client === 'client-1' ? 'lose-request' : 'ok');
    const second = await start({ kafka: first.kafka, clock: first.clock });
    await second.advance(40_000);
    first.kafka.faults = () => 'ok';
    pipe(second, 2);
    await second.advance(60_000);

    expect(counts(second)).toEqual(expectedCounts({ apple: 5 })['apple']);
  });
});
