/** Bugs of ownership and of the clock that decisions are made by. */
import type {
  KeyValueStore,
  Processor,
  ProcessorContext,
  Topology,
} from '../../../streams/index.ts';
import type { InProcessKafka } from '../../in-process-kafka.ts';
import type { Plant } from '../plant.ts';

export const noFencing: Plant = {
  summary: 'taking a transactional id over does not fence its previous owner',
  cluster: (cluster: InProcessKafka) => {
    cluster.transactions.isFencing = false;
  },
};

const marks = 'marks';
const lastDecision = 'last-decision-ms';

export const clockRunsBack: Plant = {
  summary: "a new owner decides by its own clock, whatever the last decision's time was",
  topology: (topology) => withForgottenClock(topology),
};

function withForgottenClock(topology: Topology): Topology {
  return {
    ...topology,
    subTopologies: topology.subTopologies.map((subTopology) => ({
      ...subTopology,
      processors: subTopology.processors.map((node) => ({
        ...node,
        supplier: () => forgetful(node.supplier()),
      })),
    })),
  };
}

/** Its stores never tell when the last decision was made. */
function forgetful(processor: Processor<unknown, unknown>): Processor<unknown, unknown> {
  const init = processor.init?.bind(processor);
  processor.init = (context: ProcessorContext) =>
    init?.({
      ...context,
      store: ((name: string) => {
        const store = context.store<KeyValueStore<string, number>>(name);
        if (name !== marks) return store;
        return {
          ...store,
          get: (key: string) => (key === lastDecision ? undefined : store.get(key)),
        };
      }) as ProcessorContext['store'],
    });
  return processor;
}
