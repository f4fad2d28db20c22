/**
 * Zig-zag varints of record batches, written and measured without allocation. Values are plain
 * numbers below 2^52 in size; those beyond 31 bits (timestamp deltas) take the slow path.
 */

const smallFrom = -0x4000_0000;
const smallTo = 0x4000_0000;

/** Bytes that `writeVarint` takes for this value. */
export function varintSize(value: number): number {
  if (value >= smallFrom && value < smallTo) {
    const small = (value << 1) ^ (value >> 31);
    if (small < 0x80) return 1;
    if (small < 0x4000) return 2;
    if (small < 0x20_0000) return 3;
    return small < 0x1000_0000 ? 4 : 5;
  }
  let rest = zigzag(value);
  let size = 1;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) size += 1;
  return size;
}

/** Writes at a position; returns the position behind it. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  let position = at;
  if (value >= smallFrom && value < smallTo) {
    let small = (value << 1) ^ (value >> 31);
    for (; small > 0x7f; small >>>= 7) {
      buffer[position] = (small & 0x7f) | 0x80;
      position += 1;
    }
    buffer[position] = small;
    return position + 1;
  }
  let rest = zigzag(value);
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
