/**
 * Decodes what a Fetch answer holds of one partition: batches of format 2, checked by their CRC-32C.
 * Control batches, records of aborted transactions and records below the wanted offset are left out,
 * but the position moves past them. A batch that the broker cut off at the end is ignored.
 *
 * The records stay bytes until they are asked for (`fetched-batches.ts`). Keys and values are views of
 * them, not copies: whoever keeps one beyond processing keeps the whole answer (at most
 * `fetchMaxBytes`) in memory, and should copy it.
 */
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import { AbortedRanges, type AbortedTransaction } from './aborted-ranges.ts';
import { decompress } from './compression.ts';
import { crc32c } from './crc32c.ts';
import { FetchedBatches, type BatchRecords } from './fetched-batches.ts';
import { RecordCursor } from './fetched-record.ts';
import { batchHeaderBytes } from './packed-records.ts';
import type { FetchedRecords } from './port.ts';

const twoPow32 = 4_294_967_296;
const lengthEnd = 12;
const magicAt = 16;
const crcAt = 17;
const checkedFrom = 21;
const codecMask = 0x07;
const logAppendTimeBit = 0x08;
const transactionalBit = 0x10;
const controlBit = 0x20;
// A batch is at most max.message.bytes on disk; this bounds what one may unfold to in memory.
const decompressedBytesMax = 256 * 1024 * 1024;

export interface DecodedRecords {
  readonly records: FetchedRecords;
  /** Where to fetch on: behind the last complete batch, or where it was if there is none. */
  readonly nextOffset: number;
}

/**
 * @param fromOffset the position that was fetched from.
 * @throws RollguardError KAFKA_FATAL: damaged bytes, an old format, an unknown compression.
 */
export function decodeRecords(
  bytes: Buffer,
  fromOffset: number,
  aborted: readonly AbortedTransaction[],
): DecodedRecords {
  const ranges = new AbortedRanges(aborted);
  const visible: BatchRecords[] = [];
  let nextOffset = fromOffset;
  let at = 0;
  while (at + lengthEnd <= bytes.length) {
    const end = at + lengthEnd + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const batch = readBatch(bytes.subarray(at, end));
    if (isVisible(batch, ranges)) visible.push(recordsFrom(batch, fromOffset));
    nextOffset = Math.max(nextOffset, batch.lastOffset + 1);
    at = end;
  }
  return { records: visible.length === 0 ? [] : new FetchedBatches(visible), nextOffset };
}

interface Batch {
  readonly bytes: Buffer;
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly attributes: number;
  readonly producerId: number;
  readonly count: number;
}

function readBatch(bytes: Buffer): Batch {
  const baseOffset = readInt64(bytes, 0);
  const magic = bytes.length > magicAt ? bytes[magicAt] : undefined;
  if (magic !== 2 || bytes.length < batchHeaderBytes) {
    throw damaged(baseOffset, `is not of record format 2 but ${magic ?? 'cut short'}`);
  }
  if (crc32c(bytes, checkedFrom) !== bytes.readUInt32BE(crcAt)) {
    throw damaged(baseOffset, 'does not match its checksum');
  }
  return {
    bytes,
    baseOffset,
    lastOffset: baseOffset + bytes.readInt32BE(23),
    attributes: bytes.readInt16BE(checkedFrom),
    producerId: readInt64(bytes, 43),
    count: bytes.readInt32BE(57),
  };
}

function isVisible(batch: Batch, ranges: AbortedRanges): boolean {
  ranges.advanceTo(batch.lastOffset);
  if ((batch.attributes & controlBit) !== 0) {
    if (isAbortMarker(batch)) ranges.end(batch.producerId);
    return false;
  }
  return (batch.attributes & transactionalBit) === 0 || !ranges.has(batch.producerId);
}

/** A control record's key is a version and a type, both 16 bit; type 0 is an abort. */
function isAbortMarker(batch: Batch): boolean {
  if (batch.count === 0) return false;
  const key = new FetchedBatches([recordsFrom(batch, batch.baseOffset)]).at(0)?.key;
  return key !== null && key !== undefined && key.length >= 4 && key.readInt16BE(2) === 0;
}

/** The batch's records without those below the offset; what they say of their lengths is checked. */
function recordsFrom(batch: Batch, fromOffset: number): BatchRecords {
  const { bytes, baseOffset, attributes } = batch;
  const cursor = new RecordCursor(recordBytes(batch));
  let start = 0;
  let { count } = batch;
  for (let i = 0; i < batch.count; i += 1) {
    const end = cursor.varint() + cursor.at;
    if (end > cursor.bytes.length) throw damaged(baseOffset, 'has a record that exceeds it');
    if (baseOffset < fromOffset && baseOffset + offsetDelta(cursor) < fromOffset) {
      count -= 1;
      start = end;
    }
    cursor.at = end;
  }
  return {
    ...{ bytes: cursor.bytes, start, count, baseOffset, baseTimestampMs: readInt64(bytes, 27) },
    appendedAtMs: (attributes & logAppendTimeBit) === 0 ? undefined : readInt64(bytes, 35),
  };
}

function recordBytes({ bytes, attributes, baseOffset }: Batch): Buffer {
  const packed = bytes.subarray(batchHeaderBytes);
  const code = attributes & codecMask;
  if (code === 0) return packed;
  try {
    return decompress(code, packed, decompressedBytesMax);
  } catch (error) {
    throw damaged(baseOffset, `cannot be unpacked: ${messageOf(error)}`);
  }
}

/** @param cursor stands behind a record's length. */
function offsetDelta(cursor: RecordCursor): number {
  cursor.at += 1; // attributes: none are defined
  cursor.varint(); // its time
  return cursor.varint();
}

function readInt64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * twoPow32 + bytes.readUInt32BE(at + 4);
}

function damaged(baseOffset: number, what: string): RollguardError {
  return new RollguardError('KAFKA_FATAL', `the record batch at offset ${baseOffset} ${what}`, {
    context: { baseOffset },
  });
}
