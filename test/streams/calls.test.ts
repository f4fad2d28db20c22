/** Calls from outside: decided in turn, answered after the commit, refused without a trace. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { RequestKind } from '../../testing/in-process-kafka.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { tally } from '../support/tally.ts';

const topics = { lines: 1, counts: 1 };
const target = { subTopology: 'count', partition: 0 };
const drivers: TopologyTestDriver[] = [];

async function start(options: Partial<TestDriverOptions> = {}): Promise<TopologyTestDriver> {
  const driver = await TopologyTestDriver.start({ topology: tally(), topics, ...options });
  drivers.push(driver);
  return driver;
}

function call(driver: TopologyTestDriver, key: string, deadlineInMs = 60_000): Promise<number> {
  return driver.streams.call<number>(target, key, {
    deadlineMs: driver.clock.nowMs() + deadlineInMs,
  });
}

async function codeOf(driver: TopologyTestDriver, called: Promise<unknown>): Promise<unknown> {
  const code = errorCodeOf(called);
  await driver.advance();
  return code;
}

function written(driver: TopologyTestDriver): string[] {
  return driver
    .read('counts')
    .map(({ key, value }) => `${key?.toString() ?? ''}=${value?.toString() ?? ''}`);
}

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

describe('a call', () => {
  test('is answered without waiting for the commit interval, and not before its commit', async () => {
    const driver = await start({ options: { commitIntervalMs: 1_000_000 } });
    let isCommitted = false;
    driver.kafka.faults = ({ kind }) => {
      if (kind === 'EndTxn') isCommitted = true;
      return 'ok';
    };
    const answer = call(driver, 'a').then((count) => ({ count, isCommitted }));
    await driver.advance(1);

    expect(await answer).toEqual({ count: 1, isCommitted: true });
    expect(written(driver)).toEqual(['a=1']);
  });

  test('shares its commit with those that come while another commits', async () => {
    const driver = await start();
    let ends = 0;
    driver.kafka.faults = ({ kind }) => {
      if (kind === 'EndTxn') ends += 1;
      return 'ok';
    };
    const answers = Promise.all(Array.from({ length: 1_000 }, () => call(driver, 'a')));
    await driver.advance(10);

    expect(await answers).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1));
    expect(ends).toBeLessThanOrEqual(3);
  });

  test('sees what records before it have done, and they see it', async () => {
    const driver = await start();
    driver.pipe('lines', { key: 'a', value: 'x' });
    await driver.advance();
    const answer = call(driver, 'a');
    await driver.advance(1);
    driver.pipe('lines', { key: 'a', value: 'x' });
    await driver.advance();

    expect(await answer).toBe(2);
    expect(written(driver)).toEqual(['a=1', 'a=2', 'a=3']);
  });

  test('moves no offset: a transaction of calls alone needs no offset commit once the group has seen one', async () => {
    const driver = await start();
    const kinds: RequestKind[] = [];
    await driver.advance();
    const first = call(driver, 'a');
    await driver.advance(1);
    await first;
    driver.kafka.faults = ({ kind }) => {
      if (['TxnOffsetCommit', 'Produce', 'EndTxn'].includes(kind)) kinds.push(kind);
      return 'ok';
    };
    const answer = call(driver, 'a');
    await driver.advance(1);
    await answer;

    expect(kinds).toEqual(['Produce', 'EndTxn']);
  });
});

describe('a call is refused, and nothing is changed,', () => {
  test('when the processor refuses it; the calls beside it are answered', async () => {
    const driver = await start();
    const calls = [call(driver, 'a'), call(driver, ''), call(driver, 'a')];
    const outcomes = Promise.allSettled(calls);
    await driver.advance(5);

    expect((await outcomes).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(await errorCodeOf(calls[1] ?? Promise.resolve())).toBe('REQUEST_INVALID');
    expect(written(driver)).toEqual(['a=1', 'a=2']);
  });

  test('when the processor throws: it alone is told why, the others are asked to try again', async () => {
    const driver = await start();
    const calls = [call(driver, 'a'), call(driver, 'poison'), call(driver, 'b')];
    const codes = Promise.all(calls.map((each) => errorCodeOf(each)));
    await driver.advance();

    expect(await codes).toEqual(['NOT_READY', 'PROCESSING_FAILED', 'NOT_READY']);
    expect(written(driver)).toEqual([]);
    const again = call(driver, 'a');
    await driver.advance(5);
    expect(await again).toBe(1);
  });

  test('when its deadline is over before it can be decided', async () => {
    const driver = await start();
    const late = call(driver, 'a', 0);

    expect(await codeOf(driver, late)).toBe('DEADLINE_EXCEEDED');
    expect(written(driver)).toEqual([]);
  });

  test('when its caller is gone', async () => {
    const driver = await start();
    const deadlineMs = driver.clock.nowMs() + 1_000;
    const dropped = driver.streams.call(target, 'a', { deadlineMs, isGone: () => true });

    expect(await codeOf(driver, dropped)).toBe('DEADLINE_EXCEEDED');
    expect(written(driver)).toEqual([]);
  });

  test('when too many wait', async () => {
    const driver = await start({ options: { waitingCallsMax: 2 } });
    const calls = [call(driver, 'a'), call(driver, 'a'), call(driver, 'a')];
    const outcomes = Promise.allSettled(calls);
    await driver.advance(5);

    expect((await outcomes).map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
    ]);
    expect(await errorCodeOf(calls[2] ?? Promise.resolve())).toBe('QUEUE_FULL');
  });

  test('while the task is not served here', async () => {
    const driver = await start();
    const elsewhere = { subTopology: 'count', partition: 7 };
    const options = { deadlineMs: driver.clock.nowMs() + 1_000 };

    expect(await codeOf(driver, driver.streams.call(elsewhere, 'a', options))).toBe('NOT_READY');
  });
});

describe('a call whose transaction meets a fault', () => {
  const kinds: readonly RequestKind[] = ['AddPartitions', 'Produce', 'EndTxn'];
  test.each(
    kinds.flatMap((kind) =>
      (['lose-request', 'lose-answer', 'deliver-late'] as const).map(
        (fault) => [kind, fault] as const,
      ),
    ),
  )(
    'has an unknown outcome after %s: %s; asked again it is done once more or once',
    async (kind, fault) => {
      const driver = await start();
      driver.kafka.lateDeliveryMs = 3_000;
      let faults = 0;
      driver.kafka.faults = (request) => {
        if (request.kind !== kind || faults > 0) return 'ok';
        faults += 1;
        return fault;
      };
      const code = await codeOf(driver, call(driver, 'a'));
      await driver.advance(10_000);
      const wasDone = written(driver).length;
      const again = call(driver, 'a');
      await driver.advance(10_000);

      expect(code).toBe('OUTCOME_UNKNOWN');
      expect(await again).toBe(wasDone + 1);
      expect(wasDone).toBe(kind === 'EndTxn' && fault === 'lose-answer' ? 1 : 0);
    },
  );

  test('is never granted by an owner that was fenced', async () => {
    const driver = await start();
    const thief = driver.kafka.client();
    const transactionalId = 'test-count_0';
    await thief.openProducer({ transactionalId, transactionTimeoutMs: 30_000 });
    const code = await codeOf(driver, call(driver, 'a'));

    expect(code).toBe('NOT_READY');
    expect(written(driver)).toEqual([]);
  });

  test('is told that it may ask again when the instance closes', async () => {
    const driver = await start();
    await driver.close();

    expect(await errorCodeOf(call(driver, 'a'))).toBe('NOT_READY');
  });
});

describe('the transaction that waits for the next call', () => {
  test('has its partitions already, so a call costs one produce and one end', async () => {
    const driver = await start();
    const first = call(driver, 'a');
    await driver.advance(5);
    await first;
    const kinds: RequestKind[] = [];
    driver.kafka.faults = ({ kind }) => {
      if (kind !== 'Fetch' && kind !== 'Heartbeat') kinds.push(kind);
      return 'ok';
    };
    const second = call(driver, 'a');
    await driver.advance(1);

    expect(await second).toBe(2);
    expect(kinds.slice(0, 2)).toEqual(['Produce', 'EndTxn']);
  });

  test('is ended before the coordinator would time it out, however long nobody calls', async () => {
    const driver = await start();
    const first = call(driver, 'a');
    await driver.advance(5);
    await first;
    await driver.advance(120_000);
    const second = call(driver, 'a');
    await driver.advance(5);

    expect(await second).toBe(2);
    expect(written(driver)).toEqual(['a=1', 'a=2']);
  });
});
