import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { engineMemory } from '../../stores/engine-memory.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

describe("an engine's memory", () => {
  test('is its part of the whole: half for blocks, half for two memtables', () => {
    expect(engineMemory(128 * MiB, 8)).toEqual({ cacheSize: 8 * MiB, writeBufferSize: 4 * MiB });
    expect(engineMemory(128 * MiB, 1)).toEqual({ cacheSize: 64 * MiB, writeBufferSize: 32 * MiB });
    expect(engineMemory(16 * MiB, 0)).toEqual(engineMemory(16 * MiB, 1));
  });

  test('has memtables that RocksDB takes, however little there is', () => {
    expect(engineMemory(1, 100)).toEqual({ cacheSize: 0, writeBufferSize: 64 * KiB });
  });

  test('is a number that the binding can take, however much there is', () => {
    expect(engineMemory(2 ** 50, 1)).toEqual({
      cacheSize: 2 ** 32 - 1,
      writeBufferSize: 64 * MiB,
    });
  });

  test('of all engines is no more than the whole, where it is enough for memtables', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), fc.nat(2 ** 30), (count, extra) => {
        const bytesMax = count * 128 * KiB + extra;
        const { cacheSize, writeBufferSize } = engineMemory(bytesMax, count);

        expect(count * (cacheSize + 2 * writeBufferSize)).toBeLessThanOrEqual(bytesMax);
        expect(Number.isInteger(cacheSize) && Number.isInteger(writeBufferSize)).toBe(true);
      }),
    );
  });
});
