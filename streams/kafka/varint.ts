/**
 * Zig-zag varints of record batches, written and measured without allocation. Values are plain
 * numbers below 2^52 in size; those beyond 32 bits (timestamp deltas) take the slow path.
 */

/** Bytes that `writeVarint` takes for this value. */
export function varintSize(value: number): number {
  let rest = zigzag(value);
  let size = 1;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes at a position; returns the position behind it. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  let rest = zigzag(value);
  let position = at;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) {
    buffer[position] = (rest % 128) | 0x80;
    position += 1;
  }
  buffer[position] = rest;
  return position + 1;
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}
