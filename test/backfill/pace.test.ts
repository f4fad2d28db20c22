/** When a sweep is due, and how fast rows may be read. */
import { describe, expect, test } from '@jest/globals';
import { lastSweepDueMs } from '../../backfill/nightly.ts';
import { RateLimit } from '../../backfill/rate-limit.ts';
import type { Clock } from '../../kernel/clock.ts';

describe('the nightly sweep', () => {
  test.each([
    ['2026-03-01T04:00:00Z', '2026-03-01T04:00:00Z'],
    ['2026-03-01T03:59:59Z', '2026-02-28T04:00:00Z'],
    ['2026-03-01T23:00:00Z', '2026-03-01T04:00:00Z'],
  ])('was due, at %s, last at %s', (now, due) => {
    expect(lastSweepDueMs('04:00', Date.parse(now))).toBe(Date.parse(due));
  });

  test('is never due without a time', () => {
    expect(lastSweepDueMs(undefined, 0)).toBeUndefined();
  });
});

describe('the rate limit', () => {
  test('spreads rows over the time they may take, and saves nothing up', async () => {
    let nowMs = 0;
    const slept: number[] = [];
    const clock: Clock = {
      nowMs: () => nowMs,
      monotonicMs: () => nowMs,
      sleep: (ms) => {
        slept.push(ms);
        nowMs += ms;
        return Promise.resolve();
      },
    };
    const { signal } = new AbortController();
    const limit = new RateLimit(1_000, clock);
    await limit.take(500, signal);
    nowMs += 60_000;
    await limit.take(2_000, signal);
    await new RateLimit(0, clock).take(1_000_000, signal);

    expect(slept).toEqual([500, 2_000]);
  });
});
