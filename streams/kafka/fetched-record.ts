/**
 * A record of a fetched batch: where its parts lie in the batch's bytes. Key, value and headers are made
 * when they are asked for, each time anew: of thousands that were fetched only the one in work then has
 * more than this small object, which is most of what the garbage collector would have to move.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { FetchedRecord, RecordHeader } from './port.ts';

const noHeaders: readonly RecordHeader[] = [];

export class RecordInBatch implements FetchedRecord {
  readonly offset: number;
  readonly timestampMs: number;
  readonly #bytes: Buffer;
  readonly #keyAt: number;
  /** Negative: null. */
  readonly #keyBytes: number;
  readonly #valueAt: number;
  readonly #valueBytes: number;

  /** @param cursor stands at the record's key; afterwards behind its value. */
  constructor(offset: number, timestampMs: number, cursor: RecordCursor) {
    this.offset = offset;
    this.timestampMs = timestampMs;
    this.#bytes = cursor.bytes;
    this.#keyBytes = cursor.varint();
    this.#keyAt = cursor.skip(this.#keyBytes);
    this.#valueBytes = cursor.varint();
    this.#valueAt = cursor.skip(this.#valueBytes);
  }

  get key(): Buffer | null {
    if (this.#keyBytes < 0) return null;
    return this.#bytes.subarray(this.#keyAt, this.#keyAt + this.#keyBytes);
  }

  get value(): Buffer | null {
    if (this.#valueBytes < 0) return null;
    return this.#bytes.subarray(this.#valueAt, this.#valueAt + this.#valueBytes);
  }

  get headers(): readonly RecordHeader[] {
    const cursor = new RecordCursor(this.#bytes, this.#valueAt + Math.max(0, this.#valueBytes));
    const count = cursor.varint();
    if (count === 0) return noHeaders;
    const headers: RecordHeader[] = [];
    for (let i = 0; i < count; i += 1) {
      headers.push({ key: cursor.field()?.toString('utf8') ?? '', value: cursor.field() });
    }
    return headers;
  }
}

/** Walks over the records of one batch, decompressed. */
export class RecordCursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at] ?? 0;
    this.at += 1;
    let value = byte & 0x7f;
    // Numbers of up to four bytes, nearly all, in 32-bit arithmetic; longer ones by multiplication.
    for (let shift = 7; byte > 0x7f && shift < 28; shift += 7) {
      byte = bytes[this.at] ?? 0;
      this.at += 1;
      value |= (byte & 0x7f) << shift;
    }
    for (let scale = 268_435_456; byte > 0x7f; scale *= 128) {
      byte = bytes[this.at] ?? 0;
      this.at += 1;
      value += (byte & 0x7f) * scale;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Length-prefixed bytes; null for a negative length. */
  field(): Buffer | null {
    const length = this.varint();
    const start = this.skip(length);
    return length < 0 ? null : this.bytes.subarray(start, this.at);
  }

  /** Moves on by a length, which is negative for null; returns where it was. */
  skip(length: number): number {
    const start = this.at;
    if (length > 0) this.at += length;
    if (this.at > this.bytes.length) {
      throw new RollguardError('KAFKA_FATAL', `a field of ${length} bytes exceeds its batch`);
    }
    return start;
  }
}
