/** Records written at an even rate, however long each write takes. */
import type { BenchBroker, BenchContext } from './bench-broker.ts';
import { batchMaker, keyChooser } from './keyed-input.ts';

export interface EvenLoadOptions {
  readonly broker: BenchBroker;
  readonly input: string;
  readonly partitions: number;
  readonly keys: number;
  readonly perSecond: number;
  readonly context: BenchContext;
}

const tickMs = 10;

export interface EvenLoad {
  /** As fast as they go: so many of keys by chance. */
  write(records: number): Promise<void>;
  /** Evenly: so many, at the rate. */
  writeEvenly(records: number): Promise<void>;
  close(): Promise<void>;
}

export async function openEvenLoad(options: EvenLoadOptions): Promise<EvenLoad> {
  const { broker, input, partitions, keys, perSecond, context } = options;
  const { clock, signal } = context;
  const producer = await broker.port.openPlainProducer();
  const makeBatches = batchMaker(input, partitions);
  const keyOf = keyChooser('uniform', keys);
  const write = async (records: number): Promise<void> => {
    const chosen = Array.from({ length: records }, (_, index) => keyOf(index));
    await producer.produce(makeBatches(chosen, clock.nowMs()));
  };
  return {
    write,
    writeEvenly: async (records) => {
      const startedMs = clock.monotonicMs();
      for (let written = 0; written < records;) {
        signal.throwIfAborted();
        const elapsedMs = clock.monotonicMs() - startedMs;
        const due = Math.min(records, Math.floor((elapsedMs * perSecond) / 1_000)) - written;
        if (due > 0) await write(due);
        written += due;
        await clock.sleep(tickMs);
      }
    },
    close: () => producer.close(),
  };
}
