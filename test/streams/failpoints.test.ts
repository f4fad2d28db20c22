/** A failure at every named place of the engine: nothing is lost, doubled or answered without a commit. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { failpoints, parseFailpoints, type FailpointName } from '../../kernel/failpoints.ts';
import { TopologyTestDriver, type TestDriverOptions } from '../../testing/topology-test-driver.ts';
import { tally } from '../support/tally.ts';

const topics = { lines: 1, counts: 1 };
const rounds = 25;
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
const drivers: TopologyTestDriver[] = [];

afterEach(async () => {
  await Promise.all(drivers.splice(0).map((driver) => driver.close()));
});

async function start(options: Partial<TestDriverOptions> = {}): Promise<TopologyTestDriver> {
  const driver = await TopologyTestDriver.start({
    topology: tally(),
    topics,
    // Every commit writes a checkpoint.
    options: { checkpointRecordsMax: 1 },
    ...options,
  });
  drivers.push(driver);
  return driver;
}

interface Outcome {
  readonly reached: ReadonlySet<string>;
  /** The counts that callers were told. */
  readonly answered: readonly number[];
  readonly byLines: readonly number[];
  readonly byCalls: readonly number[];
}

/** Lines and calls on an instance that fails, after one whose changelog it has to restore. */
async function runWith(text: string): Promise<Outcome> {
  const first = await start();
  first.pipe('lines', { key: 'line', value: 'x' });
  await first.advance();
  await first.close();
  drivers.length = 0;
  const reached = new Set<string>();
  const armed = parseFailpoints(text, {
    kill: () => undefined,
    pause: () => undefined,
    report: (line) => void reached.add(line.split(' ')[1] ?? ''),
  });
  const { kafka, clock } = first;
  const driver = await start({ failpoints: armed, kafka, clock });
  const answered: number[] = [];
  const target = { subTopology: 'count', partition: 0 };
  for (let round = 0; round < rounds; round += 1) {
    driver.pipe('lines', { key: 'line', value: 'x' });
    const deadlineMs = driver.clock.nowMs() + 60_000;
    driver.streams
      .call<number>(target, 'call', { deadlineMs })
      .then((count) => void answered.push(count))
      .catch(() => undefined);
    await driver.advance(1_000);
  }
  await driver.advance(30_000);
  const counts = driver.read('counts').map(({ key, value }) => [String(key), Number(value)]);
  const of = (key: string): number[] =>
    counts.flatMap(([each, count]) => (each === key ? [Number(count)] : []));
  return { reached, answered, byLines: of('line'), byCalls: of('call') };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('a failure at a failpoint', () => {
  test.each(Object.keys(failpoints) as FailpointName[])(
    '%s: every line counts once, every answer is committed',
    async (name) => {
      const { reached, answered, byLines, byCalls } = await runWith(
        `${name}:error@1,${name}:error@4`,
      );

      expect([...reached]).toEqual([name]);
      expect(byLines).toEqual(upTo(rounds + 1));
      expect(byCalls).toEqual(upTo(byCalls.length));
      expect(answered.filter((count) => !byCalls.includes(count))).toEqual([]);
      expect(new Set(answered).size).toBe(answered.length);
      expect(answered.length).toBeGreaterThan(rounds / 2);
    },
  );

  test.each(seeds)('anywhere, seed %i: the same', async (seed) => {
    const { reached, answered, byLines, byCalls } = await runWith(`seed=${seed},any:error~0.04`);

    expect(reached.size).toBeGreaterThan(0);
    expect(byLines).toEqual(upTo(rounds + 1));
    expect(byCalls).toEqual(upTo(byCalls.length));
    expect(answered.filter((count) => !byCalls.includes(count))).toEqual([]);
  });
});
