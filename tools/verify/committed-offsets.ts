/** How far an application has read, as its group's committed offsets say. */
import type { KafkaPort, PartitionOffset, TopicPartition } from '../../streams/kafka/port.ts';

/** 0 where nothing was committed. */
export async function committedOffsets(
  port: KafkaPort,
  applicationId: string,
  partitions: readonly TopicPartition[],
): Promise<(partition: TopicPartition) => number> {
  const member = port.openMember({
    groupId: applicationId,
    topics: [],
    userData: () => Buffer.alloc(0),
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    assignor: () => new Map(),
  });
  const offsets = await member.committedOffsets(partitions);
  const nameOf = ({ topic, partition }: TopicPartition): string => `${topic}-${partition}`;
  const known = new Map(offsets.map((each: PartitionOffset) => [nameOf(each), each.offset]));
  return (partition) => known.get(nameOf(partition)) ?? 0;
}
