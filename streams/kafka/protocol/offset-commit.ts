/** OffsetCommit: a group's positions outside any transaction, for one member of one generation. */
import type { PartitionOffset } from '../port.ts';
import type { Api, Message, PartitionError } from './message.ts';
import { readPartitionErrors, writeOffsets, type GroupGeneration } from './transaction-messages.ts';

const api: Api = { key: 8, name: 'OffsetCommit', minVersion: 8, maxVersion: 8, flexible: true };

export function offsetCommitRequest(
  group: GroupGeneration,
  offsets: readonly PartitionOffset[],
): Message<readonly PartitionError[]> {
  return {
    api,
    encode: (writer) => {
      writer.compactString(group.groupId);
      writer.int32(group.generationId);
      writer.compactString(group.memberId);
      writer.compactNullableString(group.groupInstanceId ?? null);
      writeOffsets(writer, offsets);
      writer.noTags();
    },
    decode: readPartitionErrors,
  };
}
