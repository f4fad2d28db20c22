/** Was every record counted exactly once? Read from the output topic, as any reader would see it. */
import { RollguardError } from '../../kernel/errors.ts';
import type { FetchedRecord } from '../../streams/kafka/port.ts';
import type { BenchBroker } from '../bench-broker.ts';
import { keyNumber } from '../keyed-input.ts';

const pollMs = 500;

export interface OutputTopic {
  readonly topic: string;
  readonly partitions: number;
}

/**
 * @param expected how often each key was written to the input; undefined when not all of it was worked off.
 * @throws CHECK_FAILED unless each key's outputs count 1, 2, 3 … to just that.
 */
export async function checkOutput(
  broker: BenchBroker,
  { topic, partitions }: OutputTopic,
  expected: readonly number[] | undefined,
): Promise<void> {
  const counted: number[] = [];
  await readAll(broker, { topic, partitions }, ({ key, value }) => {
    const number = key === null ? -1 : keyNumber(key);
    const inOrder = (counted[number] ?? 0) + 1;
    counted[number] = inOrder;
    if (value?.readUInt32BE(0) !== inOrder) {
      throw wrong(`${topic}: record ${inOrder} of key ${number} counts otherwise`);
    }
  });
  if (expected === undefined) return;
  for (let number = 0; number < Math.max(expected.length, counted.length); number += 1) {
    const [found = 0, wanted = 0] = [counted[number], expected[number]];
    if (found !== wanted) throw wrong(`${topic}: key ${number} came ${found} times, not ${wanted}`);
  }
}

async function readAll(
  { port }: BenchBroker,
  { topic, partitions }: OutputTopic,
  use: (record: FetchedRecord) => void,
): Promise<void> {
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  const ends = await port.admin.listOffsets(all, 'latest');
  const unread = new Map(
    ends.filter(({ offset }) => offset > 0).map(({ partition, offset }) => [partition, offset]),
  );
  const reader = port.openReader();
  reader.assign(all.map((each) => ({ ...each, offset: 0 })));
  while (unread.size > 0) {
    for (const { partition, records, nextOffset, error } of await reader.poll(pollMs)) {
      if (error !== undefined) throw error;
      for (const record of records) use(record);
      if (nextOffset >= (unread.get(partition) ?? 0)) unread.delete(partition);
    }
  }
  await reader.close();
}

function wrong(message: string): Error {
  return new RollguardError('CHECK_FAILED', message);
}
