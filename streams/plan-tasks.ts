/** The tasks of a topology: one for each sub-topology and partition, whoever runs it. */
import type { StoreTask } from '../stores/store-task.ts';
import { sourceTopics, taskCount, type TopicCatalogue } from './internal-topics.ts';
import type { StreamsMetrics } from './streams-metrics.ts';
import type { PlannedTask } from './task-manager.ts';
import { changelogTopic, type SubTopology, type Topology } from './topology-builder.ts';

export function planTasks(
  topology: Topology,
  applicationId: string,
  topics: TopicCatalogue,
  metrics: StreamsMetrics,
): readonly PlannedTask[] {
  return topology.subTopologies.flatMap((subTopology) => {
    const changelog = changelogTopic(subTopology.name, applicationId);
    const sources = sourceTopics(subTopology, applicationId);
    const count = taskCount(subTopology, applicationId, topics);
    return Array.from({ length: count }, (_, partition) => ({
      id: { subTopology: subTopology.name, partition },
      subTopology: countingLate(subTopology, (store) =>
        metrics.lateRecord({ subTopology: subTopology.name, partition }, store),
      ),
      partitions: sources
        .filter((topic) => partition < (topics.get(topic)?.partitionCount ?? 0))
        .map((topic) => ({ topic, partition })),
      isStateful: subTopology.stores.length > 0,
      changelog:
        subTopology.stores.length === 0
          ? undefined
          : { topic: changelog, topicId: topics.get(changelog)?.topicId ?? '', partition },
    }));
  });
}

/** The same, with the records counted that come too late for a store. */
function countingLate(subTopology: SubTopology, late: (store: string) => void): SubTopology {
  const stores = subTopology.stores.map((builder) => ({
    ...builder,
    open: (task: StoreTask) => builder.open({ ...task, late: () => late(builder.name) }),
  }));
  return { ...subTopology, stores };
}
