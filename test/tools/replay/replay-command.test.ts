/** `rollguard replay reservation` before it asks anybody. */
import { describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../kernel/clock.ts';
import type { CliContext } from '../../../tools/cli-context.ts';
import { runCli } from '../../../tools/cli.ts';

const id = '5e000000-0000-4000-8000-000000000001';
const nowhere = 'postgres://x:x@127.0.0.1:1/x';

async function replay(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ exitCode: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env: { PLATFORM_DATABASE_URL: nowhere, ROLLGUARD_DATABASE_URL: nowhere, ...env },
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['replay', 'reservation', ...args], context);
  return { exitCode, out, err };
}

describe('rollguard replay reservation', () => {
  test.each([
    ['nothing named', [], '--reservation-id'],
    ['no UUID', ['--reservation-id=5'], 'must be a UUID'],
    ['a reservation and a range', [`--reservation-id=${id}`, '--from', '2026-05-01'], 'not both'],
    ['a range without an end', ['--property', id, '--from', '2026-05-01'], '--to'],
    [
      'a range that ends before it begins',
      ['--property', id, '--from', '2026-05-02', '--to', '2026-05-01', '--tenant', id],
      'before --from',
    ],
    ['no date', ['--property', id, '--from', '2026-02-30', '--to', '2026-05-01'], 'must be a date'],
    [
      'nobody whose range it is',
      ['--property', id, '--from', '2026-05-01', '--to', '2026-05-02'],
      'ROLLGUARD_TENANT_ID',
    ],
    ['two things for stdout', [`--reservation-id=${id}`, '--stdout', '--json'], 'one of them'],
    [
      'nothing to compare with',
      [`--reservation-id=${id}`, '--no-state', '--no-table'],
      'nothing to compare with',
    ],
  ])('%s: exit 2, and what to give', async (_case, args, message) => {
    const { exitCode, err, out } = await replay(args);

    expect({ exitCode, err, out }).toEqual({
      ...{ exitCode: 2, out: '', err: expect.stringContaining(message) as unknown },
    });
  });

  test('a platform that does not answer: exit 1, its setting is named, no file is left', async () => {
    const { exitCode, err } = await replay([`--reservation-id=${id}`, '--stdout']);

    expect({ exitCode, err }).toEqual({
      ...{ exitCode: 1, err: expect.stringContaining('PLATFORM_DATABASE_URL') as unknown },
    });
  });

  test('shows examples', async () => {
    const { out } = await replay(['--help']);

    expect(out).toContain('npm run roll:replay -- --reservation-id=');
  });
});
