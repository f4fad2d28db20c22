/** Reads stretches of partitions once, from one offset to another: for tools, not for tasks. */
import { partitionName } from './partition-name.ts';
import type { FetchedRecord, KafkaPort, TopicPartition } from './port.ts';

/** Offsets from ≤ offset < to. */
export interface OffsetRange extends TopicPartition {
  readonly from: number;
  readonly to: number;
}

const pollMs = 200;

/**
 * Visits the committed records of the ranges, each partition in order; `visit` answers false to stop.
 * Memory holds one fetch.
 */
export async function readRanges(
  port: KafkaPort,
  ranges: readonly OffsetRange[],
  visit: (record: FetchedRecord, partition: TopicPartition) => boolean,
): Promise<void> {
  const open = new Map(
    ranges.filter(({ from, to }) => from < to).map((range) => [partitionName(range), range]),
  );
  const reader = port.openReader();
  try {
    reader.assign(
      [...open.values()].map(({ from, ...partition }) => ({ ...partition, offset: from })),
    );
    while (open.size > 0) {
      for (const fetched of await reader.poll(pollMs)) {
        if (fetched.error !== undefined) throw fetched.error;
        const range = open.get(partitionName(fetched));
        if (range === undefined) continue;
        for (const record of fetched.records) {
          if (record.offset < range.to && !visit(record, range)) return;
        }
        if (fetched.nextOffset < range.to) continue;
        open.delete(partitionName(range));
        reader.unassign([range]);
      }
    }
  } finally {
    await reader.close();
  }
}

/** Everything committed that the topics hold now; partitions of topics that do not exist are left out. */
export async function wholeTopics(
  port: KafkaPort,
  names: readonly string[],
): Promise<readonly OffsetRange[]> {
  const partitions = (await port.admin.describeTopics(names)).flatMap(({ name, partitionCount }) =>
    Array.from({ length: partitionCount }, (_, partition) => ({ topic: name, partition })),
  );
  if (partitions.length === 0) return [];
  const starts = await port.admin.listOffsets(partitions, 'earliest');
  const ends = await port.admin.listOffsets(partitions, 'stable');
  const endOf = new Map(ends.map((end) => [partitionName(end), end.offset]));
  return starts.map(({ topic, partition, offset }) => ({
    topic,
    partition,
    from: offset,
    to: endOf.get(partitionName({ topic, partition })) ?? offset,
  }));
}
