import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import {
  failpoints,
  noFailpoints,
  parseFailpoints,
  type FailpointName,
  type Failpoints,
} from '../../kernel/failpoints.ts';

const names = Object.keys(failpoints) as FailpointName[];

/** What the armed failpoints do, in words. */
function armed(text: string): { readonly points: Failpoints; readonly done: string[] } {
  const done: string[] = [];
  const points = parseFailpoints(text, {
    kill: () => void done.push('kill'),
    pause: (ms) => void done.push(`pause ${ms}`),
    report: (line) => void done.push(line),
  });
  return { points, done };
}

function reach(points: Failpoints, name: FailpointName, times: number): void {
  for (let time = 0; time < times; time += 1) points.hit(name);
}

describe('failpoints', () => {
  test('do nothing where none is armed', () => {
    const { points, done } = armed('before-end:kill');
    for (const name of names.filter((each) => each !== 'before-end')) reach(points, name, 3);
    for (const name of names) noFailpoints.hit(name);

    expect(done).toEqual([]);
  });

  test('act the n-th time that their place is reached, the first unless given, and once', () => {
    const { points, done } = armed('after-produce:kill@3, before-end:pause(20000)');
    reach(points, 'after-produce', 2);
    const before = [...done];
    reach(points, 'after-produce', 4);
    reach(points, 'before-end', 2);

    expect(before).toEqual([]);
    expect(done).toEqual([
      'failpoint after-produce acts the 3. time it is reached: after-produce:kill@3',
      'kill',
      'failpoint before-end acts the 1. time it is reached: before-end:pause(20000)',
      'pause 20000',
    ]);
  });

  test('throw an error whose outcome nobody can tell', () => {
    const { points } = armed('after-end:error@2');
    points.hit('after-end');

    expect(() => points.hit('after-end')).toThrow(
      expect.objectContaining({ code: 'OUTCOME_UNKNOWN' }),
    );
  });

  test('draw from their seed: the same seed acts at the same places, another at others', () => {
    const run = (text: string): string[] => {
      const { points, done } = armed(text);
      for (let round = 0; round < 300; round += 1) for (const name of names) points.hit(name);
      return done.filter((line) => line !== 'kill');
    };
    const first = run('seed=7,any:kill~0.01');
    // As of a clock, in seconds.
    expect(run('seed=1795648000,any:kill~0.01')).not.toEqual(first);

    expect(first.length).toBeGreaterThan(10);
    expect(first.length).toBeLessThan(names.length * 300 * 0.03);
    expect(run('seed=7,any:kill~0.01')).toEqual(first);
    expect(run('seed=8,any:kill~0.01')).not.toEqual(first);
  });

  test('are all in the reference, with the same words, and nothing else is', () => {
    const file = new URL('../../docs/reference/failpoints.md', import.meta.url);
    const rows = [...readFileSync(file, 'utf8').matchAll(/^\| `([a-z-]+)` +\| (.+?) +\|$/gm)];

    expect(Object.fromEntries(rows.map(([, name, words]) => [name, words]))).toEqual(failpoints);
  });

  test('name every point when one is unknown', () => {
    let message = '';
    try {
      armed('after-prodcue:kill');
    } catch (error) {
      message = String(error);
    }

    expect(message).toContain("ROLLGUARD_FAILPOINTS: no failpoint 'after-prodcue'");
    for (const name of names) expect(message).toContain(name);
  });

  test.each([
    '',
    'after-produce',
    'after-produce:explode',
    'after-produce:pause',
    'after-produce:pause(soon)',
    'after-produce:kill@0',
    'after-produce:kill@1@2',
    'after-produce:kill~2',
    'after-produce:kill,',
    'seed=x,after-produce:kill',
  ])('refuse %p and say what is wrong', (text) => {
    expect(() => armed(text)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('ROLLGUARD_FAILPOINTS: ') as unknown,
      }),
    );
  });
});
