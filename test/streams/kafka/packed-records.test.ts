import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { keyName } from '../../../stores/key-name.ts';
import { PackedRecords } from '../../../streams/kafka/packed-records.ts';
import type { ProduceRecord } from '../../../streams/kafka/port.ts';
import { decodeRecords } from '../../../streams/kafka/record-batch-reader.ts';
import { planBatches } from '../../../streams/kafka/record-batch.ts';
import { encodeAll, sealed } from './batches.ts';

const bytes = fc.uint8Array({ maxLength: 3_000 }).map((array) => Buffer.from(array));
const record = fc.record({
  ...{ key: bytes, value: fc.option(bytes), timestampMs: fc.nat(2 ** 45) },
});
const records = fc.array(record, { minLength: 1, maxLength: 20 });

describe('packed records', () => {
  test('are the same whether their keys come as bytes or by name', () => {
    fc.assert(
      fc.property(records, (all) => {
        const named = new PackedRecords();
        for (const { key, value, timestampMs } of all) {
          named.appendNamed(keyName(key), value, timestampMs);
        }

        const runs = named.runs.map(({ records: packed }) => packed);
        expect(runs).toEqual(PackedRecords.of(all, Infinity).runs.map((run) => run.records));
      }),
    );
  });

  test('are packed anew where a topic takes smaller batches', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 100, max: 4_000 }), (all, bytesMax) => {
        expect(encodeAll(PackedRecords.of(all, Infinity), bytesMax)).toEqual(
          encodeAll(all, bytesMax),
        );
      }),
    );
  });

  test('keep what they were given, whatever becomes of its buffers', () => {
    const value = Buffer.from('before');
    const packed = PackedRecords.of([{ key: null, value, timestampMs: 1 }], Infinity);

    value.fill('x');

    expect([...packed].map((each) => String(each.value))).toEqual(['before']);
  });

  test('begin another batch where one is full', () => {
    const each: ProduceRecord = { key: null, value: Buffer.alloc(300_000), timestampMs: 1 };
    const packed = PackedRecords.of(Array<ProduceRecord>(7).fill(each), 1_000_000);

    expect(packed.runs.map(({ count }) => count)).toEqual([3, 3, 1]);
    expect(planBatches(packed, 1_000_000)).toHaveLength(3);
  });
});

test('fetched records are there in any order of asking', () => {
  fc.assert(
    fc.property(
      records,
      fc.nat(25),
      fc.array(fc.integer({ min: -2, max: 25 })),
      (all, from, asked) => {
        let offset = 0;
        const stored = encodeAll(all, 2_000).map((batch) => {
          const sealedBatch = sealed(batch, offset);
          offset += batch.readInt32BE(57);
          return sealedBatch;
        });
        const wanted = all.slice(from);

        const { records: fetched } = decodeRecords(Buffer.concat(stored), from, []);

        expect(fetched).toHaveLength(wanted.length);
        expect([...fetched].map(({ offset: at }) => at)).toEqual(wanted.map((_, i) => from + i));
        for (const index of asked) {
          const expected = index < 0 ? undefined : wanted[index];
          expect(fetched.at(index)?.key).toEqual(expected?.key);
          expect(fetched.at(index)?.timestampMs).toEqual(expected?.timestampMs);
        }
      },
    ),
  );
});
