/**
 * A topology as a replay runs it: a part of it, with outputs that are held back or say which replay they
 * are of. Stores, tasks, topics and their names stay what they are.
 */
import type { Processor, ProcessorContext, RecordHeader } from '../../streams/index.ts';
import { replayIdOf } from '../../topology/roll/replay-header.ts';
import type {
  ProcessorNode,
  SinkNode,
  SubTopology,
  Topology,
} from '../../streams/topology-builder.ts';

/** Only these sub-topologies, as if there were no others. */
export function partOf(topology: Topology, names: readonly string[]): Topology {
  const subTopologies = topology.subTopologies.filter(({ name }) => names.includes(name));
  return { ...topology, subTopologies };
}

/** What goes to these sinks goes nowhere. */
export function heldBack(topology: Topology, sinks: readonly string[]): Topology {
  const nowhere = (): Processor<unknown, unknown> => ({ process: () => undefined });
  return mapped(topology, sinks, (sink) => ({ processor: nodeFor(sink, nowhere), sinks: [] }));
}

/**
 * What goes to these sinks has these headers, but for what was asked to be told once more: it was told.
 * @param onRecord told of each.
 */
export function headed(
  topology: Topology,
  sinks: readonly string[],
  headers: readonly RecordHeader[],
  onRecord: () => void,
): Topology {
  const add = (): Processor<unknown, unknown> => {
    let context: ProcessorContext;
    return {
      init: (given) => {
        context = given;
      },
      process: (record) => {
        if (replayIdOf({ headers: record.headers ?? [] }) !== undefined) return undefined;
        onRecord();
        return context.forward({ ...record, headers: [...(record.headers ?? []), ...headers] });
      },
    };
  };
  return mapped(topology, sinks, (sink) => {
    const behind = { ...sink, name: `${sink.name}-headed`, parents: [sink.name] };
    return { processor: nodeFor(sink, add), sinks: [behind] };
  });
}

interface Replacement {
  readonly processor: ProcessorNode;
  readonly sinks: readonly SinkNode[];
}

/** A processor takes the sink's place and name, so that whoever forwards to it by name goes on doing so. */
function mapped(
  topology: Topology,
  names: readonly string[],
  replace: (sink: SinkNode) => Replacement,
): Topology {
  const ofSub = (subTopology: SubTopology): SubTopology => {
    const taken = subTopology.sinks.filter(({ name }) => names.includes(name)).map(replace);
    const kept = subTopology.sinks.filter(({ name }) => !names.includes(name));
    return {
      ...subTopology,
      processors: [...subTopology.processors, ...taken.map(({ processor }) => processor)],
      sinks: [...kept, ...taken.flatMap(({ sinks }) => sinks)],
    };
  };
  return { ...topology, subTopologies: topology.subTopologies.map(ofSub) };
}

function nodeFor(
  { name, parents }: SinkNode,
  supplier: () => Processor<unknown, unknown>,
): ProcessorNode {
  return { kind: 'processor', name, parents, supplier, stores: [], answersCalls: false };
}
