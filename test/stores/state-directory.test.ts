import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  jest,
  test,
} from '@jest/globals';
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { seededRandom } from '../../kernel/random.ts';
import { createLogger } from '../../kernel/logger.ts';
import { noMetrics, type Metrics } from '../../kernel/metrics.ts';
import { RocksDbEngine } from '../../stores/rocksdb-engine.ts';
import {
  StateDirectory,
  type SetAsideReason,
  type TrustRules,
} from '../../stores/state-directory.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { errorCodeOf } from '../support/error-code.ts';

jest.setTimeout(60_000);

const rules: TrustRules = { topicId: 'topic', ageMaxMs: 60_000 };
const key = (index: number): Buffer => Buffer.from(`key ${String(index).padStart(4, '0')}`);
const everything = { gte: Buffer.alloc(0), limit: 10_000 };
let root: string;
let sample: string;
let stateDir: string;
let clock: ManualClock;
let log: Record<string, unknown>[];
let setAsides: unknown[];

beforeAll(async () => {
  root = mkdtempSync(path.join(tmpdir(), 'rollguard-directory-'));
  sample = path.join(root, 'sample');
  const engine = await RocksDbEngine.open(sample);
  for (let batch = 1; batch <= 20; batch += 1) {
    // Each batch leaves exactly the keys below its number.
    const changes = [{ key: key(batch - 1), value: Buffer.from(`batch ${batch}`) }];
    await engine.write(changes, {
      topicId: 'topic',
      offset: batch,
      writtenAtMs: new ManualClock().nowMs(),
    });
  }
  await engine.close();
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(() => {
  stateDir = mkdtempSync(path.join(root, 'state-'));
  clock = new ManualClock();
  log = [];
  setAsides = [];
});

afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

function open(): Promise<StateDirectory> {
  const write = (line: string): void => void log.push(JSON.parse(line) as Record<string, unknown>);
  const metrics: Metrics = {
    ...noMetrics,
    counter: () => ({ add: (_amount, labels) => void setAsides.push(labels?.['reason']) }),
  };
  return StateDirectory.open({
    ...{ stateDir, applicationId: 'app', clock, metrics },
    logger: createLogger({ level: 'info', clock, write }),
  });
}

const task = (): string => path.join(stateDir, 'app/count_0');
const file = (pattern: RegExp): string =>
  path.join(task(), readdirSync(task()).find((name) => pattern.test(name)) ?? '');
const corrupt = (pattern: RegExp, content: string) => () => writeFileSync(file(pattern), content);

/** What an engine in the place of the sample says of itself after `harm` was done to the sample. */
async function reopened(harm: () => void, trust = rules) {
  mkdirSync(path.dirname(task()), { recursive: true });
  cpSync(sample, task(), { recursive: true });
  harm();
  const directory = await open();
  const engine = await directory.openEngine('count_0', trust);
  const position = engine.position();
  const entries = await engine.range(everything);
  await engine.close();
  await directory.close();
  return { position, entries };
}

const harms: readonly (readonly [SetAsideReason, string, () => void])[] = [
  ['damaged', 'CURRENT names nothing', () => corrupt(/^CURRENT$/, 'nonsense')()],
  ['damaged', 'CURRENT is empty', () => corrupt(/^CURRENT$/, '')()],
  ['damaged', 'the manifest is gone', () => rmSync(file(/^MANIFEST/))],
  ['damaged', 'the manifest is cut', () => truncateSync(file(/^MANIFEST/), 10)],
  ['damaged', 'the manifest is somebody else’s', () => corrupt(/^MANIFEST/, 'x'.repeat(500))()],
  ['other-topic', 'the changelog was made anew', () => undefined],
  ['too-old', 'tombstones may have been cleaned away since', () => void (clock = lateClock())],
];

describe('a task folder', () => {
  test('that is whole and known is used as it is', async () => {
    const { position, entries } = await reopened(() => undefined);

    expect(position?.offset).toBe(20);
    expect(entries).toHaveLength(20);
    expect(setAsides).toEqual([]);
  });

  test.each(harms)(
    'is set aside as %s when %s, loudly, and a fresh one begins',
    async (reason, _what, harm) => {
      const trust = reason === 'other-topic' ? { ...rules, topicId: 'another' } : rules;
      const { position, entries } = await reopened(harm, trust);

      expect(position).toBeUndefined();
      expect(entries).toEqual([]);
      expect(setAsides).toEqual([reason]);
      expect(log).toMatchObject([{ level: 'warn', task: 'count_0', reason }]);
      const kept = readdirSync(path.dirname(task())).filter((name) => name.includes('set-aside'));
      expect(kept).toHaveLength(1);
    },
  );

  test('never holds a position that does not fit its data, wherever its log is torn', async () => {
    const random = seededRandom(20_261_123);
    const { length } = readFileSync(
      path.join(sample, readdirSync(sample).find((name) => name.endsWith('.log')) ?? ''),
    );
    for (let seed = 0; seed < 60; seed += 1) {
      rmSync(path.join(stateDir, 'app'), { recursive: true, force: true });
      const { position, entries } = await reopened(() =>
        truncateSync(file(/\.log$/), length - 1 - random.integer(length - 1)),
      );
      expect(entries).toHaveLength(position?.offset ?? 0);
    }
  });
});

describe('the folder of an application', () => {
  test('belongs to one process: another is told which, and what to do', async () => {
    const script = [
      "import { StateDirectory } from './stores/state-directory.ts';",
      "import { noMetrics } from './kernel/metrics.ts';",
      "import { silentLogger } from './kernel/logger.ts';",
      "import { systemClock } from './kernel/clock.ts';",
      `await StateDirectory.open({ stateDir: ${JSON.stringify(stateDir)}, applicationId: 'app', clock: systemClock, metrics: noMetrics, logger: silentLogger });`,
      "console.log('has it'); setInterval(() => undefined, 1000);",
    ].join('\n');
    const holder = spawn(process.execPath, [
      '--import',
      'tsx',
      '--input-type=module',
      '--eval',
      script,
    ]);
    await new Promise((resolve) => holder.stdout.once('data', resolve));

    const refused = open();
    expect(await errorCodeOf(refused)).toBe('STATE_LOCKED');
    await expect(refused).rejects.toThrow(new RegExp(`${holder.pid}.*ROLLGUARD_STATE_DIR`));

    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await ended;
    await (await open()).close();
  });
});

function lateClock(): ManualClock {
  return new ManualClock(new ManualClock().nowMs() + 61_000);
}
