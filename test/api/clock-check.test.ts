/** An instance's clock beside the broker's. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ClockCheck, clockTopic } from '../../api/clock-check.ts';
import type { Clock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { NewTopic } from '../../streams/kafka/port.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import type { Send } from '../../testing/in-process/in-process-client.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const offsetMaxMs = 500;
let check: ClockCheck;

afterEach(async () => {
  const closed = check.close();
  await broker.advance(10_000);
  await closed;
});

let broker: ManualClock;

/** @param answerMs what every request takes, to the broker and back. @param topic was there before. */
function watching(aheadMs: () => number, answerMs = 0, topic?: NewTopic): ClockCheck {
  broker = new ManualClock();
  const kafka = new InProcessKafka(broker);
  if (topic !== undefined) kafka.createTopic(topic);
  const clock: Clock = {
    nowMs: () => broker.nowMs() + aheadMs(),
    monotonicMs: () => broker.monotonicMs(),
    sleep: (ms, signal) => broker.sleep(ms, signal),
  };
  const send: Send = async (_kind, request) => {
    await broker.sleep(answerMs / 2);
    const answer = await request();
    await broker.sleep(answerMs / 2);
    return answer;
  };
  check = new ClockCheck({
    ...{ port: kafka.client('one', send), clock, logger: silentLogger, metrics: noMetrics },
    ...{ topicPrefix: 'platform', offsetMaxMs },
  });
  check.start();
  return check;
}

describe('the clock of an instance', () => {
  test('is not said to be right before a broker has answered', () => {
    expect(watching(() => 0, 100).complaint).toMatch(/not compared/);
  });

  test.each([500, -500])('may be %d ms off', async (ms) => {
    watching(() => ms);
    await broker.advance(100);

    expect(check.complaint).toBeUndefined();
  });

  test.each([
    [501, 'ahead of'],
    [-60_000, 'behind'],
  ])('may not be %d ms off: the complaint says how much and what to do', async (ms, where) => {
    watching(() => ms);
    await broker.advance(100);

    expect(check.complaint).toContain(`${Math.abs(ms)} ms ${where} the broker's`);
    expect(check.complaint).toContain('CLOCK_OFFSET_MAX_MS (500)');
  });

  test('is not blamed for an answer that takes long', async () => {
    watching(() => 900, 1_000);
    await broker.advance(5_000);

    expect(check.complaint).toBeUndefined();
  });

  test('is compared again: who waits is told when it goes wrong, and when it is right again', async () => {
    let aheadMs = 0;
    watching(() => aheadMs);
    const { signal } = new AbortController();
    await broker.advance(100);
    aheadMs = 700;
    const off = check.until('off', signal);
    await broker.advance(10_000);
    await off;
    aheadMs = 0;
    const right = check.until('right', signal);
    await broker.advance(10_000);

    await right;
    expect(check.complaint).toBeUndefined();
  });

  test('is not said to be right by a topic that somebody made otherwise', async () => {
    watching(() => 0, 0, { ...clockTopic('platform'), configs: {} });
    await broker.advance(100);

    expect(check.complaint).toMatch(/platform-rollguard-clock.*message.timestamp.type/);
  });

  test('is asked of a topic that the broker dates', () => {
    expect(clockTopic('platform')).toMatchObject({
      name: 'platform-rollguard-clock',
      configs: { 'message.timestamp.type': 'LogAppendTime' },
    });
  });
});
