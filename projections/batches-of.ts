/** What was fetched of one partition, cut into transactions; each begins where the one before it ends. */
import type { FetchedRecord } from '../streams/index.ts';
import type { FetchedPartition } from '../streams/kafka/port.ts';
import type { Batch } from './apply-batch.ts';

interface BatchLimits {
  readonly recordsMax: number;
  /** Of keys and values; a larger single record is a batch of its own. */
  readonly bytesMax: number;
}

/** Made one after another: what waits stays bytes. */
export function* batchesOf(
  fetched: FetchedPartition,
  from: number,
  { recordsMax, bytesMax }: BatchLimits,
): Generator<Batch> {
  const { topic, partition, highWatermark, nextOffset: end } = fetched;
  let begin = from;
  let records: FetchedRecord[] = [];
  let bytes = 0;
  for (const record of fetched.records) {
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0);
    const isFull = records.length >= recordsMax || bytes + size > bytesMax;
    if (isFull && records.length > 0) {
      const nextOffset = record.offset;
      yield { topic, partition, from: begin, nextOffset, highWatermark, records };
      begin = nextOffset;
      records = [];
      bytes = 0;
    }
    records.push(record);
    bytes += size;
  }
  // Also when nothing but markers came: the table then shows that nothing is missing.
  if (end > begin) {
    yield { topic, partition, from: begin, nextOffset: end, highWatermark, records };
  }
}
