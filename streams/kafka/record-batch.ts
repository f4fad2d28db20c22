/**
 * Encodes records as record batches of format 2 (the only one Kafka 4 takes), straight into the
 * request's buffer. Sizes are worked out first: each record carries its length in front, and a batch
 * may not exceed what the topic takes (`max.message.bytes`).
 *
 *   base offset 8 · length 4 · leader epoch 4 · magic 1 · CRC-32C 4 ║ attributes 2 · last offset delta 4 ·
 *   base timestamp 8 · max timestamp 8 · producer id 8 · epoch 2 · base sequence 4 · count 4 · records
 *   (the checksum covers what follows it)
 */
import { compress, compressionCode, type CompressionType } from './compression.ts';
import { crc32c } from './crc32c.ts';
import type { ProduceRecord, RecordHeader } from './port.ts';
import type { ByteWriter } from './protocol/byte-writer.ts';
import { varintSize, writeVarint } from './varint.ts';

/** Bytes in front of a batch's first record. */
export const batchHeaderBytes = 61;
const crcAt = 17;
const checkedFrom = 21;
const transactionalBit = 0x10;
const twoPow32 = 4_294_967_296;

/** A run of records that becomes one batch, with each record's size. */
export interface BatchPlan {
  readonly records: readonly ProduceRecord[];
  /** Bytes of each record without its length prefix. */
  readonly bodyBytes: readonly number[];
  /** Of the whole batch. */
  readonly bytes: number;
  /** Its records, when they are compressed already. */
  readonly compressed?: CompressedRecords;
}

interface CompressedRecords extends BatchTimestamps {
  readonly type: CompressionType;
  readonly bytes: Buffer;
}

/** Who writes the batch, and its place in that producer's sequence of the partition. */
export interface BatchIdentity {
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  readonly isTransactional: boolean;
}

/** Cuts records into batches of at most `bytesMax`; a single larger record is a batch of its own. */
export function planBatches(records: readonly ProduceRecord[], bytesMax: number): BatchPlan[] {
  const plans: BatchPlan[] = [];
  let start = 0;
  while (start < records.length) {
    const plan = planBatch(records, start, bytesMax);
    plans.push(plan);
    start += plan.records.length;
  }
  return plans;
}

function planBatch(records: readonly ProduceRecord[], start: number, bytesMax: number): BatchPlan {
  const baseTimestampMs = records[start]?.timestampMs ?? 0;
  const bodyBytes: number[] = [];
  let bytes = batchHeaderBytes;
  let end = start;
  for (; end < records.length; end += 1) {
    const record = records[end] as ProduceRecord;
    const body = recordBytes(record, record.timestampMs - baseTimestampMs, end - start);
    const withLength = varintSize(body) + body;
    if (end > start && bytes + withLength > bytesMax) break;
    bodyBytes.push(body);
    bytes += withLength;
  }
  const isAll = start === 0 && end === records.length;
  return { records: isAll ? records : records.slice(start, end), bodyBytes, bytes };
}

function recordBytes(record: ProduceRecord, timestampDelta: number, offsetDelta: number): number {
  const headers = record.headers ?? [];
  let bytes = 1 + varintSize(timestampDelta) + varintSize(offsetDelta);
  bytes += fieldBytes(record.key) + fieldBytes(record.value) + varintSize(headers.length);
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key);
    bytes += varintSize(keyBytes) + keyBytes + fieldBytes(header.value);
  }
  return bytes;
}

function fieldBytes(field: Buffer | null): number {
  return field === null ? 1 : varintSize(field.length) + field.length;
}

/** The plan with its records compressed; as it was where that would make it no smaller. */
export function compressBatch(plan: BatchPlan, type: CompressionType): BatchPlan {
  if (type === 'none') return plan;
  const records = Buffer.allocUnsafe(plan.bytes - batchHeaderBytes);
  const timestamps = writeRecords(records, 0, plan);
  const bytes = compress(type, records);
  if (bytes.length >= records.length) return plan;
  return {
    ...plan,
    bytes: batchHeaderBytes + bytes.length,
    compressed: { ...timestamps, type, bytes },
  };
}

/** Writes the planned batch. */
export function encodeBatch(writer: ByteWriter, plan: BatchPlan, identity: BatchIdentity): void {
  writer.reserve(plan.bytes, (buffer, at) => {
    const { compressed } = plan;
    compressed?.bytes.copy(buffer, at + batchHeaderBytes);
    const timestamps = compressed ?? writeRecords(buffer, at + batchHeaderBytes, plan);
    const { baseTimestampMs, maxTimestampMs } = timestamps;
    const header = { ...identity, baseTimestampMs, maxTimestampMs };
    writeHeader(buffer.subarray(at, at + plan.bytes), plan, header);
  });
}

interface BatchTimestamps {
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
}

function writeHeader(
  batch: Buffer,
  plan: BatchPlan,
  identity: BatchIdentity & BatchTimestamps,
): void {
  writeInt64(batch, 0, 0); // base offset: the broker's to give
  batch.writeInt32BE(plan.bytes - 12, 8); // length of what follows it
  batch.writeInt32BE(-1, 12); // leader epoch: the broker's
  batch.writeInt8(2, 16); // magic
  const attributes = compressionCode(plan.compressed?.type ?? 'none');
  batch.writeInt16BE(
    identity.isTransactional ? attributes | transactionalBit : attributes,
    checkedFrom,
  );
  batch.writeInt32BE(plan.records.length - 1, 23); // last offset delta
  writeInt64(batch, 27, identity.baseTimestampMs);
  writeInt64(batch, 35, identity.maxTimestampMs);
  writeInt64(batch, 43, identity.producerId);
  batch.writeInt16BE(identity.producerEpoch, 51);
  batch.writeInt32BE(identity.baseSequence, 53);
  batch.writeInt32BE(plan.records.length, 57);
  batch.writeUInt32BE(crc32c(batch, checkedFrom), crcAt);
}

function writeRecords(buffer: Buffer, start: number, plan: BatchPlan): BatchTimestamps {
  const { records, bodyBytes } = plan;
  const baseTimestampMs = records[0]?.timestampMs ?? 0;
  let maxTimestampMs = baseTimestampMs;
  let at = start;
  for (let i = 0; i < records.length; i += 1) {
    const record = records[i] as ProduceRecord;
    if (record.timestampMs > maxTimestampMs) maxTimestampMs = record.timestampMs;
    at = writeVarint(buffer, at, bodyBytes[i] as number);
    buffer[at] = 0; // attributes: none are defined
    at = writeVarint(buffer, at + 1, record.timestampMs - baseTimestampMs);
    at = writeVarint(buffer, at, i);
    at = writeField(buffer, at, record.key);
    at = writeField(buffer, at, record.value);
    at = writeHeaders(buffer, at, record.headers ?? []);
  }
  return { baseTimestampMs, maxTimestampMs };
}

function writeField(buffer: Buffer, at: number, field: Buffer | null): number {
  if (field === null) return writeVarint(buffer, at, -1);
  const start = writeVarint(buffer, at, field.length);
  buffer.set(field, start);
  return start + field.length;
}

function writeHeaders(buffer: Buffer, start: number, headers: readonly RecordHeader[]): number {
  let at = writeVarint(buffer, start, headers.length);
  for (const { key, value } of headers) {
    at = writeVarint(buffer, at, Buffer.byteLength(key));
    at += buffer.write(key, at, 'utf8');
    at = writeField(buffer, at, value);
  }
  return at;
}

function writeInt64(buffer: Buffer, at: number, value: number): void {
  buffer.writeInt32BE(Math.floor(value / twoPow32), at);
  buffer.writeInt32BE(value | 0, at + 4);
}
