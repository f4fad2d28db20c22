/**
 * The output records of a task's open transaction, partitioned and encoded, waiting for the commit.
 * Never sends anything itself: the commit produces them with the changelog in one request.
 */
import { RollguardError } from '../kernel/errors.ts';
import { partitionFor } from '../kernel/murmur2.ts';
import { PackedRecords } from './kafka/packed-records.ts';
import type { ProduceBatch, ProduceRecord, RecordHeader } from './kafka/port.ts';
import type { OutputTopics } from './output-topics.ts';
import type { StreamRecord } from './processor.ts';
import type { SinkNode } from './topology-builder.ts';

// What a record costs on the wire beside its key and value, roughly.
const recordOverheadBytes = 24;

export interface OutputRecord {
  readonly topic: string;
  readonly partition: number;
  readonly record: ProduceRecord;
}

interface OutputBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: PackedRecords;
}

export class RecordCollector {
  readonly #topics: OutputTopics;
  #batches: OutputBatch[] = [];
  /** The same, by topic and partition. */
  #byTopic = new Map<string, OutputBatch[]>();
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
    const partitionCount = this.#topics.partitionCount(topic);
    if (partitionCount === undefined) {
      throw new RollguardError(
        'TOPIC_MISSING',
        `sink '${sink.name}': topic ${topic} does not exist`,
      );
    }
    const { key, value } = sink.serialize(record);
    this.#topics.checkSize(topic, bytesOf(key, value, record.headers));
    const chosen = sink.partition?.(record, partitionCount);
    const output = produceRecord({ key, value, timestampMs: record.timestampMs }, record.headers);
    if (chosen === 'all') {
      for (let partition = 0; partition < partitionCount; partition += 1) {
        this.#append(topic, partition, output);
      }
      return;
    }
    // A record without a key has no owner; it goes where its topic's first partition is read.
    const partition = chosen ?? (key === null ? 0 : partitionFor(key, partitionCount));
    this.#append(topic, partition, output);
  }

  add({ topic, partition, record }: OutputRecord): void {
    this.#append(topic, partition, record);
  }

  #append(topic: string, partition: number, record: ProduceRecord): void {
    let partitions = this.#byTopic.get(topic);
    if (partitions === undefined) this.#byTopic.set(topic, (partitions = []));
    let batch = partitions[partition];
    if (batch === undefined) {
      batch = { topic, partition, records: new PackedRecords() };
      partitions[partition] = batch;
      this.#batches.push(batch);
    }
    batch.records.append(record);
    this.#count += 1;
    this.#bytes += (record.key?.length ?? 0) + (record.value?.length ?? 0) + recordOverheadBytes;
  }

  /** What is to be produced; the collector is empty afterwards. */
  drain(): readonly ProduceBatch[] {
    const batches = this.#batches;
    this.clear();
    return batches;
  }

  clear(): void {
    this.#batches = [];
    this.#byTopic = new Map();
    this.#bytes = 0;
    this.#count = 0;
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

function produceRecord(record: ProduceRecord, headers?: readonly RecordHeader[]): ProduceRecord {
  return headers === undefined || headers.length === 0 ? record : { ...record, headers };
}
