/**
 * What a topology will do on Kafka, as plain data: its nodes, and every topic under the name and with
 * the settings the engine gives it. Pure: the broker is not asked, so the partition count of somebody
 * else's topic is not known here.
 */
import {
  changelogConfigs,
  deadLetterConfigs,
  deadLetterPartitionCount,
  sourceTopics,
} from './internal-topics.ts';
import { deadLetterTopic } from './dead-letter.ts';
import { compileStreamsConfig, type StreamsConfig, type StreamsOptions } from './streams-config.ts';
import {
  changelogTopic,
  topicName,
  type SubTopology,
  type Topology,
  type TopicReference,
} from './topology-builder.ts';

export interface TopologyDescription {
  readonly applicationId: string;
  /** In the order in which they were declared. */
  readonly subTopologies: readonly SubTopologyDescription[];
  /** Topics between sub-topologies, made by the engine. */
  readonly internalTopics: readonly InternalTopicDescription[];
  /** Where records go that cannot be used. */
  readonly deadLetterTopic: TopicSettings;
}

export interface SubTopologyDescription {
  readonly name: string;
  /** Null: one per partition of its source topics, which are not this application's. */
  readonly taskCount: number | null;
  readonly sources: readonly SourceDescription[];
  readonly processors: readonly ProcessorDescription[];
  /** Names; all stores of a task share its partition of the changelog. */
  readonly stores: readonly string[];
  readonly sinks: readonly SinkDescription[];
  /** Null: it has no store. */
  readonly changelog: TopicSettings | null;
}

export interface SourceDescription {
  readonly name: string;
  readonly topics: readonly string[];
  /** Names of the nodes it forwards to. */
  readonly children: readonly string[];
}

export interface ProcessorDescription {
  readonly name: string;
  /** Present where calls from outside are decided. */
  readonly answersCalls?: true;
  readonly parents: readonly string[];
  readonly stores: readonly string[];
  readonly children: readonly string[];
}

export interface SinkDescription {
  readonly name: string;
  readonly parents: readonly string[];
  readonly topic: string;
  /** `key`: Kafka's murmur2 of the key; `sink`: the sink says which, or that it is every one. */
  readonly partitionedBy: 'key' | 'sink';
}

export interface TopicSettings {
  readonly topic: string;
  /** Null: as many as the sub-topology has tasks. */
  readonly partitionCount: number | null;
  readonly configs: Readonly<Record<string, string>>;
}

export interface InternalTopicDescription extends TopicSettings {
  /** Nodes as `sub-topology/node`. */
  readonly writtenBy: readonly string[];
  readonly readBy: readonly string[];
}

/** @throws CONFIG_INVALID naming the option. */
export function describeTopology(topology: Topology, options: StreamsOptions): TopologyDescription {
  const config = compileStreamsConfig(options);
  const { applicationId } = config;
  return {
    applicationId,
    subTopologies: topology.subTopologies.map((subTopology) =>
      describeSubTopology(subTopology, topology, config),
    ),
    internalTopics: [...topology.internalTopics].map(
      ([internal, { partitionCount, configs = {} }]) => ({
        topic: topicName({ internal }, applicationId),
        partitionCount,
        configs: { ...configs },
        ...usersOf(internal, topology),
      }),
    ),
    deadLetterTopic: {
      topic: deadLetterTopic(config),
      partitionCount: deadLetterPartitionCount,
      configs: deadLetterConfigs(),
    },
  };
}

function describeSubTopology(
  subTopology: SubTopology,
  topology: Topology,
  config: StreamsConfig,
): SubTopologyDescription {
  const { name, sources, processors, sinks, stores } = subTopology;
  const { applicationId } = config;
  const taskCount = taskCountOf(subTopology, topology, applicationId);
  const childrenOf = (parent: string): string[] =>
    [...processors, ...sinks].filter((node) => node.parents.includes(parent)).map((n) => n.name);
  return {
    name,
    taskCount,
    sources: sources.map((source) => ({
      name: source.name,
      topics: source.topics.map((topic) => topicName(topic, applicationId)),
      children: childrenOf(source.name),
    })),
    processors: processors.map((processor) => ({
      name: processor.name,
      ...(processor.answersCalls ? { answersCalls: true as const } : {}),
      parents: [...processor.parents],
      stores: [...processor.stores],
      children: childrenOf(processor.name),
    })),
    stores: stores.map((store) => store.name),
    sinks: sinks.map((sink) => ({
      name: sink.name,
      parents: [...sink.parents],
      topic: topicName(sink.topic, applicationId),
      partitionedBy: sink.partition === undefined ? 'key' : 'sink',
    })),
    changelog:
      stores.length === 0
        ? null
        : {
            topic: changelogTopic(name, applicationId),
            partitionCount: taskCount,
            configs: changelogConfigs(config),
          },
  };
}

/** Stores ask for co-partitioned sources, so one internal source tells the count of all. */
function taskCountOf(
  subTopology: SubTopology,
  { internalTopics }: Topology,
  applicationId: string,
): number | null {
  const counts = new Map(
    [...internalTopics].map(([internal, { partitionCount }]) => [
      topicName({ internal }, applicationId),
      partitionCount,
    ]),
  );
  const known = sourceTopics(subTopology, applicationId).map((topic) => counts.get(topic));
  const found = known.filter((count) => count !== undefined);
  const isTold = found.length === known.length || (found.length > 0 && hasStores(subTopology));
  return isTold ? Math.max(...found) : null;
}

function hasStores(subTopology: SubTopology): boolean {
  return subTopology.stores.length > 0;
}

function usersOf(
  internal: string,
  { subTopologies }: Topology,
): Pick<InternalTopicDescription, 'writtenBy' | 'readBy'> {
  const isIt = (topic: TopicReference): boolean =>
    typeof topic !== 'string' && topic.internal === internal;
  return {
    writtenBy: subTopologies.flatMap(({ name, sinks }) =>
      sinks.filter((sink) => isIt(sink.topic)).map((sink) => `${name}/${sink.name}`),
    ),
    readBy: subTopologies.flatMap(({ name, sources }) =>
      sources.filter((source) => source.topics.some(isIt)).map((s) => `${name}/${s.name}`),
    ),
  };
}
