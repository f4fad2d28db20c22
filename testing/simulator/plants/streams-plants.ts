/** Bugs of what travels between the guard, its commands and the platform's reservations. */
import type {
  Deserializer,
  KeyValueStore,
  Processor,
  ProcessorContext,
  StreamRecord,
  Topology,
} from '../../../streams/index.ts';
import type { Plant } from '../plant.ts';

type Record = StreamRecord<unknown, unknown>;

export const commandsForgotten: Plant = {
  summary: 'a new owner does not know which commands were decided',
  topology: (topology) => ({
    ...topology,
    subTopologies: topology.subTopologies.map((subTopology) => ({
      ...subTopology,
      processors: subTopology.processors.map((node) => ({
        ...node,
        supplier: () => withoutCommands(node.supplier()),
      })),
    })),
  }),
};

export const ordersWithoutVersion: Plant = {
  summary: 'an order to release does not name the version of the hold that it is for',
  topology: (topology) =>
    withSource(topology, 'orders', (record) => {
      const { order } = record.value as { readonly order: { readonly kind: string } };
      return order.kind === 'release'
        ? { ...record, value: { kind: 'order', order: { ...order, version: undefined } } }
        : record;
    }),
};

export const endsUnheard: Plant = {
  summary: 'a reservation does not hear of holds whose time was over',
  topology: (topology) =>
    withSource(topology, 'holds', (record) => {
      const { status } = record.value as { readonly status?: string };
      return status === 'EXPIRED' || status === 'RELEASED' ? undefined : record;
    }),
};

function withoutCommands(processor: Processor<unknown, unknown>): Processor<unknown, unknown> {
  const init = processor.init?.bind(processor);
  processor.init = (context: ProcessorContext) =>
    init?.({
      ...context,
      store: ((name: string) => {
        const store = context.store<KeyValueStore<unknown, unknown>>(name);
        return name === 'commands' ? { ...store, range: () => Promise.resolve([]) } : store;
      }) as ProcessorContext['store'],
    });
  return processor;
}

/** Undefined: the record is lost. */
function withSource(
  topology: Topology,
  name: string,
  change: (record: Record) => Record | undefined,
): Topology {
  return {
    ...topology,
    subTopologies: topology.subTopologies.map((subTopology) => ({
      ...subTopology,
      sources: subTopology.sources.map((source) => {
        if (source.name !== name) return source;
        const deserialize: Deserializer<unknown, unknown> = async (record, origin) => {
          const read = await source.deserialize(record, origin);
          return read && change(read);
        };
        return { ...source, deserialize };
      }),
    })),
  };
}
