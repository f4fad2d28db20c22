/** The smallest topology that calls alone make count: one key, and records say nothing. */
import {
  TopologyBuilder,
  keyValueStore,
  stringSerde,
  type KeyValueStore,
  type Processor,
  type ProcessorContext,
  type Topology,
} from '../../streams/index.ts';

/** A call adds one. */
class Tally implements Processor<string, string> {
  #counts!: KeyValueStore<string, string>;

  init(context: ProcessorContext): void {
    this.#counts = context.store('counts');
  }

  process(): void {
    // Calls alone make it count.
  }

  async call(): Promise<number> {
    const count = Number((await this.#counts.get('all')) ?? 0) + 1;
    this.#counts.put('all', String(count));
    return count;
  }
}

/** Its sub-topology is `tally`, its store `counts`, its key `all`. */
export function callTally(): Topology {
  const builder = new TopologyBuilder();
  builder
    .subTopology('tally')
    .source<string, string>('lines', { topics: ['lines'], deserialize: () => undefined })
    .store(keyValueStore({ name: 'counts', key: stringSerde, value: stringSerde }))
    .processor('tally', {
      parents: ['lines'],
      supplier: () => new Tally(),
      stores: ['counts'],
      answersCalls: true,
    });
  return builder.build();
}
