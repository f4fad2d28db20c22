/** `rollguard reconcile`, as far as it needs no database. */
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { runCli } from '../../tools/cli.ts';

async function run(...args: string[]): Promise<{ exitCode: number; text: string }> {
  let text = '';
  const write = (more: string): void => void (text += more);
  const exitCode = await runCli(['reconcile', ...args], {
    ...{ version: '0.0.0', clock: systemClock, out: write, err: write, progress: write },
    env: { KAFKA_BROKERS: 'nowhere:1', SCHEMA_REGISTRY_URL: 'http://nowhere' },
    exitCode: 0,
  });
  return { exitCode, text };
}

describe('rollguard reconcile', () => {
  test.each(['run', 'status'])('%s shows examples', async (verb) => {
    const { exitCode, text } = await run(verb, '--help');

    expect(exitCode).toBe(0);
    expect(text).toContain(`rollguard reconcile ${verb}`);
  });

  test.each(['run', 'status'])('%s names the database that is missing', async (verb) => {
    const { exitCode, text } = await run(verb);

    expect(exitCode).toBe(1);
    expect(text).toMatch(/PLATFORM_DATABASE_URL is not set.*CONFIG_INVALID/);
  });

  test.each([
    [['run', '--tenant', 'x'], /UUID/],
    [['run', '--property', 'x'], /UUID/],
    [['run', '--from', 'today'], /date like/],
    [['run', '--from', '2026-05-02', '--to', '2026-05-01'], /--to 2026-05-01 is before/],
  ])('refuses %j', async (args, said) => {
    const { exitCode, text } = await run(...args);

    expect(exitCode).toBe(2);
    expect(text).toMatch(said);
  });
});
