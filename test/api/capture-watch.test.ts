/** Whether the platform's changes are heard of, from the heartbeats on Kafka. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { CaptureHeartbeat } from '../../api/capture-heartbeat.ts';
import { CaptureWatch, type CaptureWatchOptions } from '../../api/guard/capture-watch.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const maxLagSeconds = 60;
let stop: (() => Promise<void>) | undefined;

afterEach(() => stop?.());

function watch(
  kafka: InProcessKafka,
  clock: ManualClock,
  options: Partial<Pick<CaptureWatchOptions, 'maxLagSeconds' | 'isGapOpen' | 'backlog'>> = {},
): CaptureWatch {
  const parts = { clock, logger: silentLogger, topicPrefix: 'platform' };
  const heartbeat = new CaptureHeartbeat({ ...parts, port: kafka.client() });
  const watched = new CaptureWatch({
    ...{ ...parts, heartbeat, metrics: noMetrics },
    ...{ maxLagSeconds, isGapOpen: () => false, backlog: () => [] },
    ...options,
  });
  heartbeat.start();
  stop = async () => {
    const closed = heartbeat.close();
    await clock.advance(10_000);
    await closed;
  };
  return watched;
}

function beat(kafka: InProcessKafka, topic: string, timestampMs: number): void {
  kafka.append(topic, { key: null, value: Buffer.from('beat'), timestampMs }, 0);
}

describe('the watch over the capture', () => {
  test('takes it for silent until it is heard, and again when it is not heard for too long', async () => {
    const clock = new ManualClock();
    const kafka = new InProcessKafka(clock);
    kafka.createTopic({ name: 'platform.message', partitionCount: 1, configs: {} });
    const watched = watch(kafka, clock);
    await clock.advance(5_000);
    const before = watched.isSilent();
    beat(kafka, 'platform.message', clock.nowMs());
    await clock.advance(5_000);
    const heard = watched.isSilent();
    await clock.advance((maxLagSeconds + 5) * 1_000);

    expect([before, heard, watched.isSilent()]).toEqual([true, false, true]);
  });

  test('hears one that begins after it, by the heartbeats of the connector alone if need be', async () => {
    const clock = new ManualClock();
    const kafka = new InProcessKafka(clock);
    const watched = watch(kafka, clock);
    await clock.advance(5_000);
    const topic = '__debezium-heartbeat.platform';
    kafka.createTopic({ name: topic, partitionCount: 1, configs: {} });
    beat(kafka, topic, clock.nowMs());
    await clock.advance(10_000);

    expect(watched.isSilent()).toBe(false);
  });

  test('takes it for silent while changes are missing, and until what closed the gap is read', async () => {
    const clock = new ManualClock();
    const kafka = new InProcessKafka(clock);
    kafka.createTopic({ name: 'platform.message', partitionCount: 1, configs: {} });
    let isOpen = true;
    let offset = 10;
    const rows = { topic: 'platform.public.reservations', waiting: 0, stableOffset: 20 };
    const watched = watch(kafka, clock, {
      isGapOpen: () => isOpen,
      backlog: () => [
        { ...rows, partition: 0, offset },
        { ...rows, partition: 1, offset: 20 },
        // Not of the capture: its own commands may wait for ever.
        { ...rows, topic: 'commands.primary', partition: 0, offset: 0 },
      ],
    });
    await clock.advance(3_000);
    const silent: boolean[] = [];
    for (const step of [() => undefined, () => (isOpen = false), () => (offset = 20)]) {
      step();
      beat(kafka, 'platform.message', clock.nowMs());
      await clock.advance(5_000);
      silent.push(watched.isSilent());
    }

    expect(silent).toEqual([true, true, false]);
  });

  test('does not mind silence where the setting is 0', async () => {
    const clock = new ManualClock();
    const watched = watch(new InProcessKafka(clock), clock, { maxLagSeconds: 0 });
    await clock.advance(5_000);

    expect(watched.isSilent()).toBe(false);
  });
});
