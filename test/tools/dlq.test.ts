import { Command } from 'commander';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { TopologyTestDriver } from '../../testing/topology-test-driver.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCommand } from '../../tools/cli.ts';
import { dlqCommand } from '../../tools/commands/dlq.ts';
import { wordCount } from '../support/word-count.ts';

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

const header = { key: 'trace', value: Buffer.from([1, 2, 255]) };
let driver: TopologyTestDriver;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rollguard-dlq-'));
  driver = await TopologyTestDriver.start({
    topology: wordCount(),
    topics: { lines: 1, counts: 1 },
  });
  for (const key of ['apple', 'banana']) {
    const record = { key: Buffer.from(key), value: Buffer.from('poison'), timestampMs: 5 };
    driver.kafka.append('lines', { ...record, headers: [header] });
    await driver.advance(20_000);
  }
});

afterEach(async () => {
  await driver.close();
  rmSync(folder, { recursive: true, force: true });
});

async function dlq(...args: string[]): Promise<Ended> {
  let out = '';
  let err = '';
  const cli: CliContext = {
    version: '0.0.0',
    env: { KAFKA_BROKERS: 'unused:1' },
    clock: driver.clock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const program = new Command('rollguard').addCommand(
    dlqCommand(cli, () => driver.kafka.client('cli')),
  );
  const [verb = '', ...rest] = args;
  const exitCode = await runCommand(
    program,
    ['dlq', verb, ...(verb === '' ? [] : ['--application', 'test']), ...rest],
    cli,
  );
  return { exitCode, out, err };
}

interface Letters {
  readonly letters: readonly Record<string, unknown>[];
}

describe('rollguard dlq', () => {
  test('list tells where each came from and why, with its bytes', async () => {
    const { exitCode, out } = await dlq('list');
    const { out: json } = await dlq('list', '--json');
    const [letter] = (JSON.parse(json) as Letters).letters;

    expect(exitCode).toBe(0);
    expect(out).toContain('lines-0@0  process PROCESSING_FAILED after 2 attempts  6 bytes');
    expect(out).toContain('cannot count poison');
    expect(letter).toMatchObject({
      from: { topic: 'lines', partition: 0, offset: 0 },
      stage: 'process',
      value: Buffer.from('poison').toString('base64'),
      headers: [{ key: 'trace', value: header.value.toString('base64') }],
      redrivenAt: null,
    });
  });

  test.each([
    [['--topic', 'elsewhere'], 0],
    [['--stage', 'deserialize'], 0],
    [['--code', 'PROCESSING_FAILED'], 2],
    [['--since', '2026-01-01T00:00:00Z'], 0],
    [['--limit', '1'], 1],
  ])('list filters by %j', async (filter, count) => {
    const { out } = await dlq('list', '--json', ...filter);

    expect((JSON.parse(out) as Letters).letters).toHaveLength(count);
  });

  test('redrive puts each letter back once, with its key, headers and time; a dry run none', async () => {
    const dry = await dlq('redrive', '--all', '--dry-run');
    expect(dry.out).toContain('2 would be put back');
    expect(driver.kafka.log({ topic: 'lines', partition: 0 }).highWatermark).toBe(2);

    const [first, again] = [await dlq('redrive', '--all'), await dlq('redrive', '--all')];
    const { records } = driver.kafka.log({ topic: 'lines', partition: 0 }).readCommitted(2, 100);

    expect(first.out).toContain('2 put back');
    expect(again.out).toBe('0 put back\n');
    expect(records.map(({ key, timestampMs }) => [key?.toString(), timestampMs])).toEqual([
      ['apple', 5],
      ['banana', 5],
    ]);
    expect(records[0]?.headers).toEqual([
      header,
      { key: 'rollguard.redriven-from', value: expect.any(Buffer) },
    ]);
    expect((await dlq('list', '--pending')).out).toBe('no dead letters in test-dlq\n');
    expect((await dlq('list')).out).toContain('put back 2026-');
  });

  test('redrive of a mended record is processed', async () => {
    const mended = path.join(folder, 'mended.bin');
    writeFileSync(mended, 'fine');
    const listed = JSON.parse((await dlq('list', '--json')).out) as Letters;
    const offset = String(listed.letters[1]?.['offset']);
    const { exitCode } = await dlq('redrive', '--offset', offset, '--value-file', mended);
    await driver.advance();

    expect(exitCode).toBe(0);
    const counts = driver.read('counts').map(({ key, value }) => `${String(key)}=${String(value)}`);
    expect(counts).toEqual(['banana=1']);
  });

  test('a letter that fails again is a new letter; the old one stays marked', async () => {
    await dlq('redrive', '--all');
    await driver.advance(40_000);
    const { letters } = JSON.parse((await dlq('list', '--json')).out) as Letters;

    expect(letters).toHaveLength(4);
    expect(letters.map(({ redrivenAt }) => redrivenAt === null)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test.each([
    [['redrive'], 2, '--all'],
    [['redrive', '--all', '--value-file', 'x'], 2, '--offset'],
    [['list', '--limit', 'many'], 2, 'whole number'],
    [['list', '--application', 'unknown'], 1, '--application'],
  ])('refuses %j with exit %d and says what to do', async (args, code, text) => {
    const { exitCode, err } = await dlq(...args);

    expect(exitCode).toBe(code);
    expect(err).toContain(text);
  });
});
