import { describe, expect, test } from '@jest/globals';
import { PartitionLog, type LogTransaction } from '../../testing/in-process/partition-log.ts';

const retentionMs = 1_000;

function logOf(...pairs: readonly (readonly [key: string, value: string | null])[]): PartitionLog {
  const log = new PartitionLog();
  log.append(
    pairs.map(([key, value]) => ({
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(value),
      timestampMs: 1,
    })),
  );
  return log;
}

function shown(log: PartitionLog): readonly string[] {
  return log
    .readCommitted(0, Infinity)
    .records.map(({ offset, key, value }) => `${offset} ${String(key)}=${String(value)}`);
}

describe("a compacted partition's cleaner", () => {
  test('keeps the last record of each key where it is; the history keeps them all', () => {
    const log = logOf(['a', '1'], ['b', '1'], ['a', '2']);
    log.compact(0, retentionMs);

    expect(shown(log)).toEqual(['1 b=1', '2 a=2']);
    expect(log.readCommitted(0, Infinity).nextOffset).toBe(3);
    expect(log.committedHistory()).toHaveLength(3);
  });

  test('takes a tombstone away when its retention is over since the first pass that met it', () => {
    const log = logOf(['a', '1'], ['a', null]);
    log.compact(500, retentionMs);
    log.compact(500 + retentionMs - 1, retentionMs);
    const during = shown(log);
    log.compact(500 + retentionMs, retentionMs);

    expect(during).toEqual(['1 a=null']);
    expect(shown(log)).toEqual([]);
  });

  test('touches nothing of an open transaction, and counts nothing of an aborted one', () => {
    const log = logOf(['a', '1']);
    const aborted = { state: 'open' as 'open' | 'aborted' };
    const record = { key: Buffer.from('a'), value: Buffer.from('2'), timestampMs: 1 };
    log.append([record], aborted);
    log.compact(0, retentionMs);
    const during = shown(log);
    aborted.state = 'aborted';
    log.end(aborted);
    log.compact(0, retentionMs);

    expect(during).toEqual(['0 a=1']);
    expect(shown(log)).toEqual(['0 a=1']);
  });
});

describe('the end of the last whole transaction', () => {
  test('lies before one that is cut, and behind one that lacks its marker alone', () => {
    const log = logOf(['a', '1']);
    const transaction: LogTransaction = { state: 'open' };
    const record = { key: Buffer.from('b'), value: null, timestampMs: 1 };
    log.append([record, record], transaction);
    transaction.state = 'committed';
    log.end(transaction);

    expect([1, 2, 3, 4].map((offset) => log.transactionEndBefore(offset))).toEqual([1, 1, 3, 4]);
  });
});
