/**
 * What the Java client (kafka-clients 4.3.1) writes, printed once by a small program on its jars and
 * kept as JSON: record batches by `MemoryRecords`, group formats by `ConsumerProtocol`; error codes by
 * the enum `Errors` (`test/support/java/ClientVectors.java`). The batches hold the records below.
 */
import { readFileSync } from 'node:fs';
import type { ProduceRecord } from '../../../streams/kafka/port.ts';

const readJson = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8'));

const hexByName = readJson('java-client-vectors.json') as Record<string, string>;

export const javaErrors = readJson('java-client-errors.json') as Record<
  string,
  { readonly name: string; readonly retriable: boolean }
>;

/**
 * plain, gzip, snappy, lz4, zstd: transactional batches of producer 4660, epoch 7; plain has base sequence
 * 2147483646, the others base offset 100 · logAppendTime: base offset 50, appended at
 * 1750000000000 · abortMarker, commitMarker: control batches at offset 9 · subscriptionV0,
 * subscriptionV3, assignmentV0
 */
export function javaBytes(name: string): Buffer {
  return Buffer.from(hexByName[name] ?? '', 'hex');
}

export const javaRecords: readonly ProduceRecord[] = [
  { timestampMs: 1_700_000_000_000, key: Buffer.from('k1'), value: Buffer.from('v1') },
  {
    timestampMs: 1_700_000_000_005,
    key: null,
    value: Buffer.from('no key'),
    headers: [
      { key: 'hä', value: Buffer.from('x') },
      { key: 'none', value: null },
    ],
  },
  { timestampMs: 1_699_999_999_000, key: Buffer.from('tombstone'), value: null },
  { timestampMs: 1_800_000_000_000, key: Buffer.from('far'), value: Buffer.from('y'.repeat(200)) },
];
