/** The guard bench's loads, on sides that misbehave. */
import { describe, expect, test } from '@jest/globals';
import { closedLoop, openLoop, type LoadOptions } from '../../bench/guard/load.ts';
import type { Outcome, Side, Wish } from '../../bench/guard/side.ts';

const wish: Wish = {
  ...{ tenantId: 't', roomTypeId: 'standard', roomId: '101', night: 0, nights: 1, key: 'k' },
};

function loadOn(ask: () => Promise<Outcome>): LoadOptions {
  const side: Side = {
    ...{ name: 'a side', ask, pids: new Map() },
    ...{ doubleBookings: () => Promise.resolve(0), close: () => Promise.resolve() },
  };
  const { signal } = new AbortController();
  return { side, seconds: 0.05, wish: () => wish, signal, answersMaxMs: 50 };
}

const never = (): Promise<Outcome> => new Promise(() => undefined);

describe('a side that never answers', () => {
  test('ends a closed loop by name, with how many wait', async () => {
    await expect(closedLoop(3, loadOn(never))).rejects.toThrow(
      'a side: 3 of 3 calls have no answer',
    );
  });

  test('ends an open loop too, which asks it no more than a thousand times', async () => {
    // Long enough that even a machine with other work to do comes to a thousand.
    const load = { ...loadOn(never), seconds: 1 };
    await expect(openLoop(100_000, load)).rejects.toThrow('1000 of 1000 calls');
  });
});

test('a side that fails every call has figures of errors', async () => {
  const load = loadOn(() => new Promise((resolve) => setImmediate(() => resolve('ERROR'))));

  const { calls, outcomes } = await closedLoop(2, load);

  expect(calls).toBeGreaterThan(0);
  expect(outcomes).toEqual({ LOCKED: 0, CONFLICT: 0, ERROR: calls });
});
