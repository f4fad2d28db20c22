/** How far an application has read, as its group's committed offsets say. */
import { partitionName } from './partition-name.ts';
import type { KafkaPort, PartitionOffset, TopicPartition } from './port.ts';

/** Where something was committed, once no transaction on it is pending. */
export async function committedPartitions(
  port: KafkaPort,
  applicationId: string,
  partitions: readonly TopicPartition[],
): Promise<readonly PartitionOffset[]> {
  const member = port.openMember({
    ...{ groupId: applicationId, topics: [], userData: () => Buffer.alloc(0) },
    ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, assignor: () => new Map() },
  });
  try {
    return await member.committedOffsets(partitions);
  } finally {
    await member.leave();
  }
}

/** 0 where nothing was committed. */
export async function committedOffsets(
  port: KafkaPort,
  applicationId: string,
  partitions: readonly TopicPartition[],
): Promise<(partition: TopicPartition) => number> {
  const offsets = await committedPartitions(port, applicationId, partitions);
  const known = new Map(offsets.map((each) => [partitionName(each), each.offset]));
  return (partition) => known.get(partitionName(partition)) ?? 0;
}
