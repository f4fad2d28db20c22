import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import type { SearchReport } from '../../tools/simulate/search-seeds.ts';
import { simulateCommand } from '../../tools/simulate/simulate.ts';

async function run(
  ...args: readonly string[]
): Promise<{ code: number; out: string; err: string }> {
  const output = { out: '', err: '' };
  const err = (text: string): void => void (output.err += text);
  const code = await simulateCommand(args, {
    ...{ version: '0', env: {}, clock: systemClock, exitCode: 0, err },
    out: (text) => void (output.out += text),
    progress: (line) => err(`${line}\n`),
  });
  return { code, ...output };
}

describe('npm run simulate', () => {
  test('says that every invariant held, with the number of seeds', async () => {
    const { code, out } = await run('--from', '20', '--seeds', '3');

    expect(code).toBe(0);
    expect(out).toMatch(/^3 seeds in [\d.]+ s \(\d+ a minute\): every invariant held$/m);
  });

  test('ends with 3, the seed, the violation and a short history when it finds something', async () => {
    const { code, out } = await run('--seed', '2', '--plant', 'offsets-before-changelog');

    expect(code).toBe(3);
    expect(out).toContain('replay: npm run simulate -- --seed 2 --plant offsets-before-changelog');
    expect(out).toContain('shortest history:');
    expect(out).toMatch(/^VIOLATION {2}V3: /m);
  });

  test('tells the same as JSON', async () => {
    const { code, out } = await run('--json', '--seed', '2', '--plant', 'offsets-before-changelog');
    const report = JSON.parse(out) as SearchReport;

    expect(code).toBe(3);
    expect(report).toMatchObject({ seeds: 1, plant: 'offsets-before-changelog' });
    expect(report.violation?.seed).toBe(2);
    expect(report.violation?.steps.length).toBeLessThan(30);
  });

  test('names the bugs that it can plant when it does not know one', async () => {
    const { code, err } = await run('--plant', 'no-bug');

    expect(code).toBe(2);
    expect(err).toContain('no-fencing');
  });
});
