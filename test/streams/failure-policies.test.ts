import { afterEach, describe, expect, test } from '@jest/globals';
import { RollguardError } from '../../kernel/errors.ts';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import {
  TopologyBuilder,
  type FetchedRecord,
  type MaybePromise,
  type StreamRecord,
  type Topology,
} from '../../streams/index.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { Counter } from '../support/word-count.ts';

type Decode = (record: FetchedRecord) => MaybePromise<string>;

const topics = { lines: 1, others: 1, counts: 1 };
const drivers: TopologyTestDriver[] = [];

/** Counts the lines of two topics in one task; `decode` reads the values. */
function counting(decode: Decode): Topology {
  const deserialize = (
    record: FetchedRecord,
  ): MaybePromise<StreamRecord<string, string> | undefined> => {
    const of = (value: string): StreamRecord<string, string> => ({
      key: record.key?.toString() ?? '',
      value,
      timestampMs: record.timestampMs,
    });
    const value = decode(record);
    return value instanceof Promise ? value.then(of) : of(value);
  };
  const builder = new TopologyBuilder();
  builder
    .subTopology('count')
    .source('lines', { topics: ['lines'], deserialize })
    .source('others', { topics: ['others'], deserialize })
    .store(keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde }))
    .processor('counter', {
      parents: ['lines', 'others'],
      supplier: () => new Counter(),
      stores: ['counts'],
    })
    .sink<string, string>('counts', {
      parents: ['counter'],
      topic: 'counts',
      serialize: ({ key, value }) => ({
        key: Buffer.from(key),
        value: key === 'huge' ? Buffer.alloc(2_000_000) : Buffer.from(value),
      }),
    });
  return builder.build();
}

const plain: Decode = ({ value }) => {
  const text = value?.toString() ?? '';
  if (text === 'unreadable') throw new RollguardError('DECODE_FAILED', 'cannot read it');
  return text;
};

async function start(
  decode: Decode,
  options: TestDriverOptions['options'] = {},
): Promise<TopologyTestDriver> {
  const driver = await TopologyTestDriver.start({ topology: counting(decode), topics, options });
  drivers.push(driver);
  return driver;
}

function piped(driver: TopologyTestDriver, topic: string, ...values: string[]): void {
  for (const value of values) driver.pipe(topic, { key: topic, value });
}

const written = (driver: TopologyTestDriver): string[] =>
  driver.read('counts').map(({ key, value }) => `${key?.toString()}=${value?.toString()}`);

function letters(driver: TopologyTestDriver) {
  return driver.read('test-dlq').map(({ value, headers }) => {
    const header = (name: string): string | undefined =>
      headers.find(({ key }) => key === `__dlq.${name}`)?.value?.toString();
    return {
      value,
      stage: header('stage'),
      code: header('error.code'),
      attempt: header('attempt'),
    };
  });
}

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

describe.each([
  ['deserializationFailure', 'unreadable', 'deserialize', 'DECODE_FAILED', '1'],
  ['processingFailure', 'poison', 'process', 'PROCESSING_FAILED', '2'],
] as const)('%s', (setting, bad, stage, code, attempt) => {
  test('dead-letter: the record goes there with its bytes, the next ones are processed', async () => {
    const driver = await start(plain, { [setting]: 'dead-letter' });
    piped(driver, 'lines', 'a', bad, 'b');
    await driver.advance(20_000);

    expect(written(driver)).toEqual(['lines=1', 'lines=2']);
    expect(letters(driver)).toEqual([{ value: Buffer.from(bad), stage, code, attempt }]);
  });

  test('continue: the record has no effect, the next ones are processed', async () => {
    const driver = await start(plain, { [setting]: 'continue' });
    piped(driver, 'lines', 'a', bad, 'b');
    await driver.advance(20_000);

    expect(written(driver)).toEqual(['lines=1', 'lines=2']);
    expect(letters(driver)).toEqual([]);
  });

  test('fail: the instance stops before the record, naming it and the setting', async () => {
    const driver = await start(plain, { [setting]: 'fail' });
    piped(driver, 'lines', 'a', bad, 'b');
    await driver.advance(20_000);

    const stopped = driver.streams.done();
    expect(await errorCodeOf(stopped)).toBe('INPUT_REFUSED');
    await expect(stopped).rejects.toThrow(`${setting} is 'fail'`);
    expect(driver.streams.notReady()).toContain('lines-0 at offset 1');
    expect(written(driver)).not.toContain('lines=2');
  });
});

describe('productionFailure', () => {
  test('dead-letter: an input whose output no topic takes is dead-lettered without effect', async () => {
    const driver = await start(plain);
    piped(driver, 'lines', 'a');
    driver.pipe('lines', { key: 'huge', value: 'x' });
    piped(driver, 'lines', 'b');
    await driver.advance(20_000);

    expect(written(driver)).toEqual(['lines=1', 'lines=2']);
    expect(letters(driver)).toMatchObject([
      { value: Buffer.from('x'), stage: 'produce', code: 'RECORD_TOO_LARGE', attempt: '1' },
    ]);
  });

  test('a limit that was lowered on the broker after the start is learnt from its refusal', async () => {
    const driver = await start(plain, { commitIntervalMs: 100 });
    const { configs } = driver.kafka.topic('counts') as { configs: Record<string, string> };
    configs['max.message.bytes'] = '500';
    piped(driver, 'lines', 'a');
    driver.pipe('others', { key: 'a long key'.repeat(50), value: 'x' });
    piped(driver, 'lines', 'b');
    await driver.advance(20_000);

    expect(written(driver)).toEqual(['lines=1', 'lines=2']);
    expect(letters(driver)).toMatchObject([{ stage: 'produce', code: 'RECORD_TOO_LARGE' }]);
  });

  test('a dead letter may be as large as any source topic takes', async () => {
    const driver = await start(plain);
    const { configs } = driver.kafka.topic('lines') as { configs: Record<string, string> };
    configs['max.message.bytes'] = '8000000';
    const value = Buffer.alloc(6_000_000, 1);
    driver.pipe('lines', { key: 'huge', value });
    await driver.advance(20_000);

    const [letter, ...others] = letters(driver);
    expect(others).toEqual([]);
    expect(letter?.stage).toBe('produce');
    expect(letter?.value?.equals(value)).toBe(true);
  });
});

test('records of a task are processed by time, though some are fetched before older ones', async () => {
  const driver = await start(plain);
  // A poll brings so many of a partition; the younger record of the other one comes with the first.
  const count = 2_500;
  for (let index = 0; index < count; index += 1) {
    driver.pipe('lines', { key: 'k', value: 'x', timestampMs: index });
  }
  driver.pipe('others', { key: 'late', value: 'x', timestampMs: count });
  await driver.advance(10_000);

  expect(written(driver).indexOf('late=1')).toBe(count);
});

describe('a record that cannot be decoded yet', () => {
  const unavailable = new RollguardError('REGISTRY_UNAVAILABLE', 'the registry is away');

  test('holds its partition only, and is processed in order when it can be', async () => {
    let isAway = true;
    const driver = await start(({ value }) => {
      const text = value?.toString() ?? '';
      if (text === 'new schema' && isAway) return Promise.reject(unavailable);
      return text;
    });
    piped(driver, 'lines', 'a', 'new schema', 'b');
    piped(driver, 'others', 'a', 'b', 'c');
    await driver.advance(30_000);
    const during = written(driver);
    piped(driver, 'others', 'd');
    await driver.advance();
    during.push(...written(driver));
    isAway = false;
    await driver.advance(10_000);

    expect(during.sort()).toEqual(['lines=1', 'others=1', 'others=2', 'others=3', 'others=4']);
    expect(written(driver)).toEqual(['lines=2', 'lines=3']);
    expect(letters(driver)).toEqual([]);
    expect(driver.streams.notReady()).toBeUndefined();
  });

  test('holds nobody else while whoever has to be asked hangs', async () => {
    let answer: (value: string) => void = () => undefined;
    let asked = 0;
    const driver = await start(({ value }) => {
      const text = value?.toString() ?? '';
      if (text !== 'new schema') return text;
      asked += 1;
      return new Promise((resolve) => (answer = resolve));
    });
    piped(driver, 'lines', 'new schema', 'b');
    piped(driver, 'others', 'a', 'b');
    await driver.advance(30_000);
    const during = written(driver);
    answer('new schema');
    await driver.advance();

    expect(during).toEqual(['others=1', 'others=2']);
    expect(asked).toBe(1);
    expect(written(driver)).toEqual(['lines=1', 'lines=2']);
  });

  test('is processed before those behind it, though its answer comes while others are decoded', async () => {
    const later = new Map([
      ['A', 30],
      ['C', 40],
    ]);
    const clock = new ManualClock();
    const decode: Decode = async (record) => {
      await clock.sleep(later.get(record.key?.toString() ?? '') ?? 0);
      return record.value?.toString() ?? '';
    };
    const driver = await TopologyTestDriver.start({ topology: counting(decode), topics, clock });
    drivers.push(driver);
    // A holds its partition; while C's answer is waited for, A's comes: B must not pass A.
    driver.pipe('lines', { key: 'A', value: 'x', timestampMs: 1 });
    driver.pipe('others', { key: 'C', value: 'x', timestampMs: 2 });
    driver.pipe('lines', { key: 'B', value: 'x', timestampMs: 3 });
    await driver.advance();

    const order = written(driver);
    expect(order.indexOf('A=1')).toBeLessThan(order.indexOf('B=1'));
    expect(order).toHaveLength(3);
  });

  test('pauses only the held partition when its records pile up', async () => {
    const driver = await start(
      ({ value }) => {
        const text = value?.toString() ?? '';
        return text === 'new schema' ? Promise.reject(unavailable) : text;
      },
      { bufferedRecordsPerPartitionMax: 10 },
    );
    piped(driver, 'lines', 'new schema', ...Array.from({ length: 50 }, () => 'x'));
    await driver.advance(10_000);
    piped(driver, 'others', ...Array.from({ length: 50 }, () => 'x'));
    await driver.advance(10_000);

    expect(written(driver).at(-1)).toBe('others=50');
  });

  test('is dead-lettered when the answer, late, is that there is no such schema', async () => {
    let refuse: (error: unknown) => void = () => undefined;
    const driver = await start(({ value }) => {
      const text = value?.toString() ?? '';
      if (text !== 'new schema') return text;
      return new Promise((_, reject) => (refuse = reject));
    });
    piped(driver, 'lines', 'new schema', 'b');
    await driver.advance();
    refuse(new RollguardError('SCHEMA_UNKNOWN_ID', 'no such schema'));
    await driver.advance();

    expect(letters(driver)).toMatchObject([{ stage: 'deserialize', code: 'SCHEMA_UNKNOWN_ID' }]);
    expect(written(driver)).toEqual(['lines=1']);
  });
});
