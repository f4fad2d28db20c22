/** Whether the platform's changes are heard of, from the heartbeats on Kafka. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { CaptureWatch } from '../../api/guard/capture-watch.ts';
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
  options: { readonly maxLagSeconds?: number } = {},
): CaptureWatch {
  const started = new CaptureWatch({
    ...{ port: kafka.client(), clock, logger: silentLogger, metrics: noMetrics },
    ...{ topicPrefix: 'platform', maxLagSeconds, ...options },
  });
  started.start();
  stop = async () => {
    const closed = started.close();
    await clock.advance(10_000);
    await closed;
  };
  return started;
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

  test('does not mind silence where the setting is 0', async () => {
    const clock = new ManualClock();
    const watched = watch(new InProcessKafka(clock), clock, { maxLagSeconds: 0 });
    await clock.advance(5_000);

    expect(watched.isSilent()).toBe(false);
  });
});
