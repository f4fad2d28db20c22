/**
 * How long a record takes from its produce until a read-committed reader can read what follows from it,
 * under a gentle, even load. The record's own timestamp goes through: it says when it was produced.
 */
import type { PartitionReader } from '../../streams/kafka/port.ts';
import { openEvenLoad, type EvenLoadOptions } from '../even-load.ts';
import { percentile } from '../measure.ts';

export interface LatencyOptions extends EvenLoadOptions {
  readonly output: string;
  readonly seconds: number;
  /** Throws when the side cannot bring any more output. */
  readonly assertAlive: () => void;
}

export interface LatencyFigures {
  readonly records: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** As fast as they can be written, so that nobody meets the even load cold; then some seconds of it. */
const warmUpRecords = 100_000;
const warmUpSeconds = 5;
const warmUpBatchRecords = 1_000;
const pollMs = 100;

export async function measureLatency(options: LatencyOptions): Promise<LatencyFigures> {
  const { broker, output, partitions, context } = options;
  const load = await openEvenLoad(options);
  const reader = broker.port.openReader();
  reader.assign(
    Array.from({ length: partitions }, (_, partition) => ({ topic: output, partition, offset: 0 })),
  );
  for (let written = 0; written < warmUpRecords; written += warmUpBatchRecords) {
    await load.write(warmUpBatchRecords);
  }
  await readLatencies(options, { reader, records: warmUpRecords, fromMs: Infinity });
  const records = options.perSecond * (warmUpSeconds + options.seconds);
  const fromMs = context.clock.nowMs() + warmUpSeconds * 1_000;
  const [latenciesMs] = await Promise.all([
    readLatencies(options, { reader, records, fromMs }),
    load.writeEvenly(records),
  ]);
  await Promise.all([reader.close(), load.close()]);
  return {
    records: latenciesMs.length,
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
    maxMs: percentile(latenciesMs, 100),
  };
}

interface Wanted {
  readonly reader: PartitionReader;
  readonly records: number;
  /** Records of before do not count. */
  readonly fromMs: number;
}

async function readLatencies(
  { assertAlive, context: { clock, signal } }: LatencyOptions,
  { reader, records, fromMs }: Wanted,
): Promise<number[]> {
  const latenciesMs: number[] = [];
  for (let read = 0; read < records;) {
    signal.throwIfAborted();
    assertAlive();
    const fetched = (await reader.poll(pollMs)).flatMap(({ records }) => [...records]);
    const nowMs = clock.nowMs();
    read += fetched.length;
    for (const { timestampMs } of fetched) {
      if (timestampMs >= fromMs) latenciesMs.push(nowMs - timestampMs);
    }
  }
  return latenciesMs;
}
