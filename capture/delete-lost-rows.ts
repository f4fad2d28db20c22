/**
 * Writes the deletions that nobody streams any more into a captured table's topic: for each row its last image
 * as Debezium's deletion, then a tombstone, under the row's own key and in its own partition. Written only
 * while the connector stands still: so nothing of the same row can come between, and what compaction keeps in
 * the end is what is so.
 */
import { RollguardError } from '../kernel/errors.ts';
import { captureEpochHeader } from '../schemas/capture-epoch.ts';
import type { DebeziumEditor, SeenAbsent } from '../schemas/debezium-editor.ts';
import type { FetchedRecord, KafkaPort } from '../streams/index.ts';
import type { PlainProducer, ProduceRecord } from '../streams/kafka/port.ts';
import { readRanges } from '../streams/kafka/read-ranges.ts';
import type { LostRow } from './table-fold.ts';

export interface DeleteLostRowsOptions {
  readonly port: KafkaPort;
  readonly producer: PlainProducer;
  readonly editor: DebeziumEditor;
  readonly topic: string;
  readonly epoch: number;
  /** In the order of where they lie. */
  readonly rows: readonly LostRow[];
  readonly seen: SeenAbsent;
}

const rowsPerBatch = 200;

/** Done again, it changes nothing: the same rows are deleted once more. */
export async function deleteLostRows(options: DeleteLostRowsOptions): Promise<void> {
  const { rows, producer, topic } = options;
  for (const partition of new Set(rows.map((row) => row.partition))) {
    const offsets = rows.filter((row) => row.partition === partition).map(({ offset }) => offset);
    for (let at = 0; at < offsets.length; at += rowsPerBatch) {
      const images = await readAt(options, partition, offsets.slice(at, at + rowsPerBatch));
      const records: ProduceRecord[] = [];
      for (const image of images) records.push(...(await deletionOf(image, options)));
      await producer.produce([{ topic, partition, records }]);
    }
  }
}

async function readAt(
  { port, topic }: DeleteLostRowsOptions,
  partition: number,
  offsets: readonly number[],
): Promise<readonly FetchedRecord[]> {
  const wanted = new Set(offsets);
  const found: FetchedRecord[] = [];
  const range = { topic, partition, from: offsets[0] ?? 0, to: (offsets.at(-1) ?? -1) + 1 };
  await readRanges(port, [range], (record) => {
    if (wanted.has(record.offset)) found.push(record);
    return true;
  });
  if (found.length === wanted.size) return found;
  const message = `${topic}-${partition} was compacted while its deletions were written: run the recovery again`;
  throw new RollguardError('ILLEGAL_STATE', message);
}

async function deletionOf(
  { key, value }: FetchedRecord,
  { editor, epoch, seen, topic }: DeleteLostRowsOptions,
): Promise<readonly ProduceRecord[]> {
  if (value !== null) await editor.prepare(value);
  const deletion = value === null ? undefined : editor.deletion(value, seen);
  if (deletion === undefined) {
    throw new RollguardError('DECODE_FAILED', `${topic} has a row whose last image has no columns`);
  }
  const headers = [{ key: captureEpochHeader, value: Buffer.from(String(epoch)) }];
  const timestampMs = seen.atMs;
  return [
    { key, value: deletion, timestampMs, headers },
    { key, value: null, timestampMs, headers },
  ];
}
