/**
 * The records of one task that were fetched and not yet processed, in the order they will be: within
 * a partition by offset, across the task's partitions by timestamp (ties: by the partitions' order).
 * Remembers each partition's position: what the next commit says was read.
 */
import { assert } from '../kernel/assert.ts';
import type { FetchedPartition, FetchedRecord, TopicPartition } from './kafka/port.ts';

interface PartitionQueue extends TopicPartition {
  batches: (readonly FetchedRecord[])[];
  /** Index of the next record in the first batch. */
  index: number;
  /** Records taken and not yet done. */
  takenCount: number;
  /** Where reading goes on once the queue is empty. */
  fetchedOffset: number;
  /** Offset of the next record to process; −1 while unknown. */
  processedOffset: number;
  highWatermark: number;
}

export interface QueuedRecord extends TopicPartition {
  readonly record: FetchedRecord;
}

export class RecordQueue {
  readonly #partitions: PartitionQueue[];
  #size = 0;

  constructor(partitions: readonly TopicPartition[]) {
    this.#partitions = partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      batches: [],
      index: 0,
      takenCount: 0,
      fetchedOffset: -1,
      processedOffset: -1,
      highWatermark: -1,
    }));
  }

  /** Records waiting to be taken. */
  get size(): number {
    return this.#size;
  }

  add(fetched: FetchedPartition): void {
    const queue = this.#find(fetched);
    if (fetched.records.length > 0) queue.batches.push(fetched.records);
    if (queue.processedOffset < 0)
      queue.processedOffset = fetched.records[0]?.offset ?? fetched.nextOffset;
    this.#size += fetched.records.length;
    queue.fetchedOffset = fetched.nextOffset;
    queue.highWatermark = fetched.highWatermark;
  }

  /** Takes up to `recordsMax` records in processing order; each is to be reported `done`. */
  take(recordsMax: number): QueuedRecord[] {
    const taken: QueuedRecord[] = [];
    while (taken.length < recordsMax) {
      const queue = this.#next();
      const record = queue?.batches[0]?.[queue.index];
      if (queue === undefined || record === undefined) break;
      taken.push({ topic: queue.topic, partition: queue.partition, record });
      queue.takenCount += 1;
      queue.index += 1;
      this.#size -= 1;
      if (queue.index === queue.batches[0]?.length) {
        queue.batches.shift();
        queue.index = 0;
      }
    }
    return taken;
  }

  /** The record is processed: the partition's position moves past it. */
  done(taken: QueuedRecord): void {
    const queue = this.#find(taken);
    assert(queue.takenCount > 0, 'done follows take');
    queue.takenCount -= 1;
    queue.processedOffset = taken.record.offset + 1;
  }

  /** Processed positions, passing control records once nothing of a partition waits. */
  positions(): readonly (TopicPartition & { offset: number; highWatermark: number })[] {
    return this.#partitions
      .filter((queue) => queue.processedOffset >= 0)
      .map(
        ({
          topic,
          partition,
          batches,
          takenCount,
          processedOffset,
          fetchedOffset,
          highWatermark,
        }) => ({
          topic,
          partition,
          offset:
            batches.length === 0 && takenCount === 0
              ? Math.max(processedOffset, fetchedOffset)
              : processedOffset,
          highWatermark,
        }),
      );
  }

  #next(): PartitionQueue | undefined {
    let best: PartitionQueue | undefined;
    let bestTimestampMs = Infinity;
    for (const queue of this.#partitions) {
      const record = queue.batches[0]?.[queue.index];
      if (record === undefined || record.timestampMs >= bestTimestampMs) continue;
      best = queue;
      bestTimestampMs = record.timestampMs;
    }
    return best;
  }

  #find({ topic, partition }: TopicPartition): PartitionQueue {
    const queue = this.#partitions.find(
      (each) => each.partition === partition && each.topic === topic,
    );
    assert(queue !== undefined, `${topic}-${partition} belongs to another task`);
    return queue;
  }
}
