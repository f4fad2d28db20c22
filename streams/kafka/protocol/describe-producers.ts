/** DescribeProducers: who has written to a partition, and whose transaction is open in it. Asked of its leader. */
import type { TopicPartition } from '../port.ts';
import { byTopic, type Api, type Message, type PartitionError } from './message.ts';

export interface DescribedPartition extends PartitionError {
  /** Producer ids that have a transaction open. */
  readonly open: readonly number[];
}

const api: Api = {
  key: 61,
  name: 'DescribeProducers',
  minVersion: 0,
  maxVersion: 0,
  flexible: true,
};

export function describeProducersRequest(
  partitions: readonly TopicPartition[],
): Message<readonly DescribedPartition[]> {
  return {
    api,
    encode: (writer) => {
      writer.compactArray(byTopic(partitions), ([topic, ofTopic]) => {
        writer.compactString(topic);
        writer.compactArray(ofTopic, ({ partition }) => writer.int32(partition));
        writer.noTags();
      });
      writer.noTags();
    },
    decode: (reader) => {
      reader.int32(); // throttle time
      const topics = reader.compactArray(() => {
        const topic = reader.compactString();
        const described = reader.compactArray((): DescribedPartition => {
          const [partition, errorCode] = [reader.int32(), reader.int16()];
          reader.compactNullableString(); // message
          const producers = reader.compactArray(() => {
            const producerId = reader.int64();
            reader.int32(); // epoch
            reader.int32(); // last sequence
            reader.int64(); // last timestamp
            reader.int32(); // coordinator epoch
            const isOpen = reader.int64() >= 0; // where its transaction begins
            reader.skipTags();
            return { producerId, isOpen };
          });
          reader.skipTags();
          const open = producers.filter(({ isOpen }) => isOpen).map(({ producerId }) => producerId);
          return { topic, partition, errorCode, open };
        });
        reader.skipTags();
        return described;
      });
      return topics.flat();
    },
  };
}
