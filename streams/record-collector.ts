/**
 * The output records of a task's open transaction, partitioned and encoded, waiting for the commit.
 * Never sends anything itself: the commit produces them with the changelog in one request.
 */
import { RollguardError } from '../kernel/errors.ts';
import { partitionFor } from '../kernel/murmur2.ts';
import { PackedRecords, batchBytesDefault } from './kafka/packed-records.ts';
import type { ProduceBatch, ProduceRecord, RecordHeader } from './kafka/port.ts';
import { checkRecordSize, type KnownTopic, type OutputTopics } from './output-topics.ts';
import type { StreamRecord } from './processor.ts';
import type { SinkNode } from './topology-builder.ts';

// What a record costs on the wire beside its key and value, roughly.
const recordOverheadBytes = 24;
/** Where no record is open. */
const nothing = new PackedRecords();

export interface OutputRecord {
  readonly topic: string;
  readonly partition: number;
  readonly record: ProduceRecord;
}

interface OutputBatch {
  readonly topic: string;
  readonly partition: number;
  records: PackedRecords;
  /** What it took in the transaction before, roughly. */
  usualBytes: number;
}

interface Output {
  readonly known: KnownTopic;
  /** By partition. */
  readonly batches: OutputBatch[];
}

export class RecordCollector {
  readonly #topics: OutputTopics;
  readonly #outputs = new Map<string, Output>();
  /** Those of the open transaction. */
  #open: OutputBatch[] = [];
  #bytes = 0;
  #count = 0;

  constructor(topics: OutputTopics) {
    this.#topics = topics;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** @throws TOPIC_MISSING, RECORD_TOO_LARGE, and what serialising throws. */
  send(sink: SinkNode, topic: string, record: StreamRecord<unknown, unknown>): void {
    const output = this.#outputTo(topic);
    const { partitionCount } = output.known;
    if (partitionCount === undefined) {
      throw new RollguardError(
        'TOPIC_MISSING',
        `sink '${sink.name}': topic ${topic} does not exist`,
      );
    }
    const { key, value } = sink.serialize(record);
    checkRecordSize(output.known, bytesOf(key, value, record.headers));
    const chosen = sink.partition?.(record, partitionCount);
    const { timestampMs, headers } = record;
    const written: ProduceRecord = { key, value, timestampMs, headers };
    if (chosen === 'all') {
      for (let partition = 0; partition < partitionCount; partition += 1) {
        this.#append(output, partition, written);
      }
      return;
    }
    // A record without a key has no owner; it goes where its topic's first partition is read.
    const partition = chosen ?? (key === null ? 0 : partitionFor(key, partitionCount));
    this.#append(output, partition, written);
  }

  add({ topic, partition, record }: OutputRecord): void {
    this.#append(this.#outputTo(topic), partition, record);
  }

  /** What is to be produced; the collector is empty afterwards. */
  drain(): readonly ProduceBatch[] {
    const batches = this.#open.map(({ topic, partition, records }) => ({
      ...{ topic, partition, records },
    }));
    this.clear();
    return batches;
  }

  clear(): void {
    for (const batch of this.#open) {
      batch.usualBytes = batch.records.bytes;
      batch.records = nothing;
    }
    this.#open = [];
    this.#bytes = 0;
    this.#count = 0;
  }

  #outputTo(topic: string): Output {
    let output = this.#outputs.get(topic);
    if (output === undefined) {
      output = { known: this.#topics.find(topic), batches: [] };
      this.#outputs.set(topic, output);
    }
    return output;
  }

  #append({ known, batches }: Output, partition: number, record: ProduceRecord): void {
    const topic = known.name;
    const batch = (batches[partition] ??= { topic, partition, records: nothing, usualBytes: 0 });
    if (batch.records === nothing) {
      batch.records = new PackedRecords(batchBytesDefault, batch.usualBytes);
      this.#open.push(batch);
    }
    batch.records.append(record);
    this.#count += 1;
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + recordOverheadBytes;
  }
}

function bytesOf(
  key: Buffer | null,
  value: Buffer | null,
  headers: readonly RecordHeader[] = [],
): number {
  let bytes = (key?.length ?? 0) + (value?.length ?? 0);
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0) + 8;
  return bytes;
}
