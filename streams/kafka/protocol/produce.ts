/** Produce: one record batch for each of many partitions of one leader. */
import { encodeBatch, type BatchIdentity, type BatchPlan } from '../record-batch.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { byTopic, type Api, type Message, type PartitionError } from './message.ts';

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  readonly plan: BatchPlan;
  readonly identity: BatchIdentity;
}

export interface ProducedPartition extends PartitionError {
  readonly baseOffset: number;
  /** By the broker's clock; −1: the topic has its records' own times. */
  readonly appendedAtMs: number;
  /** The broker's own words, where it has some. */
  readonly errorMessage: string | null;
}

// Version 12 belongs to transaction version 2.
const api: Api = { key: 0, name: 'Produce', minVersion: 9, maxVersion: 11, flexible: true };
const allInSyncReplicas = -1;
const headBytes = 512;

export interface ProduceRequest {
  /** Null: outside any transaction. */
  readonly transactionalId: string | null;
  readonly timeoutMs: number;
  readonly batches: readonly PartitionBatch[];
}

export function produceRequest(request: ProduceRequest): Message<readonly ProducedPartition[]> {
  const batchBytes = request.batches.reduce((sum, { plan }) => sum + plan.bytes, 0);
  return {
    api,
    sizeHint: headBytes + batchBytes,
    encode: (writer) => {
      writer.compactNullableString(request.transactionalId);
      writer.int16(allInSyncReplicas);
      writer.int32(request.timeoutMs);
      writer.compactArray(byTopic(request.batches), ([topic, batches]) => {
        writer.compactString(topic);
        writer.compactArray(batches, (batch) => writeBatch(writer, batch));
        writer.noTags();
      });
      writer.noTags();
    },
    decode: readProduced,
  };
}

function writeBatch(writer: ByteWriter, { partition, plan, identity }: PartitionBatch): void {
  writer.int32(partition);
  writer.unsignedVarint(plan.bytes + 1);
  encodeBatch(writer, plan, identity);
  writer.noTags();
}

function readProduced(reader: ByteReader): readonly ProducedPartition[] {
  const topics = reader.compactArray(() => {
    const topic = reader.compactString();
    const partitions = reader.compactArray((): ProducedPartition => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      const baseOffset = reader.int64();
      const appendedAtMs = reader.int64();
      reader.int64(); // log start offset
      const recordErrors = reader.compactArray(() => readRecordError(reader));
      const errorMessage = reader.compactNullableString() ?? recordErrors[0] ?? null;
      reader.skipTags();
      return { topic, partition, errorCode, baseOffset, appendedAtMs, errorMessage };
    });
    reader.skipTags();
    return partitions;
  });
  return topics.flat();
}

function readRecordError(reader: ByteReader): string | null {
  reader.int32(); // index in the batch
  const message = reader.compactNullableString();
  reader.skipTags();
  return message;
}
