/**
 * How long a record takes from its produce until a read-committed reader can read what follows from it,
 * under a gentle, even load. The record's own timestamp goes through: it says when it was produced.
 */
import type { PartitionReader } from '../../streams/kafka/port.ts';
import type { BenchBroker, BenchContext } from '../bench-broker.ts';
import { batchMaker, keyChooser } from '../keyed-input.ts';
import { percentile } from '../measure.ts';

export interface LatencyOptions {
  readonly broker: BenchBroker;
  readonly input: string;
  readonly output: string;
  readonly partitions: number;
  readonly keys: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly context: BenchContext;
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
const tickMs = 10;
const pollMs = 100;

export async function measureLatency(options: LatencyOptions): Promise<LatencyFigures> {
  const { broker, output, partitions, context } = options;
  const write = await openWriter(options);
  const reader = broker.port.openReader();
  reader.assign(
    Array.from({ length: partitions }, (_, partition) => ({ topic: output, partition, offset: 0 })),
  );
  for (let written = 0; written < warmUpRecords; written += warmUpBatchRecords) {
    await write(warmUpBatchRecords);
  }
  await readLatencies(options, { reader, records: warmUpRecords, fromMs: Infinity });
  const records = options.perSecond * (warmUpSeconds + options.seconds);
  const fromMs = context.clock.nowMs() + warmUpSeconds * 1_000;
  const [latenciesMs] = await Promise.all([
    readLatencies(options, { reader, records, fromMs }),
    writeEvenly(options, { write, records }),
  ]);
  await reader.close();
  return {
    records: latenciesMs.length,
    p50Ms: percentile(latenciesMs, 50),
    p99Ms: percentile(latenciesMs, 99),
    maxMs: percentile(latenciesMs, 100),
  };
}

type Writer = (records: number) => Promise<void>;

async function openWriter(options: LatencyOptions): Promise<Writer> {
  const { broker, input, partitions, keys, context } = options;
  const producer = await broker.port.openPlainProducer();
  const makeBatches = batchMaker(input, partitions);
  const keyOf = keyChooser('uniform', keys);
  return async (records) => {
    const chosen = Array.from({ length: records }, (_, index) => keyOf(index));
    await producer.produce(makeBatches(chosen, context.clock.nowMs()));
  };
}

async function writeEvenly(
  { perSecond, context: { clock, signal } }: LatencyOptions,
  { write, records }: { readonly write: Writer; readonly records: number },
): Promise<void> {
  const startedMs = clock.monotonicMs();
  for (let written = 0; written < records;) {
    signal.throwIfAborted();
    const elapsedMs = clock.monotonicMs() - startedMs;
    const due = Math.min(records, Math.floor((elapsedMs * perSecond) / 1_000)) - written;
    if (due > 0) await write(due);
    written += due;
    await clock.sleep(tickMs);
  }
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
