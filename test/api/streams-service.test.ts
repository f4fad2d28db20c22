import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ClockCheck } from '../../api/clock-check.ts';
import { StreamsService } from '../../api/streams-service.ts';
import type { Clock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import { parseSettings } from '../../kernel/settings.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import type { Send } from '../../testing/in-process/in-process-client.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { callTally } from '../support/call-tally.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-service-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** RocksDB works on threads of its own, which the manual clock does not wait for. */
async function advance(clock: ManualClock, ms: number): Promise<void> {
  for (let spent = 0; spent < ms; spent += 250) {
    await clock.advance(250);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function advanceUntil(clock: ManualClock, isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !isSo(); turn += 1) await advance(clock, 250);
}

describe('a service that is stopped', () => {
  test('ends in time, though a broker answers nothing any more', async () => {
    const clock = new ManualClock();
    const kafka = new InProcessKafka(clock);
    kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
    let hangs = false;
    const send: Send = (_kind, request) =>
      hangs ? new Promise(() => undefined) : Promise.resolve().then(request);
    const service = new StreamsService({
      ...{ name: 'tally', applicationId: 'test', options: {} },
      prepare: () => Promise.resolve(callTally()),
      settings: parseSettings({
        ...{ KAFKA_BROKERS: 'nowhere:0', SCHEMA_REGISTRY_URL: 'http://nowhere' },
        ROLLGUARD_STATE_DIR: folder,
      }),
      ...{ port: kafka.client('one', send), clock, logger: silentLogger, metrics: noMetrics },
    });
    service.start();
    await advance(clock, 10_000);
    const before = service.notReady();
    hangs = true;
    await advance(clock, 1_000);
    const closed = settledWithin(clock, 10_000, service.close());
    await advance(clock, 12_000);

    expect(before).toBeUndefined();
    expect(await closed).not.toBe(late);
  });
});

describe('a service that decides by the clock', () => {
  test('leaves its tasks to others while the clock is off, and says so', async () => {
    const broker = new ManualClock();
    const kafka = new InProcessKafka(broker);
    kafka.createTopic({ name: 'lines', partitionCount: 1, configs: {} });
    let aheadMs = 0;
    const clock: Clock = {
      nowMs: () => broker.nowMs() + aheadMs,
      monotonicMs: () => broker.monotonicMs(),
      sleep: (ms, signal) => broker.sleep(ms, signal),
    };
    const shared = { port: kafka.client('one'), clock, logger: silentLogger, metrics: noMetrics };
    const clockCheck = new ClockCheck({ ...shared, topicPrefix: 'platform', offsetMaxMs: 500 });
    const service = new StreamsService({
      ...{ name: 'tally', applicationId: 'test', options: {}, clockCheck, ...shared },
      prepare: () => Promise.resolve(callTally()),
      settings: parseSettings({
        ...{ KAFKA_BROKERS: 'nowhere:0', SCHEMA_REGISTRY_URL: 'http://nowhere' },
        ROLLGUARD_STATE_DIR: folder,
      }),
    });
    clockCheck.start();
    service.start();
    await advanceUntil(broker, () => service.notReady() === undefined);
    const whileRight = [service.notReady(), service.taskReports().length];
    aheadMs = 700;
    await advanceUntil(broker, () => service.notReady()?.includes('its clock') === true);
    const whileOff = [
      service.notReady(),
      service.taskReports().length,
      kafka.group('test').memberIds().length,
    ];
    aheadMs = 0;
    await advanceUntil(broker, () => service.notReady() === undefined);
    const again = [service.notReady(), service.taskReports().length];
    const closed = Promise.all([service.close(), clockCheck.close()]);
    await advance(broker, 15_000);
    await closed;

    expect(whileRight).toEqual([undefined, 1]);
    expect(whileOff).toEqual([expect.stringContaining("700 ms ahead of the broker's"), 0, 0]);
    expect(again).toEqual([undefined, 1]);
  });
});
