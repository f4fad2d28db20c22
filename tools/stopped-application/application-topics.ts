/**
 * What belongs to an application id on Kafka, as its topology says: topics between sub-topologies, logs,
 * changelogs, tasks, and the positions its group commits. Nothing is named here, so that a topology that
 * grows is covered whole. Events and dead letters are nobody's: their topics do not bear the id.
 */
import { sourceTopics, taskCount } from '../../streams/internal-topics.ts';
import { committedPartitions } from '../../streams/kafka/committed-offsets.ts';
import type { KafkaPort, PartitionOffset, TopicPartition } from '../../streams/kafka/port.ts';
import { transactionalId } from '../../streams/task-id.ts';
import { changelogTopic, topicName, type Topology } from '../../streams/topology-builder.ts';

/** Names of all topics that bear an application id, whether or not they exist. */
export function topicsOf(topology: Topology, applicationId: string): readonly string[] {
  const between = [...topology.internalTopics.keys()].map((internal) =>
    topicName({ internal }, applicationId),
  );
  return [...between, ...changelogsOf(topology, applicationId)];
}

export function changelogsOf(topology: Topology, applicationId: string): readonly string[] {
  return topology.subTopologies
    .filter(({ stores }) => stores.length > 0)
    .map(({ name }) => changelogTopic(name, applicationId));
}

/** Every topic that a task reads, each once. */
export function allSources(topology: Topology, applicationId: string): readonly string[] {
  const names = topology.subTopologies.flatMap((each) => sourceTopics(each, applicationId));
  return [...new Set(names)];
}

/** All partitions of those of the topics that exist. */
export async function partitionsOfTopics(
  port: KafkaPort,
  names: readonly string[],
): Promise<readonly TopicPartition[]> {
  const topics = await port.admin.describeTopics(names);
  return topics.flatMap(({ name, partitionCount }) =>
    Array.from({ length: partitionCount }, (_, partition) => ({ topic: name, partition })),
  );
}

/** What the group has committed of the topology's sources, once no transaction on them is pending. */
export async function committedPositions(
  port: KafkaPort,
  topology: Topology,
  applicationId: string,
): Promise<readonly PartitionOffset[]> {
  const partitions = await partitionsOfTopics(port, allSources(topology, applicationId));
  return committedPartitions(port, applicationId, partitions);
}

/** Whoever initialises these owns the tasks. */
export async function transactionalIdsOf(
  port: KafkaPort,
  topology: Topology,
  applicationId: string,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const subTopology of topology.subTopologies) {
    const { name } = subTopology;
    const changelog = changelogTopic(name, applicationId);
    const described = await port.admin.describeTopics([
      ...new Set([...sourceTopics(subTopology, applicationId), changelog]),
    ]);
    const known = new Map(described.map((topic) => [topic.name, topic]));
    const tasks = taskCount({ ...subTopology, stores: [] }, applicationId, known);
    const count = Math.max(tasks, known.get(changelog)?.partitionCount ?? 0);
    for (let partition = 0; partition < count; partition += 1) {
      ids.push(transactionalId(applicationId, { subTopology: name, partition }));
    }
  }
  return ids;
}
