/**
 * Records on their way to one partition, encoded as they come: what a transaction writes waits for its
 * commit as bytes, and none of it is left for the garbage collector to move meanwhile. A run is what becomes
 * one record batch; in front of it the batch's header has its place.
 */
import { RecordCursor, RecordInBatch } from './fetched-record.ts';
import type { ProduceRecord, RecordHeader } from './port.ts';
import { varintSize, writeVarint } from './varint.ts';

/** Bytes in front of a batch's first record. */
export const batchHeaderBytes = 61;
/** Kafka's default max.message.bytes is 1 MiB + 12; a topic that takes less is learnt from its refusal. */
export const batchBytesDefault = 1_048_576;
const firstBytes = 512;
const noHeaders: readonly RecordHeader[] = [];

/** The records of one batch. */
export interface RecordRun {
  /** From `batchHeaderBytes` on; shares memory with what is appended later. */
  readonly records: Buffer;
  /** Of the whole batch. */
  readonly bytes: number;
  readonly count: number;
  readonly baseTimestampMs: number;
  readonly maxTimestampMs: number;
}

export class PackedRecords implements Iterable<ProduceRecord> {
  readonly #bytesMax: number;
  readonly #likelyBytes: number;
  readonly #runs: OpenRun[] = [];
  #last: OpenRun | undefined;
  #length = 0;

  /**
   * @param bytesMax of a batch; a single larger record is a batch of its own.
   * @param likelyBytes of all records together; they may be more.
   */
  constructor(bytesMax = batchBytesDefault, likelyBytes = 0) {
    this.#bytesMax = bytesMax;
    this.#likelyBytes = likelyBytes;
  }

  static of(records: Iterable<ProduceRecord>, bytesMax: number): PackedRecords {
    const packed = new PackedRecords(bytesMax);
    for (const record of records) packed.append(record);
    return packed;
  }

  get length(): number {
    return this.#length;
  }

  /** Of all batches. */
  get bytes(): number {
    return this.#runs.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get runs(): readonly RecordRun[] {
    return this.#runs;
  }

  append({ key, value, timestampMs, headers = noHeaders }: ProduceRecord): void {
    const run = this.#runFor(
      timestampMs,
      fieldBytes(key) + fieldBytes(value) + headersBytes(headers),
    );
    run.field(key);
    run.field(value);
    run.headers(headers);
  }

  /** A record without headers whose key's bytes are the characters of a latin1 text. */
  appendNamed(keyName: string, value: Buffer | null, timestampMs: number): void {
    const keyBytes = varintSize(keyName.length) + keyName.length;
    const run = this.#runFor(timestampMs, keyBytes + fieldBytes(value) + 1);
    run.latin1(keyName);
    run.field(value);
    run.headers(noHeaders);
  }

  /** In order; keys and values are views. */
  *[Symbol.iterator](): Iterator<ProduceRecord> {
    for (const run of this.#runs) yield* recordsOf(run);
  }

  /** @param contentBytes of key, value and headers, with their lengths. */
  #runFor(timestampMs: number, contentBytes: number): OpenRun {
    this.#length += 1;
    if (this.#last?.begin(timestampMs, contentBytes, this.#bytesMax) === true) return this.#last;
    const bytes = Math.min(this.#bytesMax, this.#likelyBytes - this.bytes);
    const run = new OpenRun(timestampMs, Math.max(firstBytes, bytes));
    run.begin(timestampMs, contentBytes, Infinity);
    this.#runs.push(run);
    return (this.#last = run);
  }
}

/** The records of a run, once more. */
export function* recordsOf(run: RecordRun): Iterable<ProduceRecord> {
  const cursor = new RecordCursor(run.records);
  for (let i = 0; i < run.count; i += 1) {
    const end = cursor.varint() + cursor.at;
    cursor.at += 1; // attributes: none are defined
    const timestampMs = run.baseTimestampMs + cursor.varint();
    cursor.varint(); // its place
    yield new RecordInBatch(i, timestampMs, cursor);
    cursor.at = end;
  }
}

class OpenRun implements RecordRun {
  readonly baseTimestampMs: number;
  maxTimestampMs: number;
  count = 0;
  #buffer: Buffer;
  #at = batchHeaderBytes;

  constructor(timestampMs: number, likelyBytes: number) {
    this.#buffer = Buffer.allocUnsafe(likelyBytes);
    this.baseTimestampMs = timestampMs;
    this.maxTimestampMs = timestampMs;
  }

  get records(): Buffer {
    return this.#buffer.subarray(batchHeaderBytes, this.#at);
  }

  get bytes(): number {
    return this.#at;
  }

  /** Writes what comes before a record's key. @returns false when the run has no room for it. */
  begin(timestampMs: number, contentBytes: number, bytesMax: number): boolean {
    const timestampDelta = timestampMs - this.baseTimestampMs;
    const body = 1 + varintSize(timestampDelta) + varintSize(this.count) + contentBytes;
    const needed = this.#at + varintSize(body) + body;
    if (needed > bytesMax) return false;
    if (needed > this.#buffer.length) this.#grow(needed);
    const buffer = this.#buffer;
    const at = writeVarint(buffer, this.#at, body);
    buffer[at] = 0; // attributes: none are defined
    this.#at = writeVarint(buffer, writeVarint(buffer, at + 1, timestampDelta), this.count);
    this.count += 1;
    if (timestampMs > this.maxTimestampMs) this.maxTimestampMs = timestampMs;
    return true;
  }

  field(field: Buffer | null): void {
    if (field === null) {
      this.#at = writeVarint(this.#buffer, this.#at, -1);
      return;
    }
    const at = writeVarint(this.#buffer, this.#at, field.length);
    this.#buffer.set(field, at);
    this.#at = at + field.length;
  }

  latin1(text: string): void {
    const at = writeVarint(this.#buffer, this.#at, text.length);
    this.#buffer.write(text, at, 'latin1');
    this.#at = at + text.length;
  }

  headers(headers: readonly RecordHeader[]): void {
    this.#at = writeVarint(this.#buffer, this.#at, headers.length);
    for (const { key, value } of headers) {
      const at = writeVarint(this.#buffer, this.#at, Buffer.byteLength(key));
      this.#at = at + this.#buffer.write(key, at, 'utf8');
      this.field(value);
    }
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}

function fieldBytes(field: Buffer | null): number {
  return field === null ? 1 : varintSize(field.length) + field.length;
}

function headersBytes(headers: readonly RecordHeader[]): number {
  let bytes = varintSize(headers.length);
  for (const { key, value } of headers) {
    const keyBytes = Buffer.byteLength(key);
    bytes += varintSize(keyBytes) + keyBytes + fieldBytes(value);
  }
  return bytes;
}
