/** A group's offsets, moved in one transaction with a note of it, by a member that is the only one. */
import type {
  DescribedMember,
  KafkaPort,
  PartitionOffset,
  ProduceBatch,
  TransactionalProducer,
} from '../../streams/kafka/port.ts';

export interface CommitAloneOptions {
  readonly port: KafkaPort;
  readonly producer: TransactionalProducer;
  readonly groupId: string;
  readonly offsets: readonly PartitionOffset[];
  readonly note: ProduceBatch;
  /** Told who is in the group: the commit's own member, and whoever should not be; throws to refuse. */
  readonly checkAlone: (members: readonly DescribedMember[]) => void;
}

export async function commitAlone(options: CommitAloneOptions): Promise<void> {
  const { port, producer, groupId, offsets, note, checkAlone } = options;
  // As the group's only member: an instance that joins before the commit either moves the generation on,
  // and the commit is refused, or waits for these offsets.
  const member = port.openMember({
    ...{ groupId, topics: [], userData: () => Buffer.alloc(0) },
    ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, assignor: () => new Map() },
  });
  try {
    const { memberId, generationId } = await member.join();
    checkAlone(await port.admin.groupMembers(groupId));
    await producer.produce([note]);
    if (offsets.length > 0) {
      await producer.sendOffsets({ groupId, memberId, generationId, offsets });
    }
    await producer.commit();
  } finally {
    await member.leave();
  }
}
