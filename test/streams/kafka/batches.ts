/** Record batches as a broker would keep them: with offsets, of any producer, also control batches. */
import type { CompressionType } from '../../../streams/kafka/compression.ts';
import { crc32c } from '../../../streams/kafka/crc32c.ts';
import type { ProduceRecord, ProduceRecords } from '../../../streams/kafka/port.ts';
import { ByteWriter } from '../../../streams/kafka/protocol/byte-writer.ts';
import { compressBatch, encodeBatch, planBatches } from '../../../streams/kafka/record-batch.ts';

export interface StoredBatch {
  readonly baseOffset: number;
  readonly producerId: number;
  readonly values: readonly string[];
  /** commit and abort write a marker instead of the values. */
  readonly kind: 'plain' | 'transactional' | 'commit' | 'abort';
}

const attributes = { plain: 0x00, transactional: 0x10, commit: 0x30, abort: 0x30 };

export function encodeAll(
  records: ProduceRecords,
  bytesMax = Infinity,
  compression: CompressionType = 'none',
): Buffer[] {
  return planBatches(records, bytesMax).map((plan) => {
    const writer = new ByteWriter();
    encodeBatch(writer, compressBatch(plan, compression), {
      ...{ producerId: 4660, producerEpoch: 7, baseSequence: 2147483646, isTransactional: true },
    });
    return writer.written;
  });
}

export function storedBatch(batch: StoredBatch): Buffer {
  const { baseOffset, producerId, kind } = batch;
  const records: ProduceRecord[] =
    kind === 'commit' || kind === 'abort'
      ? [marker(kind)]
      : batch.values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: 1 }));
  const bytes = Buffer.from(encodeAll(records)[0] ?? Buffer.alloc(0));
  bytes.writeInt16BE(attributes[kind], 21);
  bytes.writeBigInt64BE(BigInt(producerId), 43);
  return sealed(bytes, baseOffset);
}

/** The batch with another base offset and a right checksum. */
export function sealed(bytes: Buffer, baseOffset: number): Buffer {
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;
}

function marker(kind: 'commit' | 'abort'): ProduceRecord {
  const key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]);
  return { key, value: Buffer.alloc(6), timestampMs: 1 };
}
