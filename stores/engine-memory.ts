/**
 * What one RocksDB of several may take of the memory they have together. The binding cannot let them share
 * a block cache or their write buffers, so each gets its part, for as long as it is open.
 */
export interface EngineMemory {
  /** Bytes of blocks kept in memory. */
  readonly cacheSize: number;
  /** Bytes of one memtable; two may exist at a time. */
  readonly writeBufferSize: number;
}

// RocksDB takes no smaller one, and a larger one than its default makes nothing faster here.
const writeBufferBytesMin = 64 * 1024;
const writeBufferBytesMax = 64 * 1024 * 1024;
const memtables = 2;
// What the binding can take.
const cacheBytesMax = 2 ** 32 - 1;

/** Half to the blocks that are read, half to what is being written. */
export function engineMemory(bytesMax: number, engineCount: number): EngineMemory {
  const share = Math.floor(bytesMax / Math.max(1, engineCount));
  const memtable = Math.floor(share / 2 / memtables);
  const writeBufferSize = Math.min(Math.max(memtable, writeBufferBytesMin), writeBufferBytesMax);
  const cacheSize = Math.min(Math.max(0, share - memtables * writeBufferSize), cacheBytesMax);
  return { cacheSize, writeBufferSize };
}
