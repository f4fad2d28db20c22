/** `rollguard backfill`, as far as it needs no database. */
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { runCli } from '../../tools/cli.ts';

async function run(...args: string[]): Promise<{ exitCode: number; text: string }> {
  let text = '';
  const write = (more: string): void => void (text += more);
  const exitCode = await runCli(['backfill', ...args], {
    ...{ version: '0.0.0', clock: systemClock, out: write, err: write, progress: write },
    env: { KAFKA_BROKERS: 'nowhere:1', SCHEMA_REGISTRY_URL: 'http://nowhere' },
    exitCode: 0,
  });
  return { exitCode, text };
}

describe('rollguard backfill', () => {
  test.each(['run', 'status', 'reset'])('%s shows examples', async (verb) => {
    const { exitCode, text } = await run(verb, '--help');

    expect(exitCode).toBe(0);
    expect(text).toContain(`rollguard backfill ${verb}`);
  });

  test('names the database that is missing', async () => {
    const { exitCode, text } = await run('run');

    expect(exitCode).toBe(1);
    expect(text).toMatch(/PLATFORM_DATABASE_URL is not set.*CONFIG_INVALID/);
  });

  test.each([
    [['reset'], /--yes/],
    [['run', '--tenant', 'x'], /UUID/],
    [['run', '--since', 'yesterday'], /instant/],
    [['run', '--state', 'DONE'], /Allowed choices/],
    [['run', '--rows-per-second', 'many'], /whole number/],
    [['run', '--re-emit', '--since', '2026-01-01'], /leave out --since/],
    [['run', '--re-emit', '--state', 'APPLIED'], /leave out --state/],
    [['run', '--re-emit', '--sweep'], /leave out --sweep/],
  ])('refuses %j', async (args, said) => {
    const { exitCode, text } = await run(...args);

    expect(exitCode).toBe(2);
    expect(text).toMatch(said);
  });
});
