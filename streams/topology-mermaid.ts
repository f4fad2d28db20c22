/**
 * A topology's description as a Mermaid flow chart: a box per sub-topology, topics between them. Only
 * node, edge and subgraph lines, every label quoted and escaped, so that no name can break the syntax.
 */
import type { SubTopologyDescription, TopologyDescription } from './topology-description.ts';

/** Ends with a line feed. */
export function renderTopologyMermaid({ subTopologies }: TopologyDescription): string {
  const topics = new TopicIds();
  const boxes = subTopologies.flatMap((subTopology, index) =>
    boxLines(subTopology, `s${index}`, topics),
  );
  const edges = subTopologies.flatMap((subTopology, index) =>
    topicEdges(subTopology, `s${index}`, topics),
  );
  const nodes = topics.all().map(([topic, id]) => `${id}[/${label(topic)}/]`);
  return `${['flowchart LR', ...[...boxes, ...nodes, ...edges].map((line) => `  ${line}`)].join('\n')}\n`;
}

/** Ids by order of appearance: names may hold what an id may not. */
class TopicIds {
  readonly #ids = new Map<string, string>();

  of(topic: string): string {
    const known = this.#ids.get(topic);
    if (known !== undefined) return known;
    const id = `t${this.#ids.size}`;
    this.#ids.set(topic, id);
    return id;
  }

  all(): readonly (readonly [string, string])[] {
    return [...this.#ids];
  }
}

function boxLines(subTopology: SubTopologyDescription, box: string, topics: TopicIds): string[] {
  const { name, sources, processors, stores, sinks, changelog } = subTopology;
  const idOf = nodeIds(subTopology, box);
  const inside = [
    ...sources.map((node) => `${idOf(node.name)}([${label(node.name)}])`),
    ...processors.map((node) => `${idOf(node.name)}[${label(node.name)}]`),
    ...sinks.map((node) => `${idOf(node.name)}([${label(node.name)}])`),
    ...stores.map((store, index) => `${box}k${index}[(${label(store)})]`),
    ...[...processors, ...sinks].flatMap((node) =>
      node.parents.map((parent) => `${idOf(parent)} --> ${idOf(node.name)}`),
    ),
    ...processors.flatMap((node) =>
      node.stores.map((store) => `${idOf(node.name)} --- ${box}k${stores.indexOf(store)}`),
    ),
  ];
  const changelogEdges =
    changelog === null
      ? []
      : stores.map((_, index) => `${box}k${index} -.-> ${topics.of(changelog.topic)}`);
  return [
    `subgraph ${box}[${label(name)}]`,
    ...inside.map((line) => `  ${line}`),
    'end',
    ...changelogEdges,
  ];
}

function topicEdges(subTopology: SubTopologyDescription, box: string, topics: TopicIds): string[] {
  const idOf = nodeIds(subTopology, box);
  return [
    ...subTopology.sources.flatMap((source) =>
      source.topics.map((topic) => `${topics.of(topic)} --> ${idOf(source.name)}`),
    ),
    ...subTopology.sinks.map((sink) => `${idOf(sink.name)} --> ${topics.of(sink.topic)}`),
  ];
}

function nodeIds(subTopology: SubTopologyDescription, box: string): (name: string) => string {
  const { sources, processors, sinks } = subTopology;
  const ids = new Map(
    [...sources, ...processors, ...sinks].map((node, index) => [node.name, `${box}n${index}`]),
  );
  return (name) => ids.get(name) ?? box;
}

function label(text: string): string {
  return `"${text.replaceAll('#', '#35;').replaceAll('"', '#quot;')}"`;
}
