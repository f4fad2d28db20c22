import { expect, test } from '@jest/globals';
import { skewedClock } from '../../kernel/clock.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

test('a clock that is off says another time, and measures as the right one does', async () => {
  const right = new ManualClock(1_000_000);
  const late = skewedClock(right, -300);
  const before = { nowMs: late.nowMs(), monotonicMs: late.monotonicMs() };
  const slept = late.sleep(50);
  await right.advance(50);
  await slept;

  expect(before.nowMs).toBe(999_700);
  expect(late.nowMs() - before.nowMs).toBe(50);
  expect(late.monotonicMs() - before.monotonicMs).toBe(50);
});
