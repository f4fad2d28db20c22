/** The smallest stateful topology: counts lines by key and forwards every new count. */
import type { KeyValueStore } from '../../stores/key-value-store.ts';
import { stringSerde } from '../../stores/serde.ts';
import { keyValueStore } from '../../stores/store-builder.ts';
import {
  TopologyBuilder,
  type Processor,
  type ProcessorContext,
  type StreamRecord,
  type Topology,
} from '../../streams/index.ts';

export class Counter implements Processor<string, string> {
  #context!: ProcessorContext;
  #counts!: KeyValueStore<string, string>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#counts = context.store('counts');
  }

  async process(record: StreamRecord<string, string>): Promise<void> {
    if (record.value === 'poison') throw new Error('cannot count poison');
    const count = Number((await this.#counts.get(record.key)) ?? 0) + 1;
    this.#counts.put(record.key, String(count));
    await this.#context.forward({ ...record, value: String(count) });
  }
}

export function wordCount(): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology('count')
    .source<string, string>('lines', {
      topics: ['lines'],
      deserialize: ({ key, value, timestampMs }) => {
        if (key === null || value === null) return undefined;
        return { key: key.toString(), value: value.toString(), timestampMs };
      },
    })
    .store(keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde }))
    .processor('counter', { parents: ['lines'], supplier: () => new Counter(), stores: ['counts'] })
    .sink<string, string>('counts', {
      parents: ['counter'],
      topic: 'counts',
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }),
    });
  return builder.build();
}

/** The counts a correct run must have written, in order, by key. */
export function expectedCounts(lines: Readonly<Record<string, number>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(lines).map(([key, count]) => [
      key,
      Array.from({ length: count }, (_, i) => String(i + 1)),
    ]),
  );
}
