/** What an instance tells of captured changes that are missing, and for how long. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { CaptureGapWatch } from '../../api/capture-gap-watch.ts';
import { CaptureLog } from '../../capture/capture-log.ts';
import type { CaptureSeen } from '../../capture/judge-capture.ts';
import { createLogger } from '../../kernel/logger.ts';
import { InProcessKafka, type FaultPlan } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { Figures } from '../support/figures.ts';

const followed = { system: '7713528540174308743', timeline: 1 };
const slot = { isActive: true, walStatus: 'reserved', confirmedLsn: 1_000n, retainedBytes: 100 };
const healthy: CaptureSeen = {
  slotName: 'rollguard',
  server: { ...followed, isStandby: false, lsn: 2_000n, keptBytesMax: 400, slot },
  ...{ deliveredLsn: 1_000n, connector: 'running', heartbeatAgeMs: 4_000 },
};
const withoutSlot: CaptureSeen = {
  ...healthy,
  server: { ...followed, isStandby: false, lsn: 2_000n, keptBytesMax: 400, slot: undefined },
};

let clock: ManualClock;
let kafka: InProcessKafka;
let seen: CaptureSeen;
let told: string[];
const running: CaptureGapWatch[] = [];

function newWorld(): void {
  clock = new ManualClock();
  kafka = new InProcessKafka(clock);
  seen = healthy;
  told = [];
}

/** An instance that looks; its first look has been taken. */
async function watch(figures = new Figures()): Promise<CaptureGapWatch> {
  const write = (line: string): void => {
    const { level, message } = JSON.parse(line) as Readonly<Record<string, string>>;
    told.push(`${level} ${message}`);
  };
  const logger = createLogger({ level: 'info', clock, write });
  const created = new CaptureGapWatch({
    look: { at: () => Promise.resolve(seen), close: () => Promise.resolve() },
    ...{ port: kafka.client(), topicPrefix: 'platform', clock, logger, metrics: figures },
    heartbeat: { heardAtMs: clock.nowMs() },
  });
  running.push(created);
  created.start();
  await clock.advance(100);
  return created;
}

const nextLook = (): Promise<void> => clock.advance(5_000);

afterEach(async () => {
  const closed = Promise.all(running.splice(0).map((each) => each.close()));
  await clock.advance(10_000);
  await closed;
});

describe('an instance that looks after the capture', () => {
  test('says nothing while it is as it should be, and notes once whom it follows', async () => {
    newWorld();
    const figures = new Figures();
    const one = await watch(figures);
    await nextLook();
    const log = new CaptureLog(kafka.client(), 'platform');

    expect(one.notReady()).toBeUndefined();
    expect(one.mayMissChanges()).toBe(false);
    expect(told).toEqual([]);
    expect((await log.read()).followed).toEqual(followed);
    expect(kafka.log({ topic: log.topic, partition: 0 }).highWatermark).toBe(1);
    expect(figures.of('rollguard_capture_slot_fill_ratio')).toEqual({ '': 0.25 });
  });

  test('is not ready while changes are missing, and says once why, as an error', async () => {
    newWorld();
    const figures = new Figures();
    const one = await watch(figures);
    seen = withoutSlot;
    await nextLook();
    await nextLook();

    expect(one.notReady()).toMatch(/missing \(slot-missing\).*rollguard connectors recover/);
    expect(one.mayMissChanges()).toBe(true);
    expect(told).toEqual(['error captured changes are missing']);
    expect(figures.of('rollguard_capture_gap')).toMatchObject({
      ...{ 'slot-missing': 1, 'slot-lost': 0 },
    });
  });

  test('goes on to say so when the slot is back, in every instance and after a restart', async () => {
    newWorld();
    const one = await watch();
    seen = withoutSlot;
    await nextLook();
    seen = healthy;
    await nextLook();
    const another = await watch();

    expect(one.notReady()).toMatch(/slot-missing/);
    expect(another.notReady()).toMatch(/slot-missing/);
  });

  test('is ready again, and says so, once all tables have been read anew', async () => {
    newWorld();
    const one = await watch();
    seen = withoutSlot;
    await nextLook();
    seen = healthy;
    const log = new CaptureLog(kafka.client(), 'platform');
    await log.append({ type: 'recovering', epoch: 1, atMs: clock.nowMs() });
    await nextLook();
    const whileReading = one.notReady();
    await log.append({ type: 'recovered', epoch: 1, atMs: clock.nowMs(), ...followed });
    await nextLook();

    expect(whileReading).toMatch(/slot-missing/);
    expect(one.notReady()).toBeUndefined();
    expect(one.mayMissChanges()).toBe(false);
    expect(told.at(-1)).toBe('info the capture is as it should be again');
  });

  test('warns of what may mend itself, and stays ready', async () => {
    newWorld();
    const figures = new Figures();
    const one = await watch(figures);
    seen = { ...healthy, server: undefined };
    await nextLook();

    expect(one.notReady()).toBeUndefined();
    expect(one.warning()).toMatch(/^unreachable: /);
    expect(told).toEqual(['warn the capture does not look as it should']);
    expect(figures.of('rollguard_capture_suspect')).toEqual({ '': 1 });
    seen = healthy;
    await nextLook();
    expect(one.warning()).toBeUndefined();
    expect(figures.of('rollguard_capture_suspect')).toEqual({ '': 0 });
  });

  test('tells of a gap though Kafka is away, and writes it down when it is back', async () => {
    newWorld();
    const one = await watch();
    seen = withoutSlot;
    kafka.faults = silent;
    await clock.advance(90_000);
    const whileAway = one.notReady();
    kafka.faults = () => 'ok';
    await clock.advance(10_000);
    const standing = await new CaptureLog(kafka.client(), 'platform').read();

    expect(whileAway).toMatch(/slot-missing/);
    expect(standing.gap?.reason).toBe('slot-missing');
  });

  test('may miss changes, as far as it knows, until the log has been read once', async () => {
    newWorld();
    kafka.faults = silent;
    const one = await watch();
    const before = one.mayMissChanges();
    kafka.faults = () => 'ok';
    await clock.advance(60_000);

    expect(before).toBe(true);
    expect(one.mayMissChanges()).toBe(false);
  });

  test('may miss changes while the log says what this version does not understand', async () => {
    newWorld();
    const { topic } = new CaptureLog(kafka.client(), 'platform');
    kafka.createTopic({ name: topic, partitionCount: 1, configs: {} });
    const value = Buffer.from('{"type":"unheard-of"}');
    kafka.append(topic, { key: null, value, timestampMs: 1 });
    const one = await watch();

    expect(one.mayMissChanges()).toBe(true);
  });
});

const silent: FaultPlan = () => 'lose-request';
