import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { batchesOf } from '../../projections/batches-of.ts';
import { dealOut } from '../../projections/deal-out.ts';

const record = (offset: number, bytes: number) => ({
  ...{ offset, timestampMs: 0, key: null, value: Buffer.alloc(bytes), headers: [] },
});

describe('the batches of what was fetched', () => {
  test('hold every record once, lie end to end, and keep to their limits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ gap: fc.nat(3), bytes: fc.nat(50) }), { maxLength: 40 }),
        fc.nat(5),
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 120 }),
        (steps, markers, recordsMax, bytesMax) => {
          let next = 100;
          const records = steps.map(({ gap, bytes }) => {
            next += gap;
            return record(next++, bytes);
          });
          const nextOffset = next + markers;
          const limits = { highWatermark: nextOffset, lastStableOffset: 0, logStartOffset: 0 };
          const fetched = { topic: 't', partition: 0, records, nextOffset, ...limits };
          const batches = [...batchesOf(fetched, 100, { recordsMax, bytesMax })];
          const sizes = batches.map((batch) =>
            batch.records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
          );

          expect(batches.flatMap((batch) => batch.records)).toEqual(records);
          expect(batches.map(({ from }) => from)).toEqual(
            [100, ...batches.map((batch) => batch.nextOffset)].slice(0, batches.length),
          );
          expect(batches.at(-1)?.nextOffset ?? 100).toBe(nextOffset);
          expect(batches.every((batch) => batch.records.length <= recordsMax)).toBe(true);
          expect(
            batches.every(({ records: held }, at) => held.length <= 1 || sizes[at]! <= bytesMax),
          ).toBe(true);
        },
      ),
    );
  });
});

describe('the partitions of a group', () => {
  test('are dealt out each once, as evenly as they can be', () => {
    const partitions = Array.from({ length: 14 }, (_, partition) => ({ topic: 't', partition }));
    const members = ['b', 'a', 'c'].map((memberId) => ({
      ...{ memberId, groupInstanceId: undefined, userData: Buffer.alloc(0) },
    }));
    const shares = [...dealOut(partitions, members).values()].map((share) => share.partitions);

    expect(new Set(shares.flat())).toEqual(new Set(partitions));
    expect(shares.map(({ length }) => length).sort()).toEqual([4, 5, 5]);
  });
});
