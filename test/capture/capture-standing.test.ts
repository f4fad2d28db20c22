/** What is known for good of the capture: the fold of its events, and their log in Kafka. */
import { describe, expect, test } from '@jest/globals';
import { CaptureLog } from '../../capture/capture-log.ts';
import {
  unknownStanding,
  withEvent,
  type CaptureEvent,
  type CaptureStanding,
} from '../../capture/capture-standing.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { errorCodeOf } from '../support/error-code.ts';

const [one, other] = [
  { system: '1', timeline: 1 },
  { system: '1', timeline: 2 },
];
const following: CaptureEvent = { type: 'following', epoch: 0, atMs: 1, ...one };
const gap: CaptureEvent = {
  type: 'gap',
  epoch: 0,
  atMs: 2,
  reason: 'slot-missing',
  detail: 'gone',
};
const recovering = (epoch: number): CaptureEvent => ({ type: 'recovering', epoch, atMs: 3 });
const recovered = (epoch: number): CaptureEvent => ({
  type: 'recovered',
  epoch,
  atMs: 4,
  ...other,
});

function fold(...events: readonly CaptureEvent[]): CaptureStanding {
  return events.reduce(withEvent, unknownStanding);
}

describe('the standing of the capture', () => {
  test('has a gap from when it is seen until a reading is complete', () => {
    expect(fold(following, gap).gap).toEqual({ reason: 'slot-missing', detail: 'gone', atMs: 2 });
    expect(fold(following, gap, recovering(1)).gap?.reason).toBe('slot-missing');
    expect(fold(following, gap, recovering(1), recovered(1))).toEqual({
      ...{ epoch: 1, lastEpoch: 1, followed: other, gap: undefined },
    });
  });

  test('is not whole while a reading is under way, nor after one that was cut off', () => {
    expect(fold(following, recovering(1)).gap?.reason).toBe('recovery');
    expect(fold(following, recovering(1), recovering(2)).lastEpoch).toBe(2);
  });

  test('is not closed by a reading that another has overtaken', () => {
    const standing = fold(following, gap, recovering(1), recovering(2), recovered(1));

    expect([standing.epoch, standing.gap?.reason]).toEqual([0, 'slot-missing']);
    expect(withEvent(standing, recovered(2)).gap).toBeUndefined();
  });

  test('takes nothing from what somebody saw before the reading was complete', () => {
    const standing = fold(following, recovering(1), recovered(1));

    expect(withEvent(standing, gap)).toBe(standing);
    expect(withEvent(standing, following)).toBe(standing);
    expect(withEvent(standing, { ...gap, epoch: 1 }).gap?.reason).toBe('slot-missing');
  });

  test('is the same for whoever reads the log, from its beginning or on', async () => {
    const kafka = new InProcessKafka(new ManualClock());
    const early = new CaptureLog(kafka.client(), 'platform');
    const before = await early.read();
    await early.append(following);
    const late = new CaptureLog(kafka.client(), 'platform');
    const written = await late.append(gap);

    expect(before).toEqual(unknownStanding);
    expect(written).toEqual(fold(following, gap));
    expect(await early.read()).toEqual(written);
    expect(await new CaptureLog(kafka.client(), 'platform').read()).toEqual(written);
  });

  test('is not guessed from a record that is not understood', async () => {
    const kafka = new InProcessKafka(new ManualClock());
    const log = new CaptureLog(kafka.client(), 'platform');
    await log.append(following);
    const value = Buffer.from('{"type":"of tomorrow"}');
    kafka.append(log.topic, { key: null, value, timestampMs: 1 }, 0);

    expect(await errorCodeOf(log.read())).toBe('DECODE_FAILED');
  });
});
