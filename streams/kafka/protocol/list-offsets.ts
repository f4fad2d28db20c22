/** ListOffsets: a partition's log start, high watermark or last stable offset, or where a time begins. */
import type { TopicPartition } from '../port.ts';
import { byTopic, type Api, type Message, type PartitionError } from './message.ts';

export interface ListedOffset extends PartitionError {
  readonly offset: number;
}

/** `fromMs`: of the first record with that timestamp or a later one; −1 where there is none. */
export type OffsetKind = 'earliest' | 'latest' | 'stable' | { readonly fromMs: number };

const api: Api = { key: 2, name: 'ListOffsets', minVersion: 4, maxVersion: 5, flexible: false };
const earliestTimestamp = -2;
const latestTimestamp = -1;

export function listOffsetsRequest(
  partitions: readonly TopicPartition[],
  which: OffsetKind,
): Message<readonly ListedOffset[]> {
  return {
    api,
    encode: (writer) => {
      writer.int32(-1); // replica id: a client
      // "latest" for a read_committed reader is the last stable offset.
      writer.int8(which === 'stable' ? 1 : 0);
      writer.array(byTopic(partitions), ([topic, ofTopic]) => {
        writer.string(topic);
        writer.array(ofTopic, ({ partition }) => {
          writer.int32(partition);
          writer.int32(-1); // leader epoch: not checked
          writer.int64(timestampOf(which));
        });
      });
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const topics = reader.array(() => {
        const topic = reader.string();
        return reader.array((): ListedOffset => {
          const partition = reader.int32();
          const errorCode = reader.int16();
          reader.int64(); // timestamp
          const offset = reader.int64();
          reader.int32(); // leader epoch
          return { topic, partition, errorCode, offset };
        });
      });
      return topics.flat();
    },
  };
}

function timestampOf(which: OffsetKind): number {
  if (typeof which !== 'string') return which.fromMs;
  return which === 'earliest' ? earliestTimestamp : latestTimestamp;
}
