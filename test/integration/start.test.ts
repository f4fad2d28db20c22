import { describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { readStackState } from '../../tools/stack/stack-state.ts';
import { root } from './test-system.ts';

const timeoutMs = 240_000;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `npm start -- …`, on a stack of its own. */
async function start(args: readonly string[], endWhen?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, ['tools/start.mjs', ...args], { cwd: root });
  const told = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (told.stdout += String(chunk)));
  child.stderr.on('data', (chunk) => {
    const isDue = endWhen?.test(told.stderr) !== true;
    told.stderr += String(chunk);
    // A second signal would end it without the order that is tested here.
    if (isDue && endWhen?.test(told.stderr) === true) child.kill('SIGINT');
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...told };
}

const stateFile = path.join(root, '.rollguard/once/stack.json');

describe('the first command', () => {
  test(
    'ends a bounded load that is right with its figures as one JSON object and exit 0',
    async () => {
      const { code, stdout, stderr } = await start(['--once', '--days', '3', '--json']);
      const figures = JSON.parse(stdout) as Record<string, unknown>;

      expect(code).toBe(0);
      expect(stderr.trim().split('\n').at(-1)).toBe('main job: OK');
      expect(figures).toMatchObject({ rows: 144, totals: { checkout: 21, cancel: 4, nights: 71 } });
      expect(Object.keys(figures)).toEqual(
        expect.arrayContaining(['rowsPerSecond', 'seconds', 'peakRssMb', 'cpuSeconds']),
      );
      expect(readStackState(stateFile)).toBeUndefined();
    },
    timeoutMs,
  );

  test(
    'stops everything in order when it is interrupted while it loads',
    async () => {
      const { code, stdout, stderr } = await start(['--once', '--json'], /^load: /m);

      expect(code).toBe(130);
      expect(stdout).toBe('');
      expect(stderr.trim().split('\n').at(-1)).toBe('rollguard: interrupted [INTERRUPTED]');
      expect(readStackState(stateFile)).toBeUndefined();
    },
    timeoutMs,
  );

  test.each([
    [['--json'], 2, '--bookings and --json need --once'],
    [['--once', '--days', 'many'], 2, 'It must be a whole number above 0.'],
    [['--once', '--bookings', 'nowhere.csv'], 1, 'nowhere.csv'],
  ])('refuses %j with exit %d and says why', async (args, exitCode, reason) => {
    const { code, stderr } = await start(args);

    expect(code).toBe(exitCode);
    expect(stderr).toContain(reason);
  });
});
