/** A topology's description as text for people and terminals; one fact a line, so that diffs are read. */
import type {
  InternalTopicDescription,
  SubTopologyDescription,
  TopicSettings,
  TopologyDescription,
} from './topology-description.ts';

/** Ends with a line feed. */
export function renderTopologyText(description: TopologyDescription): string {
  const { applicationId, subTopologies, internalTopics, deadLetterTopic } = description;
  const blocks = [
    [`application ${applicationId}`],
    ...subTopologies.map(subTopologyLines),
    ...internalTopics.map(internalTopicLines),
    [`dead letters ${deadLetterTopic.topic}`, ...settingLines(deadLetterTopic)],
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function subTopologyLines(subTopology: SubTopologyDescription): string[] {
  const { name, taskCount, sources, processors, stores, sinks, changelog } = subTopology;
  const tasks = taskCount === null ? 'a task for each partition of its sources' : taskCount;
  return [
    `sub-topology ${name}`,
    `  tasks: ${tasks}`,
    ...sources.flatMap((source) => [
      `  source ${source.name}`,
      `    reads ${source.topics.join(', ')}`,
      ...listed('forwards to', source.children),
    ]),
    ...processors.flatMap((processor) => [
      `  processor ${processor.name}${processor.answersCalls === true ? ', answers calls' : ''}`,
      ...listed('receives from', processor.parents),
      ...listed('uses stores', processor.stores),
      ...listed('forwards to', processor.children),
    ]),
    ...sinks.flatMap((sink) => [
      `  sink ${sink.name}`,
      ...listed('receives from', sink.parents),
      `    writes ${sink.topic}`,
      `    partition: ${sink.partitionedBy === 'key' ? 'by key' : 'the sink decides'}`,
    ]),
    ...stores.map((store) => `  store ${store}`),
    ...(changelog === null
      ? []
      : [`  changelog ${changelog.topic}`, ...settingLines(changelog).map((line) => `  ${line}`)]),
  ];
}

function internalTopicLines(topic: InternalTopicDescription): string[] {
  const users = [...listed('written by', topic.writtenBy), ...listed('read by', topic.readBy)];
  return [
    `internal topic ${topic.topic}`,
    ...settingLines(topic),
    ...users.map((line) => line.slice(2)),
  ];
}

function settingLines({ partitionCount, configs }: TopicSettings): string[] {
  return [
    `  partitions: ${partitionCount ?? 'one for each task'}`,
    ...Object.entries(configs).map(([name, value]) => `  ${name}=${value}`),
  ];
}

function listed(what: string, names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`    ${what} ${names.join(', ')}`];
}
