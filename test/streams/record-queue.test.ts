import { describe, expect, test } from '@jest/globals';
import type { FetchedPartition } from '../../streams/kafka/port.ts';
import { RecordQueue } from '../../streams/record-queue.ts';

const sources = [
  { topic: 'a', partition: 1 },
  { topic: 'b', partition: 1 },
];

function fetched(
  topic: string,
  records: readonly [offset: number, timestampMs: number][],
  nextOffset: number,
): FetchedPartition {
  return {
    topic,
    partition: 1,
    records: records.map(([offset, timestampMs]) => ({
      offset,
      timestampMs,
      key: null,
      value: Buffer.from(`${topic}${offset}`),
      headers: [],
    })),
    nextOffset,
    highWatermark: 100,
    lastStableOffset: 100,
    logStartOffset: 0,
  };
}

const offsets = (queue: RecordQueue): [string, number][] =>
  queue.positions().map(({ topic, offset }) => [topic, offset]);

describe('record queue', () => {
  test('gives records by timestamp across partitions and by offset within one', () => {
    const queue = new RecordQueue(sources);
    queue.add(
      fetched(
        'a',
        [
          [0, 10],
          [1, 5],
          [2, 30],
        ],
        3,
      ),
    );
    queue.add(
      fetched(
        'b',
        [
          [7, 8],
          [8, 20],
        ],
        9,
      ),
    );

    const order = queue.take(10).map(({ topic, record }) => `${topic}${record.offset}`);

    expect(order).toEqual(['b7', 'a0', 'a1', 'b8', 'a2']);
  });

  test('moves a position only past records that are done', () => {
    const queue = new RecordQueue(sources);
    queue.add(
      fetched(
        'a',
        [
          [3, 1],
          [4, 2],
        ],
        5,
      ),
    );
    const [first, second] = queue.take(2);

    expect(offsets(queue)).toEqual([['a', 3]]);
    queue.done(first!);
    expect(offsets(queue)).toEqual([['a', 4]]);
    queue.done(second!);
    expect(offsets(queue)).toEqual([['a', 5]]);
  });

  test('passes control records once nothing of the partition waits', () => {
    const queue = new RecordQueue(sources);
    queue.add(fetched('a', [[3, 1]], 9));
    const [only] = queue.take(1);

    expect(offsets(queue)).toEqual([['a', 3]]);
    queue.done(only!);
    expect(offsets(queue)).toEqual([['a', 9]]);
  });

  test('knows the position of a partition that brought only control records', () => {
    const queue = new RecordQueue(sources);
    queue.add(fetched('b', [], 4));

    expect(offsets(queue)).toEqual([['b', 4]]);
    expect(queue.size).toBe(0);
  });

  test('refuses records of a partition that belongs to another task', () => {
    const queue = new RecordQueue(sources);

    expect(() => queue.add(fetched('c', [[0, 0]], 1))).toThrow('c-1 belongs to another task');
  });
});
