import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AbortedTransaction } from '../../../streams/kafka/aborted-ranges.ts';
import { decodeRecords } from '../../../streams/kafka/record-batch-reader.ts';
import { storedBatch, type StoredBatch } from './batches.ts';

/** What happened to a log, one step a batch; a producer's marker ends its open transaction. */
interface Step {
  readonly producerId: number;
  readonly kind: StoredBatch['kind'];
  readonly count: number;
}

interface Transaction {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Undefined while it is open. */
  ended?: { readonly kind: 'commit' | 'abort'; readonly markerOffset: number };
}

interface LoggedBatch extends StoredBatch {
  /** Whose values these are; none for plain batches and markers. */
  readonly transaction?: Transaction;
}

/** The log these steps leave; a marker without an open transaction never happened. */
function build(steps: readonly Step[]): LoggedBatch[] {
  const open = new Map<number, Transaction>();
  const batches: LoggedBatch[] = [];
  let offset = 0;
  for (const { producerId, kind, count } of steps) {
    const isMarker = kind === 'commit' || kind === 'abort';
    let transaction = open.get(producerId);
    if (isMarker && transaction === undefined) continue;
    if (kind === 'transactional') transaction ??= { producerId, firstOffset: offset };
    if (isMarker && transaction) transaction.ended = { kind, markerOffset: offset };
    if (isMarker || !transaction) open.delete(producerId);
    else open.set(producerId, transaction);
    const from = offset;
    const values = isMarker ? [] : Array.from({ length: count }, (_, i) => `${from + i}`);
    const batch = { baseOffset: offset, producerId, values, kind };
    batches.push(kind === 'transactional' && transaction ? { ...batch, transaction } : batch);
    offset += isMarker ? 1 : count;
  }
  return batches;
}

const transactionsOf = (batches: readonly LoggedBatch[]): Transaction[] => [
  ...new Set(batches.flatMap(({ transaction }) => transaction ?? [])),
];

/** What a reader may see: batches before the first record of the oldest open transaction. */
function stableBatches(batches: readonly LoggedBatch[]): LoggedBatch[] {
  const open = transactionsOf(batches).filter(({ ended }) => ended === undefined);
  const stable = Math.min(...open.map(({ firstOffset }) => firstOffset));
  return batches.filter(({ baseOffset }) => baseOffset < stable);
}

/** What the broker tells with a fetch of these offsets. */
function abortedIn(
  batches: readonly LoggedBatch[],
  from: number,
  to: number,
): AbortedTransaction[] {
  return transactionsOf(batches).filter(
    ({ firstOffset, ended }) =>
      ended?.kind === 'abort' && firstOffset <= to && ended.markerOffset >= from,
  );
}

const lastOffset = ({ baseOffset, values }: StoredBatch): number =>
  baseOffset + Math.max(1, values.length) - 1;

const step: fc.Arbitrary<Step> = fc.record({
  producerId: fc.integer({ min: 1, max: 4 }),
  kind: fc.constantFrom('plain', 'transactional', 'transactional', 'commit', 'abort'),
  count: fc.integer({ min: 1, max: 3 }),
});

describe('aborted ranges', () => {
  test('leave exactly the committed records, wherever a fetch begins and ends', () => {
    const steps = fc.array(step, { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.nat(100), fc.integer({ min: 1, max: 60 }), (history, from, size) => {
        const log = build(history);
        const sent = stableBatches(log)
          .filter((batch) => lastOffset(batch) >= from)
          .slice(0, size);
        const to = Math.max(-1, ...sent.map(lastOffset));
        const committed = sent
          .filter(
            ({ transaction }) => transaction === undefined || transaction.ended?.kind === 'commit',
          )
          .flatMap(({ values }) => values)
          .filter((value) => Number(value) >= from);

        const bytes = Buffer.concat(sent.map(storedBatch));
        const decoded = decodeRecords(bytes, from, abortedIn(log, from, to));

        expect([...decoded.records].map(({ value }) => String(value))).toEqual(committed);
        expect(decoded.nextOffset).toBe(Math.max(from, to + 1));
      }),
      { numRuns: 500 },
    );
  });

  test('are not ended by a record that looks like an abort marker', () => {
    const batches: StoredBatch[] = [
      { baseOffset: 0, producerId: 1, values: ['\0\0\0\0'], kind: 'transactional' },
      { baseOffset: 1, producerId: 1, values: ['aborted'], kind: 'transactional' },
      { baseOffset: 2, producerId: 1, values: [], kind: 'abort' },
      { baseOffset: 3, producerId: 1, values: ['kept'], kind: 'transactional' },
      { baseOffset: 4, producerId: 1, values: [], kind: 'commit' },
    ];

    const log = Buffer.concat(batches.map(storedBatch));
    const decoded = decodeRecords(log, 0, [{ producerId: 1, firstOffset: 0 }]);

    expect([...decoded.records].map(({ value }) => String(value))).toEqual(['kept']);
  });
});
