/** One processor of one partition, without an engine: its stores are maps, what it forwards is kept. */
import { compositeSerde, jsonSerde, stringSerde, type Serde } from '../../stores/serde.ts';
import type { Entry, KeyValueStore, ScanOptions } from '../../stores/key-value-store.ts';
import type { Processor, ProcessorContext, RecordOrigin } from '../../streams/index.ts';

/** A store in byte order of its keys, values as bytes. */
class BytesStore implements KeyValueStore<unknown, unknown> {
  readonly #entries = new Map<string, Buffer>();
  readonly #value = jsonSerde();

  get(key: unknown): unknown {
    const bytes = this.#entries.get(nameOf(key));
    return bytes === undefined ? undefined : this.#value.deserialize(bytes);
  }

  put(key: unknown, value: unknown): void {
    this.#entries.set(nameOf(key), this.#value.serialize(value));
  }

  delete(key: unknown): void {
    this.#entries.delete(nameOf(key));
  }

  range(from: unknown, _to: unknown, { limit }: ScanOptions): Promise<Entry<unknown, unknown>[]> {
    const start = from === undefined ? '' : nameOf(from);
    return this.#page((name) => name >= start, limit);
  }

  prefix(prefix: Buffer, { limit }: ScanOptions): Promise<Entry<unknown, unknown>[]> {
    const start = prefix.toString('hex');
    return this.#page((name) => name.slice(1).startsWith(start), limit);
  }

  load(): Promise<void> {
    return Promise.resolve();
  }

  content(): Record<string, string> {
    return Object.fromEntries(
      [...this.#entries.keys()].sort().map((name) => [name, String(this.#entries.get(name))]),
    );
  }

  #page(fits: (name: string) => boolean, limit: number): Promise<Entry<unknown, unknown>[]> {
    const names = [...this.#entries.keys()].filter(fits).sort().slice(0, limit);
    return Promise.resolve(
      names.map((name) => [keyOf(name), this.#value.deserialize(this.#entries.get(name)!)]),
    );
  }
}

export interface Forwarded {
  readonly child: string | undefined;
  readonly value: unknown;
}

export class ProcessorBench<Value> {
  readonly forwarded: Forwarded[] = [];
  /** By their interval in milliseconds. */
  readonly punctuations = new Map<number, () => unknown>();
  readonly processor: Processor<string, Value>;
  nowMs = 0;
  #origin: RecordOrigin | undefined;
  readonly #stores: Map<string, BytesStore>;

  private constructor(processor: Processor<string, Value>, stores: Map<string, BytesStore>) {
    this.processor = processor;
    this.#stores = stores;
  }

  /** @param before whose stores it goes on with; undefined: they are empty. */
  static async with<Value>(
    processor: Processor<string, Value>,
    before?: ProcessorBench<never>,
  ): Promise<ProcessorBench<Value>> {
    const stores = before === undefined ? new Map<string, BytesStore>() : before.#stores;
    const bench = new ProcessorBench(processor, stores);
    await processor.init?.(bench.#context());
    return bench;
  }

  async read(
    origin: RecordOrigin,
    record: { readonly key: string; readonly value: Value },
  ): Promise<void> {
    this.#origin = origin;
    await this.processor.process({ ...record, timestampMs: this.nowMs });
    this.#origin = undefined;
  }

  /** Every entry of every store, as bytes. */
  content(): Record<string, Record<string, string>> {
    const names = [...this.#stores.keys()].sort();
    return Object.fromEntries(names.map((name) => [name, this.#store(name).content()]));
  }

  #store(name: string): BytesStore {
    const store = this.#stores.get(name) ?? new BytesStore();
    this.#stores.set(name, store);
    return store;
  }

  #context(): ProcessorContext {
    return {
      ...{ applicationId: 'bench', subTopology: 'bench', partition: 0 },
      store: ((name: string) => this.#store(name)) as ProcessorContext['store'],
      forward: ({ value }, child) => void this.forwarded.push({ child, value }),
      schedule: (intervalMs, _type, punctuate) => {
        this.punctuations.set(intervalMs, () => punctuate(this.nowMs));
        return { cancel: () => this.punctuations.delete(intervalMs) };
      },
      origin: () => this.#origin,
      streamTimeMs: () => this.nowMs,
      nowMs: () => this.nowMs,
    };
  }
}

/** The kind of the key and its bytes. */
function nameOf(key: unknown): string {
  return typeof key === 'string'
    ? `t${stringSerde.serialize(key).toString('hex')}`
    : `p${(compositeSerde as Serde<unknown>).serialize(key).toString('hex')}`;
}

function keyOf(name: string): unknown {
  const bytes = Buffer.from(name.slice(1), 'hex');
  return name.startsWith('t') ? stringSerde.deserialize(bytes) : compositeSerde.deserialize(bytes);
}
