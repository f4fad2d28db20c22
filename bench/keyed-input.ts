/**
 * What the benches feed: records of 20 + 200 bytes. The key is a number's name; the value begins with a
 * count of zero, the rest is random, so that no compression makes one side's work smaller.
 */
import { partitionFor } from '../kernel/murmur2.ts';
import { seededRandom } from '../kernel/random.ts';
import type { ProduceBatch, ProduceRecord } from '../streams/kafka/port.ts';
import type { BenchBroker } from './bench-broker.ts';

const keyBytes = 20;
const valueBytes = 200;
const keyPrefix = 'key-';
const fillBatchRecords = 1_000;
/** Of the past, the same for every run. */
const timestampMs = 1_700_000_000_000;
const seed = 6;

export const keysDistributions = ['uniform', 'zipf'] as const;
export type KeysDistribution = (typeof keysDistributions)[number];

/** The number of the key of the record with this index; asked in order. */
export type KeyChooser = (index: number) => number;

export function keyChooser(
  distribution: KeysDistribution,
  keys: number,
  keySeed = seed,
): KeyChooser {
  const random = seededRandom(keySeed);
  if (distribution === 'uniform') return () => random.integer(keys);
  const shares = zipfShares(keys);
  return () => firstAbove(shares, random.next());
}

export function keyName(key: number): string {
  return `${keyPrefix}${key}`.padEnd(keyBytes);
}

/** The number in a key's bytes. */
export function keyNumber(key: Buffer): number {
  return Number(key.toString('latin1', keyPrefix.length));
}

export interface InputOptions {
  readonly records: number;
  readonly partitions: number;
  readonly keyOf: KeyChooser;
}

/** @returns how often each key was written, by its number. */
export async function fillInput(
  { port }: BenchBroker,
  topic: string,
  { records, partitions, keyOf }: InputOptions,
): Promise<readonly number[]> {
  const counts: number[] = [];
  const makeBatches = batchMaker(topic, partitions);
  const producer = await port.openPlainProducer();
  for (let written = 0; written < records; written += fillBatchRecords) {
    const size = Math.min(fillBatchRecords, records - written);
    const keys = Array.from({ length: size }, (_, index) => keyOf(written + index));
    for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
    await producer.produce(makeBatches(keys, timestampMs));
  }
  await producer.close();
  return counts;
}

/** Makes a record for each key, in the partition that Kafka's own partitioner would choose. */
export function batchMaker(
  topic: string,
  partitions: number,
): (keys: readonly number[], timeMs: number) => readonly ProduceBatch[] {
  const values = randomValues();
  let made = 0;
  return (keys, timeMs) => {
    const batches = Array.from({ length: partitions }, (_, partition) => ({
      ...{ topic, partition, records: [] as ProduceRecord[] },
    }));
    for (const number of keys) {
      const key = Buffer.from(keyName(number), 'latin1');
      const value = values[made % values.length] ?? null;
      made += 1;
      batches[partitionFor(key, partitions)]?.records.push({ key, value, timestampMs: timeMs });
    }
    return batches.filter((batch) => batch.records.length > 0);
  };
}

function randomValues(): readonly Buffer[] {
  const random = seededRandom(seed);
  return Array.from({ length: 512 }, () => {
    const value = Buffer.from(Array.from({ length: valueBytes }, () => random.integer(256)));
    value.writeUInt32BE(0, 0);
    return value;
  });
}

/** The share of the first n keys, for each n, where the key of rank n comes 1/n as often as the first. */
function zipfShares(keys: number): Float64Array {
  const shares = new Float64Array(keys);
  let sum = 0;
  for (let rank = 0; rank < keys; rank += 1) {
    sum += 1 / (rank + 1);
    shares[rank] = sum;
  }
  return shares.map((share) => share / sum);
}

function firstAbove(shares: Float64Array, wanted: number): number {
  let low = 0;
  let high = shares.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((shares[middle] ?? 1) > wanted) high = middle;
    else low = middle + 1;
  }
  return low;
}
