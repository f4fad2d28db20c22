/**
 * Reads Kafka's wire types from one buffer. Byte strings are views of that buffer, never copies.
 * Reading past the end throws: the caller knows what it was reading.
 */
import { RollguardError } from '../../../kernel/errors.ts';
import { formatUuid } from '../../../kernel/uuid.ts';

const twoPow32 = 4_294_967_296;

export class ByteReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  int8(): number {
    const value = this.#buffer.readInt8(this.#at);
    this.#at += 1;
    return value;
  }

  boolean(): boolean {
    return this.int8() !== 0;
  }

  int16(): number {
    const value = this.#buffer.readInt16BE(this.#at);
    this.#at += 2;
    return value;
  }

  int32(): number {
    const value = this.#buffer.readInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  /** A 64-bit number below 2^53. */
  int64(): number {
    return this.int32() * twoPow32 + (this.int32() >>> 0);
  }

  uuid(): string {
    return formatUuid(this.raw(16));
  }

  raw(length: number): Buffer {
    const end = this.#at + length;
    if (length < 0 || end > this.#buffer.length) {
      throw unreadable(`${length} bytes at ${this.#at} exceed the ${this.#buffer.length} there`);
    }
    const bytes = this.#buffer.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  nullableString(): string | null {
    const length = this.int16();
    return length < 0 ? null : this.raw(length).toString('utf8');
  }

  /** Empty for null. */
  bytes(): Buffer {
    return this.raw(Math.max(0, this.int32()));
  }

  /** Empty for null. */
  array<T>(read: () => T): T[] {
    return this.#items(this.int32(), read);
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift <= 28; shift += 7) {
      const byte = this.#buffer.readUInt8(this.#at);
      this.#at += 1;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw unreadable(`the varint before ${this.#at} has more than 5 bytes`);
  }

  compactString(): string {
    return this.compactNullableString() ?? '';
  }

  compactNullableString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : this.raw(length).toString('utf8');
  }

  /** Empty for null. */
  compactArray<T>(read: () => T): T[] {
    return this.#items(this.unsignedVarint() - 1, read);
  }

  skipTags(): void {
    const count = this.unsignedVarint();
    for (let i = 0; i < count; i += 1) {
      this.unsignedVarint();
      this.raw(this.unsignedVarint());
    }
  }

  #items<T>(count: number, read: () => T): T[] {
    const items: T[] = [];
    for (let i = 0; i < count; i += 1) items.push(read());
    return items;
  }
}

function unreadable(message: string): RollguardError {
  return new RollguardError('KAFKA_FATAL', message);
}
