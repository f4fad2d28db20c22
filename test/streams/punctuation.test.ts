import { describe, expect, test } from '@jest/globals';
import { PunctuationQueue } from '../../streams/punctuation.ts';

describe('punctuation', () => {
  test('runs a wall-clock schedule once however far the clock jumped, and keeps its rhythm', async () => {
    const queue = new PunctuationQueue();
    const calls: number[] = [];
    queue.add(
      { type: 'wall-clock', intervalMs: 100, punctuate: (ms) => void calls.push(ms) },
      1_000,
    );

    await queue.run('wall-clock', 1_050);
    await queue.run('wall-clock', 1_100);
    await queue.run('wall-clock', 1_470);
    await queue.run('wall-clock', 1_480);

    expect(calls).toEqual([1_100, 1_470]);
    expect(queue.nextWallClockMs()).toBe(1_500);
  });

  test('starts a stream-time schedule with the first record', async () => {
    const queue = new PunctuationQueue();
    const calls: number[] = [];
    queue.add({ type: 'stream-time', intervalMs: 10, punctuate: (ms) => void calls.push(ms) }, 0);

    await queue.run('stream-time', 500);
    await queue.run('stream-time', 509);
    await queue.run('stream-time', 510);

    expect(calls).toEqual([510]);
  });

  test('a cancelled schedule never runs again, even when cancelled by another of the same turn', async () => {
    const queue = new PunctuationQueue();
    const calls: string[] = [];
    queue.add({ type: 'wall-clock', intervalMs: 10, punctuate: () => second.cancel() }, 0);
    const second = queue.add(
      { type: 'wall-clock', intervalMs: 10, punctuate: () => void calls.push('second') },
      0,
    );

    await queue.run('wall-clock', 10);

    expect(calls).toEqual([]);
    expect(queue.isDue('wall-clock', 15)).toBe(false);
  });
});
