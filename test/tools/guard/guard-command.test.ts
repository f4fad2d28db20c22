import { beforeEach, describe, expect, test } from '@jest/globals';
import { Command } from 'commander';
import type { TopologyTestDriver } from '../../../testing/topology-test-driver.ts';
import { runCommand } from '../../../tools/cli.ts';
import type { CliContext } from '../../../tools/cli-context.ts';
import { guardCommand } from '../../../tools/commands/guard.ts';
import { livedInShadow, plain, shadow } from './promoted-guard.ts';

let driver: TopologyTestDriver;

beforeEach(async () => {
  driver = await livedInShadow();
});

describe('rollguard guard promote', () => {
  test('says what it would do, does it, and says that it is done; exit 0 each time', async () => {
    const dry = await run('--dry-run');
    const done = await run();
    const again = await run();

    expect([dry, done, again].map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(dry.out).toMatch(
      new RegExp(`^${shadow} would be promoted to ${plain}: \\d+ topics, \\d+ offsets\n`),
    );
    expect(dry.out).toContain(`${shadow}-decisions -> ${plain}-decisions  2 partitions  at most`);
    expect(done.out).toContain(`${shadow} was promoted to ${plain}`);
    expect(done.out).toContain(
      'start it with SHADOW_MODE=false and KAFKA_CONSUMER_GROUP_SUFFIX=\n',
    );
    expect(done.err).toContain(`promote: ${shadow}-catalogue -> ${plain}-catalogue: `);
    expect(again.out).toBe(`${plain} is already promoted; nothing was changed\n`);
  });

  test('prints JSON', async () => {
    const { out } = await run('--json', '--to-suffix', '-next');

    expect(JSON.parse(out)).toMatchObject({
      ...{ outcome: 'promoted', from: shadow, to: `${plain}-next` },
    });
  });

  test('ends with 1 when it refuses, with 2 when it is asked wrongly', async () => {
    const nothing = await run('--from-suffix', '-never');
    const same = await run('--to-suffix', '-shadow');
    const wrong = await run('--to-suffix', 'a b');

    expect([nothing, same, wrong].map(({ exitCode }) => exitCode)).toEqual([1, 2, 2]);
    expect(nothing.err).toContain('nothing to promote');
    expect(same.err).toContain('name the same application id');
  });

  test('help has examples', async () => {
    const { out, exitCode } = await run('--help');

    expect(exitCode).toBe(0);
    expect(out).toContain('rollguard guard promote --dry-run');
  });
});

async function run(...flags: readonly string[]) {
  let out = '';
  let err = '';
  const cli: CliContext = {
    version: '0.0.0',
    env: { KAFKA_BROKERS: 'unused:1', SCHEMA_REGISTRY_URL: 'http://unused' },
    clock: driver.clock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const program = new Command('rollguard').addCommand(
    guardCommand(cli, () => driver.kafka.client('cli')),
  );
  const exitCode = await runCommand(program, ['guard', 'promote', ...flags], cli);
  return { exitCode, out, err };
}
