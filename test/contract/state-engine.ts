/** What every StateEngine must do; run against each from test/stores/. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type {
  ChangelogPosition,
  RangeQuery,
  StateChange,
  StateEngine,
  StateEntry,
} from '../../stores/state-engine.ts';

export interface EngineUnderTest {
  /** A fresh engine. */
  readonly open: () => Promise<StateEngine>;
  /** Closes the engine and opens what it left; the same engine where nothing outlives it. */
  readonly reopen: (engine: StateEngine) => Promise<StateEngine>;
}

const key = (text: string): Buffer => Buffer.from(text, 'latin1');
const put = (name: string, value: string): StateChange => ({ key: key(name), value: key(value) });
const gone = (name: string): StateChange => ({ key: key(name), value: undefined });
const at = (offset: number): ChangelogPosition => ({ topicId: 'topic', offset, writtenAtMs: 7 });
const all: RangeQuery = { gte: Buffer.alloc(0), limit: 1_000 };

const texts = (entries: readonly StateEntry[]): string[] =>
  entries.map(([name, value]) => `${name.toString('latin1')}=${value.toString('latin1')}`);

export function describeStateEngine(name: string, { open, reopen }: EngineUnderTest): void {
  describe(`${name} as a state engine`, () => {
    let engine: StateEngine;

    beforeEach(async () => {
      engine = await open();
    });

    afterEach(async () => {
      await engine.close();
    });

    const valuesOf = async (...names: string[]): Promise<(string | undefined)[]> => {
      const values = await engine.getMany(names.map(key));
      return values.map((value) => value?.toString('latin1'));
    };
    const rangeOf = async (query: Partial<RangeQuery>): Promise<string[]> =>
      texts(await engine.range({ ...all, ...query }));

    test('has no position before the first write', async () => {
      expect(engine.position()).toBeUndefined();
      expect(await engine.range(all)).toEqual([]);
    });

    test('answers getMany in the order of the keys, absent ones as undefined', async () => {
      await engine.write([put('a', '1'), put('b', '2')], at(2));

      expect(await valuesOf('b', 'x', 'a', 'b')).toEqual(['2', undefined, '1', '2']);
      expect(await valuesOf()).toEqual([]);
    });

    test('answers more keys than one job of a thread pool takes', async () => {
      const names = Array.from({ length: 1_000 }, (_, index) => `key ${index}`);
      await engine.write(
        names.map((each) => put(each, `value of ${each}`)),
        at(1_000),
      );

      expect(await valuesOf(...names)).toEqual(names.map((each) => `value of ${each}`));
    });

    test('keeps the last of several changes of a key in one write', async () => {
      await engine.write(
        [put('a', '1'), put('b', '1'), gone('a'), put('a', '2'), gone('b')],
        at(5),
      );

      expect(await rangeOf({})).toEqual(['a=2']);
    });

    test('forgets a deleted key, and deletes an absent one without a word', async () => {
      await engine.write([put('a', '1')], at(1));
      await engine.write([gone('a'), gone('b')], at(3));

      expect(await valuesOf('a', 'b')).toEqual([undefined, undefined]);
      expect(await rangeOf({})).toEqual([]);
    });

    test('tells an empty value from an absent one', async () => {
      await engine.write([put('a', ''), gone('b')], at(2));

      expect(await valuesOf('a', 'b')).toEqual(['', undefined]);
      expect(await rangeOf({})).toEqual(['a=']);
    });

    test('takes the empty key and keys of any bytes, in unsigned byte order', async () => {
      const names = ['', '\x00', '\x00\x00', '\x01', 'A', 'a', '\x7f', '\x80', '\xff', '\xff\xff'];
      await engine.write(
        names.toReversed().map((each) => put(each, 'v')),
        at(10),
      );

      expect(await rangeOf({})).toEqual(names.map((each) => `${each}=v`));
      expect(await valuesOf(...names)).toEqual(names.map(() => 'v'));
    });

    test('ranges from gte up to, without, lt', async () => {
      await engine.write(
        ['a', 'b', 'c', 'd'].map((each) => put(each, 'v')),
        at(4),
      );

      expect(await rangeOf({ gte: key('b'), lt: key('d') })).toEqual(['b=v', 'c=v']);
      expect(await rangeOf({ gte: key('aa'), lt: key('bb') })).toEqual(['b=v']);
      expect(await rangeOf({ gte: key('c') })).toEqual(['c=v', 'd=v']);
      expect(await rangeOf({ gte: key('e') })).toEqual([]);
      expect(await rangeOf({ gte: key('c'), lt: key('c') })).toEqual([]);
      expect(await rangeOf({ gte: key('d'), lt: key('b') })).toEqual([]);
    });

    test('ranges backwards from the same bounds', async () => {
      await engine.write(
        ['a', 'b', 'c', 'd'].map((each) => put(each, 'v')),
        at(4),
      );

      expect(await rangeOf({ reverse: true })).toEqual(['d=v', 'c=v', 'b=v', 'a=v']);
      expect(await rangeOf({ gte: key('b'), lt: key('d'), reverse: true })).toEqual(['c=v', 'b=v']);
      expect(await rangeOf({ gte: key('aa'), lt: key('cc'), reverse: true, limit: 1 })).toEqual([
        'c=v',
      ]);
      expect(await rangeOf({ gte: key('e'), reverse: true })).toEqual([]);
      expect(await rangeOf({ gte: key('d'), lt: key('b'), reverse: true })).toEqual([]);
    });

    test('ends a range at its limit', async () => {
      await engine.write(
        ['a', 'b', 'c'].map((each) => put(each, 'v')),
        at(3),
      );

      expect(await rangeOf({ limit: 2 })).toEqual(['a=v', 'b=v']);
      expect(await rangeOf({ limit: 0 })).toEqual([]);
      expect(await rangeOf({ limit: Number.MAX_SAFE_INTEGER })).toHaveLength(3);
    });

    test('keeps a value of a megabyte', async () => {
      const value = Buffer.alloc(1024 * 1024, 'rollguard');
      await engine.write([{ key: key('big'), value }], at(1));

      engine = await reopen(engine);

      const [found] = await engine.getMany([key('big')]);
      expect(found?.equals(value)).toBe(true);
    });

    test('keeps the position together with the data', async () => {
      await engine.write([put('a', '1')], at(1));
      await engine.write([], { topicId: 'topic', offset: 9, writtenAtMs: 12.5 });

      engine = await reopen(engine);

      expect(engine.position()).toEqual({ topicId: 'topic', offset: 9, writtenAtMs: 12.5 });
      expect(await rangeOf({})).toEqual(['a=1']);
    });

    test('answers a read as of its call, whatever is written meanwhile', async () => {
      await engine.write([put('a', '1'), put('b', '1')], at(2));

      const range = engine.range(all);
      const values = engine.getMany([key('a'), key('b')]);
      await engine.write([put('a', '2'), gone('b'), put('c', '2')], at(5));

      expect(texts(await range)).toEqual(['a=1', 'b=1']);
      expect((await values).map(String)).toEqual(['1', '1']);
    });

    test('does not notice when a caller changes its buffers afterwards', async () => {
      const change = { key: key('a'), value: key('1') };
      await engine.write([change], at(1));

      change.key.write('b');
      change.value.write('2');

      expect(await rangeOf({})).toEqual(['a=1']);
    });

    test('finishes what is under way when it is closed, and refuses what comes later', async () => {
      const closing = await open();
      const written = closing.write([put('a', '1')], at(1));
      const range = closing.range(all);

      await closing.close();
      await closing.close();

      await expect(written).resolves.toBeUndefined();
      await expect(range).resolves.toBeDefined();
      const closed = { code: 'STORE_CLOSED' };
      await expect(closing.getMany([key('a')])).rejects.toMatchObject(closed);
      await expect(closing.range(all)).rejects.toMatchObject(closed);
      await expect(closing.write([], at(2))).rejects.toMatchObject(closed);
    });

    const manyOpens = 60_000;

    test(
      'agrees with a sorted map after any batches and reopens',
      async () => {
        await fc.assert(
          fc.asyncProperty(fc.array(step, { maxLength: 12, size: 'max' }), async (steps) => {
            let subject = await open();
            const model = new Map<string, string>();
            let offset = 0;
            for (const { changes, query, reopens } of steps) {
              offset += changes.length;
              await subject.write(changes.map(toChange), at(offset));
              for (const [name, value] of changes) {
                if (value === undefined) model.delete(name);
                else model.set(name, value);
              }
              if (reopens) subject = await reopen(subject);

              expect(subject.position()).toEqual(at(offset));
              expect(texts(await subject.range(toQuery(query)))).toEqual(modelRange(model, query));
            }
            await subject.close();
          }),
          { numRuns: 30 },
        );
      },
      manyOpens,
    );
  });
}

const shortKey = fc.string({
  unit: fc.constantFrom('\x00', '\x01', 'a', 'b', '\xfe', '\xff'),
  maxLength: 3,
});
const change = fc.tuple(
  shortKey,
  fc.option(fc.string({ unit: 'binary-ascii', maxLength: 3 }), { nil: undefined }),
);
const modelQuery = fc.record({
  from: shortKey,
  to: fc.option(shortKey, { nil: undefined }),
  limit: fc.integer({ min: 0, max: 10 }),
  reverse: fc.boolean(),
});
const step = fc.record({
  changes: fc.array(change, { maxLength: 20, size: 'max' }),
  query: modelQuery,
  reopens: fc.nat(4).map((dice) => dice === 0),
});

interface ModelQuery {
  readonly from: string;
  readonly to: string | undefined;
  readonly limit: number;
  readonly reverse: boolean;
}

function toChange([name, value]: readonly [string, string | undefined]): StateChange {
  return value === undefined ? gone(name) : put(name, value);
}

function toQuery({ from, to, limit, reverse }: ModelQuery): RangeQuery {
  return { gte: key(from), lt: to === undefined ? undefined : key(to), limit, reverse };
}

/** The same range over a plain map. */
function modelRange(
  model: ReadonlyMap<string, string>,
  { from, to, limit, reverse }: ModelQuery,
): string[] {
  const inside = [...model.keys()].filter(
    (name) => name >= from && (to === undefined || name < to),
  );
  const ordered = reverse ? inside.sort().reverse() : inside.sort();
  return ordered.slice(0, limit).map((name) => `${name}=${model.get(name) ?? ''}`);
}
