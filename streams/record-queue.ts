/**
 * The records of one task that were fetched and not yet processed, in the order they will be: within
 * a partition by offset, across the task's partitions by timestamp (ties: by the partitions' order).
 * Remembers each partition's position: what the next commit says was read.
 */
import { assert } from '../kernel/assert.ts';
import type { RecordOrigin } from './processor.ts';
import type {
  FetchedPartition,
  FetchedRecord,
  FetchedRecords,
  PartitionOffset,
  TopicPartition,
} from './kafka/port.ts';

interface PartitionQueue extends TopicPartition {
  batches: FetchedRecords[];
  /** Index of the next record in the first batch. */
  index: number;
  /** That record, once it was looked at. */
  head: FetchedRecord | undefined;
  /** Records waiting to be taken. */
  waiting: number;
  /** Records taken and not yet done. */
  takenCount: number;
  /** Where reading goes on once the queue is empty. */
  fetchedOffset: number;
  /** Offset of the next record to process; −1 while unknown. */
  processedOffset: number;
  highWatermark: number;
  /** Up to here the broker had records when it was last asked; −1 while unknown. */
  stableOffset: number;
}

export interface PartitionBacklog extends TopicPartition {
  /** Records fetched and not taken. */
  readonly waiting: number;
  /** Of the next record to process; −1 while unknown. */
  readonly offset: number;
  /** Up to here the broker had records when it was last asked; −1 while unknown. */
  readonly stableOffset: number;
}

/** A partition whose next record cannot be used yet. */
export type IsHeld = (partition: TopicPartition) => boolean;

export interface TakeOptions {
  readonly isHeld?: IsHeld;
  /** True: what the broker has of a partition is not waited for. */
  readonly pastGaps?: boolean;
}

const never: IsHeld = () => false;

export interface QueuedRecord extends TopicPartition {
  readonly record: FetchedRecord;
}

export class RecordQueue {
  readonly #partitions: PartitionQueue[];
  /** Where reading began, until a commit has named positions. */
  #unproven: readonly PartitionOffset[] = [];
  #size = 0;

  constructor(partitions: readonly TopicPartition[]) {
    this.#partitions = partitions.map(({ topic, partition }) => ({
      topic,
      partition,
      batches: [],
      index: 0,
      head: undefined,
      waiting: 0,
      takenCount: 0,
      fetchedOffset: -1,
      processedOffset: -1,
      highWatermark: -1,
      stableOffset: -1,
    }));
  }

  /** The task is taken: reading begins here, and the group has not confirmed it with a commit yet. */
  startAt(positions: readonly PartitionOffset[]): void {
    this.#unproven = positions;
  }

  /** Records waiting to be taken. */
  get size(): number {
    return this.#size;
  }

  add(fetched: FetchedPartition): void {
    const queue = this.#find(fetched);
    // What a commit has already said to be read, markers included, stays read.
    if (queue.waiting === 0 && queue.takenCount === 0) {
      queue.processedOffset = Math.max(queue.processedOffset, queue.fetchedOffset);
    }
    if (fetched.records.length > 0) queue.batches.push(fetched.records);
    if (queue.processedOffset < 0)
      queue.processedOffset = fetched.records.at(0)?.offset ?? fetched.nextOffset;
    this.#size += fetched.records.length;
    queue.waiting += fetched.records.length;
    queue.fetchedOffset = fetched.nextOffset;
    queue.highWatermark = fetched.highWatermark;
    queue.stableOffset = fetched.lastStableOffset;
  }

  /** Records here or waiting on the broker that are not processed yet. */
  lag(): number {
    return this.positions().reduce(
      (sum, { offset, highWatermark }) => sum + Math.max(0, highWatermark - offset),
      0,
    );
  }

  /** How far each partition is read, and the records of it waiting to be taken. */
  backlog(): readonly PartitionBacklog[] {
    return this.#partitions.map((queue) => {
      const { topic, partition, waiting, processedOffset, fetchedOffset, stableOffset } = queue;
      const isReadUp = waiting === 0 && queue.takenCount === 0;
      const offset = isReadUp ? Math.max(processedOffset, fetchedOffset) : processedOffset;
      return { topic, partition, waiting, offset, stableOffset };
    });
  }

  /** True when a partition that is not held has records. */
  hasTakeable(isHeld: IsHeld): boolean {
    return this.#partitions.some((queue) => queue.waiting > 0 && !isHeld(queue));
  }

  /**
   * True while a partition that is not held has no record here though the broker has more: what it
   * will bring may be older than what waits of the others.
   */
  isIncomplete(isHeld: IsHeld): boolean {
    return this.#partitions.some((queue) => isMissing(queue) && !isHeld(queue));
  }

  /**
   * Takes up to `recordsMax` records in processing order, none of held partitions, and none past a
   * gap (see `isIncomplete`) unless told to; each is to be reported `done` or given back.
   */
  take(recordsMax: number, { isHeld = never, pastGaps = false }: TakeOptions = {}): QueuedRecord[] {
    const taken: QueuedRecord[] = [];
    const open = this.#partitions.filter((queue) => !isHeld(queue));
    while (taken.length < recordsMax) {
      if (!pastGaps && open.some(isMissing)) break;
      const queue = next(open);
      const record = queue?.head;
      if (queue === undefined || record === undefined) break;
      taken.push({ topic: queue.topic, partition: queue.partition, record });
      queue.takenCount += 1;
      queue.index += 1;
      queue.head = undefined;
      queue.waiting -= 1;
      this.#size -= 1;
      if (queue.index === queue.batches[0]?.length) {
        queue.batches.shift();
        queue.index = 0;
      }
    }
    return taken;
  }

  /** Puts taken records back in front, in the order in which they were taken. */
  giveBack(records: readonly QueuedRecord[]): void {
    for (const queue of this.#partitions) {
      const returned = records.filter(
        ({ topic, partition }) => topic === queue.topic && partition === queue.partition,
      );
      if (returned.length === 0) continue;
      const [first = [], ...others] = queue.batches;
      queue.batches = [
        returned.map(({ record }) => record),
        ...(queue.index < first.length ? [[...first].slice(queue.index)] : []),
        ...others,
      ];
      queue.index = 0;
      queue.head = undefined;
      queue.takenCount -= returned.length;
      queue.waiting += returned.length;
      this.#size += returned.length;
    }
  }

  /** The record is processed: the partition's position moves past it. */
  done(taken: QueuedRecord): void {
    const queue = this.#find(taken);
    assert(queue.takenCount > 0, 'done follows take');
    assert(taken.record.offset >= queue.processedOffset, 'a partition is processed in order');
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

  /**
   * The positions that a commit names. None where none has moved: two requests less. But the first one
   * after the task was taken always names some, so that the group looks at its generation: an instance
   * held up between its assignment and the fencing may have fenced the rightful owner, which does not
   * hear of it before its own next commit and answers queries meanwhile.
   */
  toCommit(hasMoved: boolean): readonly PartitionOffset[] {
    if (!hasMoved && this.#unproven.length === 0) return [];
    const positions = this.positions();
    return positions.length > 0 ? positions : this.#unproven;
  }

  /** What `toCommit` said is committed. */
  committed(): void {
    this.#unproven = [];
  }

  #find({ topic, partition }: TopicPartition): PartitionQueue {
    for (const queue of this.#partitions) {
      if (queue.partition === partition && queue.topic === topic) return queue;
    }
    assert(false, `${topic}-${partition} belongs to another task`);
  }
}

/** The queue whose next record is the oldest. */
function next(queues: readonly PartitionQueue[]): PartitionQueue | undefined {
  let best: PartitionQueue | undefined;
  let bestTimestampMs = Infinity;
  for (const queue of queues) {
    const head = (queue.head ??= queue.batches[0]?.at(queue.index));
    if (head === undefined || head.timestampMs >= bestTimestampMs) continue;
    best = queue;
    bestTimestampMs = head.timestampMs;
  }
  return best;
}

/** It has no record here, and the broker has more, or was not asked yet. */
function isMissing(queue: PartitionQueue): boolean {
  return (
    queue.waiting === 0 && (queue.stableOffset < 0 || queue.fetchedOffset < queue.stableOffset)
  );
}

export function originOf({ topic, partition, record }: QueuedRecord): RecordOrigin {
  return { topic, partition, offset: record.offset };
}

/** True when a record of the same partition is among these. */
export function isBehind(queued: QueuedRecord, held: readonly QueuedRecord[]): boolean {
  return held.some(
    ({ topic, partition }) => topic === queued.topic && partition === queued.partition,
  );
}
