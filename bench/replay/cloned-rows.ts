/**
 * More captured rows than were captured: copies of real ones under other ids. An id is text of one length
 * wherever it is (keys, columns, documents), so that a copy differs from its original in those bytes only.
 */
import type { FetchedRecord, ProduceBatch, ProduceRecord } from '../../streams/kafka/port.ts';

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** So many hex digits of an id are changed: one copy fewer than they can name. */
const changedDigits = 4;
export const clonesMax = 16 ** changedDigits - 1;

/** @param kept ids that a copy shares with its original, such as its property. */
export function cloneRecord(
  { key, value, timestampMs, headers }: FetchedRecord,
  clone: number,
  kept: ReadonlySet<string>,
): ProduceRecord {
  return {
    ...{ timestampMs, headers },
    key: key && cloneBytes(key, clone, kept),
    value: value && cloneBytes(value, clone, kept),
  };
}

function cloneBytes(bytes: Buffer, clone: number, kept: ReadonlySet<string>): Buffer {
  const copy = Buffer.from(bytes);
  for (const { 0: id, index } of bytes.toString('latin1').matchAll(uuid)) {
    if (kept.has(id)) continue;
    const digits = parseInt(id.slice(0, changedDigits), 16) ^ clone;
    copy.write(digits.toString(16).padStart(changedDigits, '0'), index, 'latin1');
  }
  return copy;
}

/** A partition's records, in order. */
export interface PartitionRows {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly FetchedRecord[];
}

/** One copy of every row, in its original's partition, in batches of at most so many records. */
export function* clonedBatches(
  rows: readonly PartitionRows[],
  { clone, kept, size }: { clone: number; kept: ReadonlySet<string>; size: number },
): Generator<ProduceBatch> {
  for (const { topic, partition, records } of rows) {
    for (let from = 0; from < records.length; from += size) {
      const part = records.slice(from, from + size);
      yield { topic, partition, records: part.map((each) => cloneRecord(each, clone, kept)) };
    }
  }
}
