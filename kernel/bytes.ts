/** Byte strings and their order. */

/** Unsigned lexicographic order, the order of every store. */
export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

/** The smallest byte string greater than every string with this prefix; undefined when there is none. */
export function prefixEnd(prefix: Uint8Array): Buffer | undefined {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i -= 1) {
    const value = end[i] ?? 0;
    if (value < 0xff) {
      end[i] = value + 1;
      return end.subarray(0, i + 1);
    }
  }
  return undefined;
}

/** `Buffer.from` of a Buffer does the same and takes three times as long. */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafe(bytes.length);
  bytes.copy(copy);
  return copy;
}
