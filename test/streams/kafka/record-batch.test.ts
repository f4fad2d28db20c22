import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ProduceRecord } from '../../../streams/kafka/port.ts';
import { decodeRecords, type DecodedRecords } from '../../../streams/kafka/record-batch-reader.ts';
import { recordsOf } from '../../../streams/kafka/packed-records.ts';
import { planBatches } from '../../../streams/kafka/record-batch.ts';
import { encodeAll, sealed, storedBatch } from './batches.ts';
import { javaBytes, javaRecords } from './java-client.ts';

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const nullable = fc.option(bytes, { freq: 5 });
const record: fc.Arbitrary<ProduceRecord> = fc.record({
  key: nullable,
  value: nullable,
  timestampMs: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 45 })),
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme' }), value: nullable }), {
    maxLength: 3,
  }),
});
const records = fc.array(record, { minLength: 1, maxLength: 30 });

const fetched = (all: readonly ProduceRecord[], baseOffset: number): object[] =>
  all.map(({ headers = [], ...rest }, i) => ({ offset: baseOffset + i, ...rest, headers }));

const asWritten = ({ key, value, timestampMs, headers = [] }: ProduceRecord): object => ({
  ...{ key, value, timestampMs, headers },
});

/** Records with their parts as properties of their own. */
const plainly = ({ records, nextOffset }: DecodedRecords): object => ({
  records: [...records].map(({ offset, key, value, timestampMs, headers }) => ({
    ...{ offset, key, value, timestampMs, headers },
  })),
  nextOffset,
});

describe('record batch', () => {
  test('writes the Java client’s bytes', () => {
    expect(encodeAll(javaRecords)).toEqual([javaBytes('plain')]);
  });

  test('comes back as it was written, split or not', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 100, max: 2_000 }), (all, bytesMax) => {
        let offset = 0;
        const batches = encodeAll(all, bytesMax).map((batch) => {
          const stored = sealed(batch, offset);
          offset += batch.readInt32BE(57);
          return stored;
        });

        const decoded = plainly(decodeRecords(Buffer.concat(batches), 0, []));

        expect(decoded).toEqual({ records: fetched(all, 0), nextOffset: all.length });
      }),
    );
  });

  test('exceeds the size limit with a single record only, and has the planned size', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 100, max: 2_000 }), (all, bytesMax) => {
        const plans = planBatches(all, bytesMax);

        expect(plans.flatMap(({ run }) => [...recordsOf(run)].map(asWritten))).toEqual(
          all.map(asWritten),
        );
        expect(encodeAll(all, bytesMax).map(({ length }) => length)).toEqual(
          plans.map((plan) => plan.bytes),
        );
        for (const plan of plans) {
          expect(plan.bytes <= bytesMax || plan.run.count === 1).toBe(true);
        }
      }),
    );
  });
});

describe.each(['gzip', 'snappy', 'lz4'] as const)('a batch compressed with %s', (type) => {
  test('comes back as it was written, and is smaller where its records are alike', () => {
    fc.assert(
      fc.property(records, fc.nat(1_000), (all, copies) => {
        const repeated = [...all, ...Array.from({ length: copies }, () => all[0] as ProduceRecord)];
        const [plain = Buffer.alloc(0)] = encodeAll(repeated);
        const [batch = Buffer.alloc(0)] = encodeAll(repeated, Infinity, type);

        const decoded = plainly(decodeRecords(sealed(batch, 0), 0, []));

        expect(decoded).toEqual({ records: fetched(repeated, 0), nextOffset: repeated.length });
        expect(batch.length).toBeLessThanOrEqual(plain.length);
        if (copies > 100) expect(batch.length).toBeLessThan(plain.length);
      }),
      { numRuns: 30 },
    );
  });
});

describe('record batch reader', () => {
  test.each(['gzip', 'snappy', 'lz4', 'zstd'])('reads the Java client’s %s batch', (type) => {
    const decoded = plainly(decodeRecords(javaBytes(type), 100, []));

    expect(decoded).toEqual({ records: fetched(javaRecords, 100), nextOffset: 104 });
  });

  test('gives the append time where the topic asks for it', () => {
    const decoded = decodeRecords(javaBytes('logAppendTime'), 50, []);

    expect([...decoded.records].map(({ timestampMs }) => timestampMs)).toEqual(
      Array(4).fill(1_750_000_000_000),
    );
  });

  test('leaves markers out and moves past them', () => {
    const log = Buffer.concat([javaBytes('abortMarker'), javaBytes('commitMarker')]);

    expect(decodeRecords(log, 9, [])).toEqual({ records: [], nextOffset: 10 });
  });

  test('leaves out records below the wanted offset', () => {
    const decoded = decodeRecords(javaBytes('gzip'), 102, []);

    expect([...decoded.records].map(({ offset }) => offset)).toEqual([102, 103]);
  });

  test('moves past offsets that compaction has removed', () => {
    const stored = storedBatch({
      baseOffset: 10,
      producerId: -1,
      values: ['a', 'b'],
      kind: 'plain',
    });
    stored.writeInt32BE(9, 23); // the batch reached to offset 19 once

    const decoded = decodeRecords(sealed(stored, 10), 5, []);

    expect([...decoded.records].map(({ offset }) => offset)).toEqual([10, 11]);
    expect(decoded.nextOffset).toBe(20);
  });

  test('ignores a batch that was cut off, wherever', () => {
    const whole = storedBatch({ baseOffset: 0, producerId: -1, values: ['a'], kind: 'plain' });
    const next = storedBatch({ baseOffset: 1, producerId: -1, values: ['b'], kind: 'plain' });
    for (let length = 0; length < next.length; length += 1) {
      const decoded = decodeRecords(Buffer.concat([whole, next.subarray(0, length)]), 0, []);

      expect(decoded.records).toHaveLength(1);
      expect(decoded.nextOffset).toBe(1);
    }
  });

  test('refuses a batch in which any checked byte has changed', () => {
    const whole = storedBatch({ baseOffset: 0, producerId: -1, values: ['a'], kind: 'plain' });
    for (let at = 17; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;

      expect(() => decodeRecords(damaged, 0, [])).toThrow('checksum');
    }
  });

  test('refuses the formats before version 2', () => {
    const old = storedBatch({ baseOffset: 0, producerId: -1, values: ['a'], kind: 'plain' });
    old[16] = 1;

    expect(() => decodeRecords(old, 0, [])).toThrow('is not of record format 2');
  });
});
