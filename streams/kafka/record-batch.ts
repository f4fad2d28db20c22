/**
 * Record batches of format 2 (the only one Kafka 4 takes): the packed records, compressed where that
 * is asked for, behind a header. A batch may not exceed what the topic takes (`max.message.bytes`).
 *
 *   base offset 8 · length 4 · leader epoch 4 · magic 1 · CRC-32C 4 ║ attributes 2 · last offset delta 4 ·
 *   base timestamp 8 · max timestamp 8 · producer id 8 · epoch 2 · base sequence 4 · count 4 · records
 *   (the checksum covers what follows it)
 */
import { compress, compressionCode, type CompressionType } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { PackedRecords, batchHeaderBytes, type RecordRun } from './packed-records.ts';
import type { ProduceRecords } from './port.ts';
import type { ByteWriter } from './protocol/byte-writer.ts';

const crcAt = 17;
const checkedFrom = 21;
const transactionalBit = 0x10;
const twoPow32 = 4_294_967_296;

/** A run of records that becomes one batch. */
export interface BatchPlan {
  readonly run: RecordRun;
  /** Of the whole batch. */
  readonly bytes: number;
  /** Its records, when they are compressed already. */
  readonly compressed?: { readonly type: CompressionType; readonly bytes: Buffer };
}

/** Who writes the batch, and its place in that producer's sequence of the partition. */
export interface BatchIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
}

/** Cuts records into batches of at most `bytesMax`; a single larger record is a batch of its own. */
export function planBatches(records: ProduceRecords, bytesMax: number): BatchPlan[] {
  const packed = records instanceof PackedRecords ? records : PackedRecords.of(records, bytesMax);
  const fits = packed.runs.every(({ bytes, count }) => bytes <= bytesMax || count === 1);
  const { runs } = fits ? packed : PackedRecords.of(records, bytesMax);
  return runs.map((run) => ({ run, bytes: run.bytes }));
}

/** The plan with its records compressed; as it was where that would make it no smaller. */
export function compressBatch(plan: BatchPlan, type: CompressionType): BatchPlan {
  if (type === 'none') return plan;
  const { run } = plan;
  const bytes = compress(type, run.records);
  if (bytes.length >= run.records.length) return plan;
  return { run, bytes: batchHeaderBytes + bytes.length, compressed: { type, bytes } };
}

/** Writes the planned batch. */
export function encodeBatch(writer: ByteWriter, plan: BatchPlan, identity: BatchIdentity): void {
  writer.reserve(plan.bytes, (buffer, at) => {
    buffer.set(plan.compressed?.bytes ?? plan.run.records, at + batchHeaderBytes);
    writeHeader(buffer.subarray(at, at + plan.bytes), plan, identity);
  });
}

function writeHeader(batch: Buffer, plan: BatchPlan, identity: BatchIdentity): void {
  const { run, compressed } = plan;
  writeInt64(batch, 0, 0); // base offset: the broker's to give
  batch.writeInt32BE(plan.bytes - 12, 8); // length of what follows it
  batch.writeInt32BE(-1, 12); // leader epoch: the broker's
  batch.writeInt8(2, 16); // magic
  const attributes = compressionCode(compressed?.type ?? 'none');
  batch.writeInt16BE(
    identity.isTransactional ? attributes | transactionalBit : attributes,
    checkedFrom,
  );
  batch.writeInt32BE(run.count - 1, 23); // last offset delta
  writeInt64(batch, 27, run.baseTimestampMs);
  writeInt64(batch, 35, run.maxTimestampMs);
  writeInt64(batch, 43, identity.producerId);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.baseSequence, 53);
  batch.writeInt32BE(run.count, 57);
  batch.writeUInt32BE(crc32c(batch, checkedFrom), crcAt);
}

function writeInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / twoPow32), at);
  buffer.writeInt32BE(value | 0, at + 4);
}
