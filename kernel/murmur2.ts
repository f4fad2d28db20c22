/**
 * Kafka's default partitioner: murmur2 (seed 0x9747b28c) of the key bytes, sign bit dropped, modulo
 * the partition count. Must agree with the Java client byte for byte, else co-partitioned topics
 * written by Debezium and by us fall apart (org.apache.kafka.common.utils.Utils#murmur2).
 */
const seed = 0x9747b28c;
const m = 0x5bd1e995;

/** The 32-bit hash, as a signed integer like Java's. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let h = seed ^ length;
  const words = length >> 2;
  for (let i = 0; i < words; i += 1) {
    const at = i * 4;
    let k =
      byte(data, at) |
      (byte(data, at + 1) << 8) |
      (byte(data, at + 2) << 16) |
      (byte(data, at + 3) << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const tail = words * 4;
  const rest = length & 3;
  if (rest === 3) h ^= byte(data, tail + 2) << 16;
  if (rest >= 2) h ^= byte(data, tail + 1) << 8;
  if (rest >= 1) {
    h ^= byte(data, tail);
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h;
}

/** The partition Kafka's Java client would choose for this key. */
export function partitionFor(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

function byte(data: Uint8Array, at: number): number {
  return data[at] ?? 0;
}
