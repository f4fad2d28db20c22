import { expect, test } from '@jest/globals';
import { RestoreProgress } from '../../streams/restore-progress.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

test('a restore says how far it is and when the rest will be done', async () => {
  const clock = new ManualClock();
  const progress = new RestoreProgress(clock);
  expect(progress.toString()).toBe('nothing restored yet');

  await clock.advance(2_000);
  progress.update(500, 1_500);

  expect(progress.toString()).toBe('500 records restored, 25 %, about 6 s left');
});

test('a restore that is done has nothing left', async () => {
  const clock = new ManualClock();
  const progress = new RestoreProgress(clock);
  await clock.advance(1_000);
  progress.update(10, 0);

  expect(progress.toString()).toBe('10 records restored, 100 %, about 0 s left');
});
