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

interface Log {
  readonly batches: StoredBatch[];
  readonly aborted: (AbortedTransaction & { readonly markerOffset: number })[];
  readonly committed: string[];
}

/** The broker's view, and the truth: a value is committed iff its transaction was, which its name tells. */
function build(steps: readonly Step[]): Log {
  const log: Log = { batches: [], aborted: [], committed: [] };
  const open = new Map<number, { readonly firstOffset: number; readonly values: string[] }>();
  const committedValues = new Set<string>();
  let offset = 0;
  for (const { producerId, kind, count } of steps) {
    if ((kind === 'commit' || kind === 'abort') && !open.has(producerId)) continue;
    const isData = kind === 'plain' || kind === 'transactional';
    const values = isData ? Array.from({ length: count }, (_, i) => `${offset + i}`) : [];
    log.batches.push({ baseOffset: offset, producerId, values, kind });
    if (kind === 'plain') for (const value of values) committedValues.add(value);
    if (kind === 'transactional') {
      const transaction = open.get(producerId) ?? { firstOffset: offset, values: [] };
      transaction.values.push(...values);
      open.set(producerId, transaction);
    }
    const ended = open.get(producerId);
    if (kind === 'commit') for (const value of ended?.values ?? []) committedValues.add(value);
    if (kind === 'abort') {
      const firstOffset = ended?.firstOffset ?? 0;
      log.aborted.push({ producerId, firstOffset, markerOffset: offset });
    }
    if (!isData) open.delete(producerId);
    offset += isData ? count : 1;
  }
  // Readers see up to the last stable offset: the first record of the oldest open transaction.
  const stable = Math.min(offset, ...[...open.values()].map(({ firstOffset }) => firstOffset));
  const isStable = ({ baseOffset }: StoredBatch): boolean => baseOffset < stable;
  log.batches.splice(0, log.batches.length, ...log.batches.filter(isStable));
  const all = log.batches.flatMap(({ values }) => values);
  log.committed.push(...all.filter((value) => committedValues.has(value)));
  return log;
}

const step: fc.Arbitrary<Step> = fc.record({
  producerId: fc.integer({ min: 1, max: 4 }),
  kind: fc.constantFrom('plain', 'transactional', 'transactional', 'commit', 'abort'),
  count: fc.integer({ min: 1, max: 3 }),
});

describe('aborted ranges', () => {
  test('leave exactly the committed records, wherever a fetch begins and ends', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.nat(100),
        fc.nat(60),
        (steps, from, size) => {
          const log = build(steps);
          const lastOf = ({ baseOffset, values }: StoredBatch): number =>
            baseOffset + Math.max(1, values.length) - 1;
          const first = log.batches.findIndex((batch) => lastOf(batch) >= from);
          const sent = first < 0 ? [] : log.batches.slice(first, first + size);
          const end = sent.length === 0 ? from : lastOf(sent.at(-1)!);
          const overlaps = log.aborted.filter(
            ({ firstOffset, markerOffset }) => firstOffset <= end && markerOffset >= from,
          );

          const decoded = decodeRecords(Buffer.concat(sent.map(storedBatch)), from, overlaps);

          const values = decoded.records.map(({ value }) => String(value));
          const isSent = (value: string): boolean => Number(value) >= from && Number(value) <= end;
          expect(values).toEqual(sent.length === 0 ? [] : log.committed.filter(isSent));
        },
      ),
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

    expect(decoded.records.map(({ value }) => String(value))).toEqual(['kept']);
  });
});
