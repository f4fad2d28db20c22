/** Plans, and the options that say where to: pure. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { planReplay, type KnownPartition } from '../../../tools/replay-offsets/replay-plan.ts';
import {
  durationMs,
  resetTarget,
  type ResetTarget,
  type TargetFlags,
} from '../../../tools/replay-offsets/reset-target.ts';

const cleared = ['app-facts-repartition', 'app-ledger-changelog'];
const ticks: KnownPartition = {
  ...{ topic: 'app-ticks', partition: 0, committed: 7, earliest: 0, latest: 9 },
};

const partition = (topic: string, number: number) =>
  fc
    .record({
      earliest: fc.nat(20),
      length: fc.nat(50),
      read: fc.option(fc.nat(50)),
      time: fc.nat(60),
    })
    .map(({ earliest, length, read, time }): KnownPartition => {
      const latest = earliest + length;
      const committed = read === null ? undefined : Math.min(latest, earliest + read);
      const atTime = time > length ? -1 : earliest + time;
      return { topic, partition: number, committed, earliest, latest, atTime };
    });
const inputs = fc.tuple(partition('one', 0), partition('one', 1), partition('two', 0));
const target: fc.Arbitrary<ResetTarget> = fc.oneof(
  fc.constant({ kind: 'earliest' } as const),
  fc.constant({ kind: 'latest' } as const),
  fc.record({ kind: fc.constant('offset' as const), offset: fc.nat(90) }),
  fc.record({ kind: fc.constant('datetime' as const), atMs: fc.nat() }),
  fc.record({ kind: fc.constant('shift' as const), by: fc.integer({ min: -60, max: 60 }) }),
  fc.nat(90).map((offset) => ({ kind: 'file' as const, offsets: new Map([['one-1', offset]]) })),
);

function plan(to: ResetTarget, known: readonly KnownPartition[], narrowed = {}) {
  return planReplay({
    ...{ target: to, topics: [], partitions: [], inputs: known, keptLogs: [ticks], cleared },
    ...{ outputTopic: 'events', ...narrowed },
  });
}

describe('a plan', () => {
  test('stays within what is there, says what it clipped, and counts what it moves', () => {
    fc.assert(
      fc.property(inputs, target, (known, to) => {
        const { partitions, again, skipped } = plan(to, known);
        for (const each of partitions) {
          const of = [...known, ticks].find(
            ({ topic, partition: number }) => topic === each.topic && number === each.partition,
          );
          expect(each.then).toBeGreaterThanOrEqual(of?.earliest ?? Infinity);
          expect(each.then).toBeLessThanOrEqual(of?.latest ?? -1);
          expect(each.skipped - each.again).toBe(each.then - each.now);
          expect(Math.min(each.skipped, each.again)).toBe(0);
          if (to.kind === 'offset' && of?.topic !== ticks.topic) {
            expect(each.clippedFrom ?? each.then).toBe(to.offset);
          }
        }
        expect(again).toBe(partitions.reduce((sum, each) => sum + each.again, 0));
        expect(skipped).toBe(partitions.reduce((sum, each) => sum + each.skipped, 0));
      }),
    );
  });

  test('clears only for everything from a beginning that nothing was deleted of', () => {
    fc.assert(
      fc.property(inputs, target, fc.boolean(), (known, to, isNarrowed) => {
        const {
          isFull,
          cleared: gone,
          why,
        } = plan(to, known, isNarrowed ? { topics: ['one'] } : {});
        const isWhole = known.every(({ earliest }) => earliest === 0);
        expect(isFull).toBe(to.kind === 'earliest' && !isNarrowed && isWhole);
        expect(gone).toEqual(isFull ? cleared : []);
        expect(why).not.toBe('');
      }),
    );
  });

  test('moves nothing but the chosen partitions', () => {
    fc.assert(
      fc.property(inputs, target, (known, to) => {
        const { partitions } = plan(to, known, { topics: ['one'], partitions: [1] });
        const moved = partitions.filter(({ now, then }) => now !== then);
        expect(moved.every(({ topic, partition: n }) => topic === 'one' && n === 1)).toBe(true);
      }),
    );
  });

  const known = [{ topic: 'one', partition: 0, committed: 4, earliest: 0, latest: 5 }];
  test.each([
    [{ topics: ['three'] }, {}, /--topic three is no input .*what can be reset is one/],
    [{ topics: ['app-ticks'] }, {}, /app-ticks is the application's own, and read again only by/],
    [{ topics: ['app-facts-repartition'] }, {}, /is the application's own/],
    [{ partitions: [3] }, {}, /--partition 3: no chosen topic has it/],
    [{}, { kind: 'file', offsets: new Map([['x-0', 1]]) }, /--from-file names x-0; what can be/],
  ])('of %j is refused', (narrowed, to, message) => {
    expect(() => plan({ kind: 'earliest', ...to } as ResetTarget, known, narrowed)).toThrow(
      message,
    );
  });
});

describe('where to', () => {
  const parts = {
    nowMs: Date.parse('2026-05-10T12:00:00Z'),
    readFile: () => '# comment\none,0,5\n\n"two", 1, 7\n',
  };
  const twoOffsets = new Map([
    ['one-0', 5],
    ['two-1', 7],
  ]);
  const at = (text: string) => ({ kind: 'datetime', atMs: Date.parse(text) });

  test.each([
    [{ toEarliest: true }, { kind: 'earliest' }, '--to-earliest'],
    [{ toOffset: '12' }, { kind: 'offset', offset: 12 }, '--to-offset 12'],
    [{ shiftBy: '-5' }, { kind: 'shift', by: -5 }, '--shift-by -5'],
    [{ byDuration: '2h' }, at('2026-05-10T10:00:00Z'), '--by-duration 2h'],
    [{ byDuration: 'P1DT30M' }, at('2026-05-09T11:30:00Z'), '--by-duration P1DT30M'],
    [{ toDatetime: '2026-05-01' }, at('2026-05-01T00:00:00Z'), '--to-datetime 2026-05-01'],
    [
      { toDatetime: '2026-05-01T10:00:00+03:00' },
      at('2026-05-01T07:00:00Z'),
      '--to-datetime 2026-05-01T10:00:00+03:00',
    ],
    [{ fromFile: 'x.csv' }, { kind: 'file', offsets: twoOffsets }, '--from-file x.csv'],
  ])('%j', (flags, found, asked) => {
    expect(resetTarget(flags as object, parts)).toEqual({ target: found, asked });
  });

  test.each([
    [{}, /exactly one of --to-earliest, .*; there is none/],
    [{ toEarliest: true, toOffset: '1' }, /there is --to-earliest and --to-offset/],
    [{ toOffset: '-1' }, /--to-offset -1: it must be a whole number/],
    [{ toDatetime: 'yesterday' }, /--to-datetime yesterday: it must be like/],
    [{ byDuration: 'P' }, /--by-duration P: it must be like/],
    [{ byDuration: '1 hour' }, /it must be like PT2H/],
  ])('%j is refused', (flags, message) => {
    expect(() => resetTarget({ ...(flags as TargetFlags) }, parts)).toThrow(message);
  });

  test.each([
    ['one,0', /line 1 is not topic,partition,offset/],
    ['one,0,1\none,0,2', /line 2: one-0 is there twice/],
    ['', /has no line/],
  ])('a file of %j is refused', (text, message) => {
    const readFile = (): string => text;
    expect(() => resetTarget({ fromFile: 'x.csv' }, { ...parts, readFile })).toThrow(message);
  });

  test('durations add up', () => {
    expect(durationMs('P1W2DT3H4M5.5S')).toBe(((9 * 24 + 3) * 60 + 4) * 60_000 + 5_500);
  });
});
