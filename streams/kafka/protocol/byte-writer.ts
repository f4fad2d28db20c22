/**
 * Writes Kafka's wire types into one growing buffer. 64-bit numbers are plain numbers: what we write
 * (offsets, timestamps, producer ids) stays below 2^53. The compact forms belong to flexible versions.
 */
const twoPow32 = 4_294_967_296;

export class ByteWriter {
  #buffer: Buffer;
  #length = 0;

  /** @param sizeHint bytes that are likely needed; the buffer grows when it was too small. */
  constructor(sizeHint = 256) {
    this.#buffer = Buffer.allocUnsafe(Math.max(16, sizeHint));
  }

  /** What was written; shares memory with the writer. */
  get written(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Makes room for `bytes` and lets `fill` write exactly that many, starting at the given position. */
  reserve(bytes: number, fill: (buffer: Buffer, at: number) => void): void {
    const at = this.#advance(bytes);
    fill(this.#buffer, at);
  }

  int8(value: number): void {
    const at = this.#advance(1);
    this.#buffer.writeInt8(value, at);
  }

  boolean(value: boolean): void {
    this.int8(value ? 1 : 0);
  }

  int16(value: number): void {
    const at = this.#advance(2);
    this.#buffer.writeInt16BE(value, at);
  }

  int32(value: number): void {
    const at = this.#advance(4);
    this.#buffer.writeInt32BE(value, at);
  }

  int64(value: number): void {
    const at = this.#advance(8);
    this.#buffer.writeInt32BE(Math.floor(value / twoPow32), at);
    this.#buffer.writeInt32BE(value | 0, at + 4);
  }

  uuid(bytes: Uint8Array): void {
    this.raw(bytes.subarray(0, 16));
  }

  raw(bytes: Uint8Array): void {
    const at = this.#advance(bytes.length);
    this.#buffer.set(bytes, at);
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    this.int16(length);
    this.#utf8(value, length);
  }

  nullableString(value: string | null): void {
    if (value === null) this.int16(-1);
    else this.string(value);
  }

  bytes(value: Uint8Array): void {
    this.int32(value.length);
    this.raw(value);
  }

  array<T>(items: readonly T[], write: (item: T) => void): void {
    this.int32(items.length);
    items.forEach(write);
  }

  unsignedVarint(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.#byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.#byte(rest);
  }

  compactString(value: string): void {
    const length = Buffer.byteLength(value);
    this.unsignedVarint(length + 1);
    this.#utf8(value, length);
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.unsignedVarint(0);
    else this.compactString(value);
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): void {
    this.unsignedVarint(items.length + 1);
    items.forEach(write);
  }

  /** The empty list of tagged fields that ends every structure of a flexible version. */
  noTags(): void {
    this.int8(0);
  }

  #byte(value: number): void {
    const at = this.#advance(1);
    this.#buffer[at] = value;
  }

  #utf8(value: string, length: number): void {
    const at = this.#advance(length);
    this.#buffer.write(value, at, length, 'utf8');
  }

  /** May replace the buffer: take the position first, then the buffer. */
  #advance(bytes: number): number {
    const at = this.#length;
    const needed = at + bytes;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    this.#length = needed;
    return at;
  }
}
