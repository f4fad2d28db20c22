/** The smallest topology that answers calls. */
import { RollguardError } from '../../kernel/errors.ts';
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

/** Counts by key; a call adds one and is told the new count. */
class Tally implements Processor<string, string> {
  #context!: ProcessorContext;
  #counts!: KeyValueStore<string, string>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#counts = context.store('counts');
  }

  async process({ key }: StreamRecord<string, string>): Promise<void> {
    await this.#add(key);
  }

  call(request: unknown): Promise<number> {
    const key = String(request);
    if (key === '') throw new RollguardError('REQUEST_INVALID', 'key: must not be empty');
    if (key === 'poison') throw new Error('cannot count poison');
    return this.#add(key);
  }

  async #add(key: string): Promise<number> {
    const count = Number((await this.#counts.get(key)) ?? 0) + 1;
    this.#counts.put(key, String(count));
    const timestampMs = this.#context.nowMs();
    await this.#context.forward({ key, value: String(count), timestampMs });
    return count;
  }
}

export function tally(): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology('count')
    .source<string, string>('lines', {
      topics: ['lines'],
      deserialize: ({ key, value, timestampMs }) => ({
        key: String(key),
        value: String(value),
        timestampMs,
      }),
    })
    .store(keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde }))
    .processor('tally', {
      parents: ['lines'],
      supplier: () => new Tally(),
      stores: ['counts'],
      answersCalls: true,
    })
    .sink<string, string>('counts', {
      parents: ['tally'],
      topic: 'counts',
      serialize: ({ key, value }) => ({ key: Buffer.from(key), value: Buffer.from(value) }),
    });
  return builder.build();
}
