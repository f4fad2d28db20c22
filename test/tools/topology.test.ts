import { describe, expect, test } from '@jest/globals';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { TopologyDescription } from '../../streams/index.ts';
import { golden } from '../support/golden.ts';

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

async function run(args: readonly string[], env: CliContext['env'] = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env,
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['topology', 'describe', ...args], context);
  return { exitCode, out, err };
}

describe('topology describe', () => {
  test.each([
    ['roll', 'text', 'txt'],
    ['roll', 'mermaid', 'mmd'],
    ['guard', 'text', 'txt'],
    ['guard', 'mermaid', 'mmd'],
  ])(
    'prints the %s topology as %s, equal to its golden file',
    async (service, format, extension) => {
      const { exitCode, out } = await run(['--service', service, '--format', format]);

      expect(exitCode).toBe(0);
      expect(out).toBe(golden(`topology/${service}.${extension}`, out));
    },
  );

  test('prints text when nothing is said, and one JSON object with --json', async () => {
    const [text, json, named] = [
      await run([]),
      await run(['--json']),
      await run(['--format', 'json']),
    ];
    const pretty = `${JSON.stringify(JSON.parse(json.out), null, 2)}\n`;

    expect(text.out).toBe((await run(['--format', 'text'])).out);
    expect(json.out).toBe(named.out);
    expect(pretty).toBe(golden('topology/roll.json', pretty));
  });

  test('follows the settings', async () => {
    const { out } = await run(['--json'], {
      ROLLGUARD_PARTITIONS: '12',
      SHADOW_MODE: 'false',
      KAFKA_CONSUMER_GROUP_SUFFIX: '',
      PLATFORM_TOPIC_PREFIX: 'hotels',
    });
    const { applicationId, subTopologies, internalTopics } = JSON.parse(out) as TopologyDescription;

    expect(applicationId).toBe('roll-service');
    expect(internalTopics.map(({ partitionCount }) => partitionCount)).toEqual([
      12, 12, 12, 12, 12, 12,
    ]);
    expect(subTopologies[0]?.sources[0]?.topics[0]).toMatch(/^hotels\.public\./);
    expect(out).toContain('"roll.events"');
  });

  test('reads no captured business dates when the clock closes them', async () => {
    const { out } = await run(['--json'], { ROLL_SERVICE_BUSINESS_DATES: 'clock' });

    expect(out).not.toContain('business_dates');
    expect((await run(['--json'])).out).toContain('business_dates');
  });

  test('refuses an unknown format and a wrong setting, naming both', async () => {
    const format = await run(['--format', 'svg']);
    const setting = await run([], { ROLLGUARD_PARTITIONS: 'many' });

    expect(format).toMatchObject({ exitCode: 2, out: '' });
    expect(format.err).toContain('text, mermaid, json');
    expect(setting.exitCode).toBe(1);
    expect(setting.err).toContain('ROLLGUARD_PARTITIONS');
  });

  test('--help has examples', async () => {
    const { exitCode, out } = await run(['--help']);

    expect(exitCode).toBe(0);
    expect(out).toContain('Examples:\n  rollguard topology describe');
  });
});
