/** How far behind the Roll Service says it is, while rows come, while none come, and while it stands still. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { ConsumerMeter } from '../../api/consumer-meter.ts';
import { CaptureHeartbeat } from '../../api/capture-heartbeat.ts';
import { ConsumerWatch } from '../../api/consumer-watch.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { PartitionBacklog } from '../../streams/index.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { Figures } from '../support/figures.ts';
import { RollingHotel } from '../support/rolling-hotel.ts';
import { applied, lifecycleColumns } from '../topology/roll/roll-fixtures.ts';

const topic = 'platform.public.reservations';
const lagName = 'roll_service_processing_lag_seconds';
const driftName = 'roll_service_consumer_timestamp_drift_seconds';

class Metered {
  readonly clock = new ManualClock();
  readonly figures = new Figures();
  heardAtMs = -Infinity;
  readonly meter = new ConsumerMeter({
    ...{ metrics: this.figures, clock: this.clock, topicPrefix: 'platform' },
    heardAtMs: () => this.heardAtMs,
  });

  /** Seconds that a row of partition 0 was on its way. */
  read(agoSeconds: number): void {
    const origin = { topic, partition: 0, offset: 1 };
    this.meter.read(origin, this.clock.nowMs() - agoSeconds * 1_000);
  }

  look(changes: Partial<PartitionBacklog> = {}): void {
    const all = { topic, partition: 0, waiting: 0, offset: 10, stableOffset: 10 };
    this.meter.look([{ ...all, ...changes }]);
  }

  gauge(name: string): number | undefined {
    return this.figures.of(name)[`${topic} 0`];
  }
}

describe('the consumer meter', () => {
  test('says how long rows were on their way, where reading is, and when the newest was written', () => {
    const metered = new Metered();
    metered.read(7);
    metered.read(3);
    metered.look({ offset: 8 });

    expect(metered.gauge(lagName)).toBe(7);
    expect(metered.gauge(driftName)).toBe(3);
    expect(metered.gauge('roll_service_consumer_offset')).toBe(8);
    const newest = metered.clock.nowMs() / 1_000 - 3;
    expect(metered.gauge('roll_service_consumer_event_timestamp')).toBe(newest);
  });

  test('an idle hotel moves no drift while the heartbeat is fresh', async () => {
    const metered = new Metered();
    metered.read(3);
    const drifts: (number | undefined)[] = [];
    for (let minute = 0; minute < 60; minute += 1) {
      metered.heardAtMs = metered.clock.nowMs() - 6_000;
      metered.look();
      drifts.push(metered.gauge(driftName));
      await metered.clock.advance(60_000);
    }

    expect(new Set(drifts)).toEqual(new Set([0]));
    expect(metered.gauge(lagName)).toBe(0);
  });

  test('drift grows from the last heartbeat while the capture is silent', async () => {
    const metered = new Metered();
    metered.read(3);
    metered.heardAtMs = metered.clock.nowMs();
    await metered.clock.advance(29_000);
    metered.look();
    metered.look();
    expect(metered.gauge(driftName)).toBe(0);
    await metered.clock.advance(91_000);
    metered.look();

    expect(metered.gauge(driftName)).toBe(120);
  });

  test('drift and lag grow from the last row while others wait, however fresh the heartbeat', async () => {
    const metered = new Metered();
    metered.read(3);
    metered.look({ offset: 4 });
    await metered.clock.advance(60_000);
    metered.heardAtMs = metered.clock.nowMs();
    metered.look({ offset: 4, waiting: 6 });

    expect(metered.gauge(driftName)).toBe(63);
    expect(metered.gauge(lagName)).toBe(63);
  });

  test('says nothing of drift before anything was read or heard', () => {
    const metered = new Metered();
    metered.look();

    expect(metered.gauge(driftName)).toBeUndefined();
    expect(metered.gauge('roll_service_consumer_offset')).toBe(10);
  });

  test('says nothing more of a partition that another instance has now, nor of other topics', () => {
    const metered = new Metered();
    metered.read(3);
    metered.look();
    metered.look({ topic: 'roll-service-shadow-ticks' });

    expect([...metered.figures.values]).toEqual([]);
  });
});

describe('beside a running service', () => {
  let hotel: RollingHotel | undefined;
  let heartbeat: CaptureHeartbeat | undefined;
  let watch: ConsumerWatch | undefined;

  afterEach(async () => {
    const closed = Promise.all([watch?.close(), heartbeat?.close()]);
    await hotel?.close();
    await closed;
  });

  test('counts rows by what became of them, times batches, and follows the rows and the heartbeat', async () => {
    const figures = new Figures();
    const lifecycle = 'reservation_command_lifecycle';
    hotel = new RollingHotel({
      metrics: figures,
      onRowRead: (origin, eventAtMs) => watch?.meter.read(origin, eventAtMs),
    });
    const { kafka, clock, instances } = hotel;
    kafka.createTopic({ name: 'platform.message', partitionCount: 1, configs: {} });
    const topicPrefix = 'platform';
    const port = kafka.client('watch');
    heartbeat = new CaptureHeartbeat({ port, clock, logger: silentLogger, topicPrefix });
    watch = new ConsumerWatch({
      ...{ clock, heartbeat, metrics: figures, topicPrefix },
      backlog: () => instances.flatMap((each) => each.backlog()),
    });
    heartbeat.start();
    watch.start();
    await hotel.start();
    hotel.capture(lifecycle, applied(2, 'reservation.check_out', '2026-05-13T08:00:05.000Z'));
    const cancelled = applied(3, 'reservation.cancel', '2026-05-13T08:00:05.000Z');
    hotel.capture(lifecycle, lifecycleColumns(), { ...cancelled, metadata: 'not JSON' });
    const beat = { key: null, value: Buffer.from('beat'), timestampMs: clock.nowMs() };
    kafka.append('platform.message', beat, 0);
    await hotel.settle();

    expect(figures.of('roll_service_lifecycle_events_total')).toEqual({
      ...{ processed: 1, skipped: 1, parse_error: 1 },
    });
    expect(figures.of('batch')['']).toBeGreaterThan(0);
    const offsets = figures.of('roll_service_consumer_offset');
    expect(Object.keys(offsets)).toHaveLength(8);
    expect(Object.values(offsets).reduce((sum, offset) => sum + offset, 0)).toBe(3);
    expect(new Set(Object.values(figures.of(driftName)))).toEqual(new Set([0]));
  });
});
