/**
 * The topology of the benches: each record's key has a value of 200 bytes in a store; it is read, changed,
 * written (store and changelog) and forwarded to the output. The value begins with how often: keyed-input.ts
 * lays it out, and a peer does the same (bench/peers/).
 */
import type { KeyValueStore, ReadOnlyKeyValueStore } from '../stores/key-value-store.ts';
import { bytesSerde, stringSerde } from '../stores/serde.ts';
import { keyValueStore } from '../stores/store-builder.ts';
import {
  TopologyBuilder,
  type KafkaStreams,
  type MaybePromise,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
  type Topology,
} from '../streams/index.ts';

export interface BenchTopics {
  readonly input: string;
  readonly output: string;
}

const subTopology = 'modify';
const storeName = 'values';

export function readModifyWrite({ input, output }: BenchTopics): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology(subTopology)
    .source<string, Buffer>('input', {
      topics: [input],
      deserialize: ({ key, value, timestampMs }) => {
        if (key === null || value === null) return undefined;
        return { key: key.toString('latin1'), value, timestampMs };
      },
    })
    .store(keyValueStore({ name: storeName, key: stringSerde, value: bytesSerde }))
    .processor('modifier', {
      ...{ parents: ['input'], supplier: () => new Modifier(), stores: [storeName] },
    })
    .sink<string, Buffer>('output', {
      parents: ['modifier'],
      topic: output,
      serialize: ({ key, value }) => ({ key: Buffer.from(key, 'latin1'), value }),
    });
  return builder.build();
}

/** How often a key came, as committed; asked of the instance that owns it. */
export async function countIn(streams: KafkaStreams, key: string): Promise<number> {
  const partition = streams.partitionOf(subTopology, Buffer.from(key, 'latin1'));
  const view = streams.query<ReadOnlyKeyValueStore<string, Buffer>>({
    ...{ subTopology, store: storeName, partition },
  });
  return (await view.store.get(key))?.readUInt32BE(0) ?? 0;
}

/** True once every partition of the store is restored here. */
export function servesAll(streams: KafkaStreams): boolean {
  const wanted = streams.partitionCount(subTopology);
  return streams.notReady() === undefined && wanted > 0 && streams.tasks().length === wanted;
}

class Modifier implements Processor<string, Buffer> {
  #context!: ProcessorContext;
  #values!: KeyValueStore<string, Buffer>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#values = context.store(storeName);
  }

  load(records: readonly StreamRecord<string, Buffer>[]): Promise<void> {
    return this.#values.load(records.map(({ key }) => key));
  }

  process(record: StreamRecord<string, Buffer>): MaybePromise<void> {
    const found = this.#values.get(record.key);
    if (found instanceof Promise) return found.then((value) => this.#modify(record, value));
    return this.#modify(record, found);
  }

  #modify(record: StreamRecord<string, Buffer>, found: Buffer | undefined): MaybePromise<void> {
    const value = Buffer.from(found ?? record.value);
    value.writeUInt32BE((value.readUInt32BE(0) + 1) >>> 0, 0);
    this.#values.put(record.key, value);
    return this.#context.forward({ ...record, value });
  }
}
