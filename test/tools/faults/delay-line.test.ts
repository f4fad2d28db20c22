import { expect, test } from '@jest/globals';
import { ManualClock } from '../../../testing/manual-clock.ts';
import { DelayLine } from '../../../tools/faults/delay-line.ts';

test('bytes arrive late and in their order, those without a delay behind those that wait', async () => {
  const clock = new ManualClock();
  const arrived: string[] = [];
  const line = new DelayLine(clock, (bytes) => void arrived.push(String(bytes)));
  line.send(Buffer.from('at once'), 0);
  line.send(Buffer.from('late'), 100);
  line.send(Buffer.from('behind it'), 0);
  const before = [...arrived];
  await clock.advance(99);
  const soon = [...arrived];
  await clock.advance(1);
  line.send(Buffer.from('free again'), 0);

  expect(before).toEqual(['at once']);
  expect(soon).toEqual(before);
  expect(arrived).toEqual(['at once', 'late', 'behind it', 'free again']);
});
