/**
 * The text a key goes by in memory, since a Map compares Buffers by identity. Latin1 gives every byte
 * one character: lossless, the cheapest encoding measured, and text order is byte order.
 */
export function keyName(key: Buffer): string {
  return key.toString('latin1');
}

/** The bytes of a key that goes by this name. */
export function keyOfName(name: string): Buffer {
  return Buffer.from(name, 'latin1');
}
