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
  lastStableOffset = nextOffset,
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
    lastStableOffset,
    logStartOffset: 0,
  };
}

const offsets = (queue: RecordQueue): [string, number][] =>
  queue.positions().map(({ topic, offset }) => [topic, offset]);

describe('record queue', () => {
  test('a position that has passed a marker stays behind it when a record comes: seed 40 of the simulator', () => {
    const queue = new RecordQueue(sources.slice(0, 1));
    queue.add(fetched('a', [[0, 1]], 2));
    queue.done(queue.take(1)[0]!);
    const passed = offsets(queue);
    queue.add(fetched('a', [[2, 2]], 4));

    expect(passed).toEqual([['a', 2]]);
    expect(offsets(queue)).toEqual([['a', 2]]);
  });

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
    const [first, second] = queue.take(2, { pastGaps: true });

    expect(offsets(queue)).toEqual([['a', 3]]);
    queue.done(first!);
    expect(offsets(queue)).toEqual([['a', 4]]);
    queue.done(second!);
    expect(offsets(queue)).toEqual([['a', 5]]);
  });

  test('passes control records once nothing of the partition waits', () => {
    const queue = new RecordQueue(sources);
    queue.add(fetched('a', [[3, 1]], 9));
    const [only] = queue.take(1, { pastGaps: true });

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

  test('takes nothing past a gap: what is still to be fetched of another partition may be older', () => {
    const queue = new RecordQueue(sources);
    queue.add(
      fetched(
        'a',
        [
          [0, 10],
          [1, 11],
        ],
        2,
        50,
      ),
    );
    const names = (): string[] =>
      queue.take(10).map(({ topic, record }) => `${topic}${record.offset}`);
    expect([queue.isIncomplete(() => false), names()]).toEqual([true, []]);

    queue.add(fetched('b', [[0, 12]], 1));
    expect([queue.isIncomplete(() => false), names()]).toEqual([false, ['a0', 'a1']]);
    expect([queue.isIncomplete(() => false), names()]).toEqual([true, []]);

    queue.add(fetched('a', [[49, 11]], 50));
    expect(names()).toEqual(['a49', 'b0']);
  });

  test('waits for no partition that is held, and for none when told so', () => {
    const queue = new RecordQueue(sources);
    queue.add(fetched('a', [[0, 10]], 1, 1));
    const isHeld = ({ topic }: { topic: string }): boolean => topic === 'b';

    expect(queue.isIncomplete(isHeld)).toBe(false);
    expect(queue.take(10, { isHeld })).toHaveLength(1);
    queue.add(fetched('a', [[1, 10]], 2, 2));
    expect(queue.take(10, { pastGaps: true })).toHaveLength(1);
  });

  test('gives back what was taken, in front and in order', () => {
    const queue = new RecordQueue(sources);
    queue.add(
      fetched(
        'a',
        [
          [0, 1],
          [1, 3],
          [2, 5],
        ],
        3,
      ),
    );
    queue.add(
      fetched(
        'b',
        [
          [0, 2],
          [1, 4],
        ],
        2,
      ),
    );
    const taken = queue.take(4);
    queue.giveBack(taken.filter(({ topic }) => topic === 'a'));
    for (const record of taken.filter(({ topic }) => topic === 'b')) queue.done(record);

    expect(offsets(queue)).toEqual([
      ['a', 0],
      ['b', 2],
    ]);
    expect(queue.take(10).map(({ record }) => record.offset)).toEqual([0, 1, 2]);
  });
});
