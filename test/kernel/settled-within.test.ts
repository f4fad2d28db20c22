import { describe, expect, test } from '@jest/globals';
import type { Clock } from '../../kernel/clock.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';

describe('settledWithin', () => {
  test('gives what the work came to, and leaves no timer that would keep the process', async () => {
    const { clock, sleeping } = watchedClock();

    expect(await settledWithin(clock, 1_000, Promise.resolve('done'))).toBe('done');
    await expect(settledWithin(clock, 1_000, Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(sleeping.size).toBe(0);
  });

  test('says that it is late when the time is over first', async () => {
    const { clock, sleeping } = watchedClock();
    const result = settledWithin(clock, 1_000, new Promise(() => undefined));
    for (const wake of sleeping) wake();

    expect(await result).toBe(late);
    expect(sleeping.size).toBe(0);
  });
});

function watchedClock(): { clock: Clock; sleeping: Set<() => void> } {
  const sleeping = new Set<() => void>();
  const sleep = (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        sleeping.delete(wake);
        resolve();
      };
      sleeping.add(wake);
      signal?.addEventListener('abort', wake, { once: true });
    });
  return { clock: { nowMs: () => 0, monotonicMs: () => 0, sleep }, sleeping };
}
