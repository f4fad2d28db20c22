/** Who of a group's members gets which partitions: in turn, each topic's over as many as there are. */
import type { GroupMemberInfo, GroupShare, TopicPartition } from '../streams/kafka/port.ts';

export function dealOut(
  partitions: readonly TopicPartition[],
  members: readonly GroupMemberInfo[],
): ReadonlyMap<string, GroupShare> {
  const ids = members.map(({ memberId }) => memberId).sort();
  return new Map(
    ids.map((memberId, place) => [
      memberId,
      {
        partitions: partitions.filter((_, index) => index % ids.length === place),
        userData: Buffer.alloc(0),
      },
    ]),
  );
}
