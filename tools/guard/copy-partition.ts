/**
 * Copies the committed records of a stretch of one partition, as they are, to the same partition of
 * another topic, in transactions. Memory holds one fetch and one transaction.
 */
import type {
  FetchedRecord,
  KafkaPort,
  ProduceRecord,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';
import type { OffsetRange } from '../../streams/kafka/read-ranges.ts';
import type { PositionMap } from './position-map.ts';

export interface CopyOptions {
  readonly port: KafkaPort;
  readonly producer: TransactionalProducer;
  /** Everything in it is stable: no transaction is open there. */
  readonly range: OffsetRange;
  /** The topic to copy to. */
  readonly to: string;
  /** The value of the copy. */
  readonly rewrite: (value: Buffer) => Buffer;
  /** Told where records went; undefined: nobody will ask. */
  readonly positions: PositionMap | undefined;
  readonly signal: AbortSignal;
}

export interface Copied {
  readonly records: number;
  /** The position after the last record of the copy. */
  readonly end: number;
}

const pollMs = 200;
const transactionBytesMax = 4 * 1024 * 1024;
const transactionRecordsMax = 10_000;

export async function copyPartition(options: CopyOptions): Promise<Copied> {
  const { port, range, signal } = options;
  if (range.from >= range.to) return { records: 0, end: 0 };
  const writer = new CopyWriter(options);
  const reader = port.openReader();
  try {
    const { topic, partition } = range;
    let position = range.from;
    reader.assign([{ topic, partition, offset: position }]);
    while (position < range.to) {
      for (const fetched of await reader.poll(pollMs)) {
        signal.throwIfAborted();
        if (fetched.error !== undefined) throw fetched.error;
        for (const record of fetched.records) {
          if (record.offset < range.to) await writer.write(record);
        }
        position = fetched.nextOffset;
      }
    }
    await writer.flush();
  } finally {
    await reader.close();
  }
  return writer.copied;
}

/** Gathers records and writes a transaction of them. */
class CopyWriter {
  readonly #options: CopyOptions;
  #offsets: number[] = [];
  #records: ProduceRecord[] = [];
  #bytes = 0;
  #copied: Copied = { records: 0, end: 0 };

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  get copied(): Copied {
    return this.#copied;
  }

  async write({ offset, key, value, timestampMs, headers }: FetchedRecord): Promise<void> {
    const copy = value === null ? null : this.#options.rewrite(value);
    this.#offsets.push(offset);
    this.#records.push({ key, value: copy, timestampMs, headers });
    this.#bytes += (key?.length ?? 0) + (copy?.length ?? 0);
    const isFull =
      this.#bytes >= transactionBytesMax || this.#records.length >= transactionRecordsMax;
    if (isFull) await this.flush();
  }

  async flush(): Promise<void> {
    const { producer, range, to, positions } = this.#options;
    const records = this.#records;
    if (records.length === 0) return;
    const batch = { topic: to, partition: range.partition, records };
    const [produced] = await producer.produce([batch]);
    await producer.commit();
    const base = produced?.baseOffset ?? 0;
    for (const [index, offset] of this.#offsets.entries()) positions?.add(offset, base + index);
    this.#copied = {
      records: this.#copied.records + records.length,
      end: base + records.length,
    };
    this.#offsets = [];
    this.#records = [];
    this.#bytes = 0;
  }
}
