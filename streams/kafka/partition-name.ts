/** A partition as one word: the key of maps, and what messages call it. */
import type { TopicPartition } from './port.ts';

/** `topic-partition`, as Kafka's own tools call it: the key of what is known of a partition. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}
