import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../kernel/clock.ts';
import {
  describeTopology,
  renderTopologyMermaid,
  renderTopologyText,
} from '../../streams/index.ts';
import { runCli } from '../../tools/cli.ts';
import { wordCount } from '../support/word-count.ts';

const folder = fileURLToPath(new URL('golden', import.meta.url));

async function describeRoll(...args: string[]): Promise<string> {
  let out = '';
  const write = (text: string): void => void (out += text);
  const exitCode = await runCli(['topology', 'describe', ...args], {
    ...{ version: '0', env: {}, clock: systemClock, exitCode: 0 },
    ...{ out: write, err: write, progress: write },
  });
  expect(exitCode).toBe(0);
  return out;
}

/** Compares byte for byte; UPDATE_GOLDEN=true writes the file anew. */
function expectGolden(name: string, text: string): void {
  const file = path.join(folder, name);
  if (process.env['UPDATE_GOLDEN'] === 'true') writeFileSync(file, text);
  expect(existsSync(file)).toBe(true);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

describe('rollguard topology describe', () => {
  test.each([
    ['text', 'roll-topology.txt'],
    ['mermaid', 'roll-topology.mmd'],
    ['json', 'roll-topology.json'],
  ])('prints the roll topology as %s', async (format, golden) => {
    expectGolden(golden, await describeRoll('--format', format));
  });

  test('prints JSON for --json, with the application id in the names', async () => {
    const description = JSON.parse(await describeRoll('--json', '--application', 'mine')) as {
      readonly deadLetterTopic: string;
    };

    expect(description.deadLetterTopic).toBe('mine-dlq');
  });
});

test('any topology describes itself', () => {
  const description = describeTopology(wordCount(), 'words');

  expectGolden('word-count.txt', renderTopologyText(description));
  expectGolden('word-count.mmd', renderTopologyMermaid(description));
});
