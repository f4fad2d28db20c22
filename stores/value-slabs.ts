/**
 * Where values lie that stay in memory. As they come, they are slices of the 8 KB that Node hands out small
 * buffers from, beside requests and keys that are over in a moment: each would keep several times its own
 * size. What is written off together is forgotten at about the same time, so that slabs become free whole.
 */

const slabBytes = 64 * 1024;
/** A larger value has a buffer of its own. */
const valueBytesMax = slabBytes / 8;

export class ValueSlabs {
  readonly #slabs = new WeakSet<ArrayBufferLike>();
  #slab = Buffer.alloc(0);
  #at = 0;

  /** The same bytes, in a slab; the value itself where it shares its memory with nothing else, or only with such. */
  keep(value: Buffer): Buffer {
    const { length } = value;
    if (value.buffer.byteLength === length || this.#slabs.has(value.buffer)) return value;
    if (length > valueBytesMax)
      return Buffer.from(value.buffer.slice(value.byteOffset, value.byteOffset + length));
    if (this.#at + length > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(slabBytes);
      this.#slabs.add(this.#slab.buffer);
      this.#at = 0;
    }
    const kept = this.#slab.subarray(this.#at, this.#at + length);
    kept.set(value);
    this.#at += length;
    return kept;
  }
}
