/** A topology as plain data, with the names its topics have on the broker: for people and for diffs. */
import { deadLetterTopic } from './dead-letter.ts';
import { changelogTopic, topicName, type Topology } from './topology-builder.ts';

export interface NodeDescription {
  readonly name: string;
  readonly parents: readonly string[];
}

export interface SubTopologyDescription {
  readonly name: string;
  readonly sources: readonly { readonly name: string; readonly topics: readonly string[] }[];
  readonly processors: readonly (NodeDescription & { readonly stores: readonly string[] })[];
  readonly sinks: readonly (NodeDescription & { readonly topic: string })[];
  readonly stores: readonly string[];
  /** Absent without stores. */
  readonly changelog?: string;
}

export interface TopologyDescription {
  readonly applicationId: string;
  readonly subTopologies: readonly SubTopologyDescription[];
  /** The engine's own topics between sub-topologies. */
  readonly internalTopics: readonly {
    readonly name: string;
    readonly partitionCount: number;
    readonly configs: Readonly<Record<string, string>>;
  }[];
  readonly deadLetterTopic: string;
}

export function describeTopology(topology: Topology, applicationId: string): TopologyDescription {
  return {
    applicationId,
    subTopologies: topology.subTopologies.map(({ name, sources, processors, sinks, stores }) => ({
      name,
      sources: sources.map((source) => ({
        name: source.name,
        topics: source.topics.map((topic) => topicName(topic, applicationId)),
      })),
      processors: processors.map((processor) => ({
        name: processor.name,
        parents: processor.parents,
        stores: processor.stores,
      })),
      sinks: sinks.map((sink) => ({
        name: sink.name,
        parents: sink.parents,
        topic: topicName(sink.topic, applicationId),
      })),
      stores: stores.map((store) => store.name),
      ...(stores.length === 0 ? {} : { changelog: changelogTopic(name, applicationId) }),
    })),
    internalTopics: [...topology.internalTopics].map(
      ([name, { partitionCount, configs = {} }]) => ({
        name: topicName({ internal: name }, applicationId),
        partitionCount,
        configs,
      }),
    ),
    deadLetterTopic: deadLetterTopic(applicationId),
  };
}

/** Indented text in the manner of Kafka Streams' `Topology#describe`. */
export function renderTopologyText(description: TopologyDescription): string {
  const lines = [`Topology of ${description.applicationId}`];
  for (const { name, sources, processors, sinks, changelog, stores } of description.subTopologies) {
    lines.push('', `  Sub-topology ${name}`);
    if (changelog !== undefined)
      lines.push(`    Stores: ${stores.join(', ')} (changelog: ${changelog})`);
    for (const source of sources)
      lines.push(`    Source: ${source.name} (topics: ${source.topics.join(', ')})`);
    for (const { name: processor, parents, stores: used } of processors) {
      const storesUsed = used.length === 0 ? '' : ` (stores: ${used.join(', ')})`;
      lines.push(`    Processor: ${processor}${storesUsed}`, `      <-- ${parents.join(', ')}`);
    }
    for (const sink of sinks) {
      lines.push(
        `    Sink: ${sink.name} (topic: ${sink.topic})`,
        `      <-- ${sink.parents.join(', ')}`,
      );
    }
  }
  if (description.internalTopics.length > 0) lines.push('', '  Internal topics');
  for (const { name, partitionCount, configs } of description.internalTopics) {
    const settings = Object.entries(configs).map(([key, value]) => `${key}=${value}`);
    lines.push(`    ${name} (partitions: ${partitionCount}; ${settings.join(', ')})`);
  }
  lines.push('', `  Dead letters: ${description.deadLetterTopic}`);
  return `${lines.join('\n')}\n`;
}

/** A Mermaid flow chart: topics are rounded, stores are cylinders. */
export function renderTopologyMermaid({ subTopologies }: TopologyDescription): string {
  const lines = ['flowchart TD'];
  const topics = new Map<string, string>();
  const topicId = (topic: string): string => {
    const id = topics.get(topic) ?? `topic${topics.size}`;
    topics.set(topic, id);
    return id;
  };
  const edges: string[] = [];
  subTopologies.forEach(({ name, sources, processors, sinks, stores }, index) => {
    const node = (nodeName: string): string =>
      `n${index}_${nodeName.replaceAll(/[^A-Za-z0-9]/g, '_')}`;
    const store = (storeName: string): string => `${node(storeName)}_store`;
    lines.push(`  subgraph s${index}["${label(name)}"]`);
    for (const each of [...sources, ...processors, ...sinks]) {
      lines.push(`    ${node(each.name)}["${label(each.name)}"]`);
    }
    for (const each of stores) lines.push(`    ${store(each)}[("${label(each)}")]`);
    lines.push('  end');
    for (const source of sources) {
      for (const topic of source.topics) edges.push(`  ${topicId(topic)} --> ${node(source.name)}`);
    }
    for (const { name: to, parents } of [...processors, ...sinks]) {
      for (const parent of parents) edges.push(`  ${node(parent)} --> ${node(to)}`);
    }
    for (const processor of processors) {
      for (const each of processor.stores)
        edges.push(`  ${node(processor.name)} -.- ${store(each)}`);
    }
    for (const sink of sinks) edges.push(`  ${node(sink.name)} --> ${topicId(sink.topic)}`);
  });
  for (const [topic, id] of topics) lines.push(`  ${id}(["${label(topic)}"])`);
  return `${[...lines, ...edges].join('\n')}\n`;
}

function label(text: string): string {
  return text.replaceAll('"', '#quot;');
}
