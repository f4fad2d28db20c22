/** OffsetFetch with requireStable: committed offsets, refused while a transaction on them is pending. */
import type { TopicPartition } from '../port.ts';
import { byTopic, type Api, type Message, type PartitionError } from './message.ts';

export interface CommittedOffset extends PartitionError {
  /** −1: none was committed. */
  readonly offset: number;
}

export interface OffsetFetchResponse {
  readonly errorCode: number;
  readonly partitions: readonly CommittedOffset[];
}

const api: Api = { key: 9, name: 'OffsetFetch', minVersion: 7, maxVersion: 7, flexible: true };

export function offsetFetchRequest(
  groupId: string,
  partitions: readonly TopicPartition[],
): Message<OffsetFetchResponse> {
  return {
    api,
    encode: (writer) => {
      writer.compactString(groupId);
      writer.compactArray(byTopic(partitions), ([topic, ofTopic]) => {
        writer.compactString(topic);
        writer.compactArray(ofTopic, ({ partition }) => writer.int32(partition));
        writer.noTags();
      });
      writer.boolean(true); // require stable
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const topics = reader.compactArray(() => {
        const topic = reader.compactString();
        const committed = reader.compactArray((): CommittedOffset => {
          const partition = reader.int32();
          const offset = reader.int64();
          reader.int32(); // leader epoch
          reader.compactNullableString(); // metadata
          const errorCode = reader.int16();
          reader.skipTags();
          return { topic, partition, offset, errorCode };
        });
        reader.skipTags();
        return committed;
      });
      return { partitions: topics.flat(), errorCode: reader.int16() };
    },
  };
}
