/** A broker that restarts while it ends transactions can lose their end markers: what was written stays open. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { KafkaStreams } from '../../streams/index.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';
import { errorCodeOf } from '../support/error-code.ts';

// Many turns of the event loop, on a machine that may be busy.
jest.setTimeout(60_000);

const target = { subTopology: 'tally', partition: 0 };
const changelog = { topic: 'test-tally-changelog', partition: 0 };
let running: { readonly clock: ManualClock; readonly streams: KafkaStreams } | undefined;

afterEach(closeRunning);

async function start(kafka: InProcessKafka, clock: ManualClock, client: string) {
  const streams = new KafkaStreams({
    topology: callTally(),
    port: kafka.client(client),
    options: { applicationId: 'test' },
    ...{ stateDir: '', stateKind: 'memory', clock, logger: silentLogger, metrics: noMetrics },
  });
  running = { clock, streams };
  streams.start();
  await clock.advance(3_000);
  const call = async (): Promise<unknown> => {
    const answer = streams.call(target, 'count', { deadlineMs: clock.nowMs() + 5_000 });
    const settled = answer.catch(() => undefined);
    await clock.advance(6_000);
    await settled;
    return answer;
  };
  return { streams, call };
}

function newKafka() {
  const clock = new ManualClock();
  const kafka = new InProcessKafka(clock);
  kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
  const isOpen = (): boolean => {
    const { lastStableOffset, highWatermark } = kafka.log(changelog);
    return lastStableOffset < highWatermark;
  };
  return { clock, kafka, isOpen };
}

async function closeRunning(): Promise<void> {
  if (running === undefined) return;
  const closing = running.streams.close();
  await running.clock.advance(30_000);
  await closing;
  running = undefined;
}

test('what was answered before the marker was lost is there: the next owner ends the transaction as it was decided', async () => {
  const { clock, kafka, isOpen } = newKafka();
  const first = await start(kafka, clock, 'first');
  expect(await first.call()).toBe(1);
  // The broker answers that it is committed, and is gone.
  kafka.transactions.losesMarkers = true;
  let isGone = false;
  kafka.faults = ({ kind, client }) => {
    if (client === 'first' && isGone) return 'lose-request';
    isGone ||= kind === 'EndTxn';
    return 'ok';
  };
  expect(await first.call()).toBe(2);
  expect(isOpen()).toBe(true);
  await closeRunning();
  kafka.transactions.losesMarkers = false;

  const second = await start(kafka, clock, 'second');
  await clock.advance(5_000);

  expect(await second.call()).toBe(3);
  expect(isOpen()).toBe(false);
});

test('what was not committed stays away, although its marker was lost too', async () => {
  const { clock, kafka } = newKafka();
  const first = await start(kafka, clock, 'first');
  expect(await first.call()).toBe(1);
  // The broker hears of the end no more: whoever takes the id over aborts it, and that marker is lost.
  const never = new Set(['EndTxn', 'InitProducerId']);
  kafka.faults = ({ kind, client }) =>
    client === 'first' && never.has(kind) ? 'lose-request' : 'ok';
  kafka.transactions.losesMarkers = true;
  expect(await errorCodeOf(first.call())).toBe('OUTCOME_UNKNOWN');
  await closeRunning();
  kafka.faults = () => 'ok';

  const second = await start(kafka, clock, 'second');
  kafka.transactions.losesMarkers = false;
  await clock.advance(5_000);

  expect(await second.call()).toBe(2);
});

test('a producer that finds the broker again ends its last transaction as decided before it begins another', async () => {
  const { kafka } = newKafka();
  const producer = await kafka
    .client('one')
    .openProducer({ transactionalId: 'one', transactionTimeoutMs: 60_000 });
  const produce = (value: string) => {
    const record = { key: null, value: Buffer.from(value), timestampMs: 1 };
    return producer.produce([{ topic: 'lines', partition: 0, records: [record] }]);
  };
  await produce('committed');
  kafka.transactions.losesMarkers = true;
  await producer.commit();
  kafka.transactions.losesMarkers = false;
  kafka.restarts += 1;
  await produce('aborted');
  await producer.abort();

  const { records } = kafka.log({ topic: 'lines', partition: 0 }).readCommitted(0, 10);
  expect(records.map(({ value }) => value?.toString())).toEqual(['committed']);
});
