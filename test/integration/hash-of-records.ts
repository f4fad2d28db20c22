/** All committed records of a topic, by hash: equal records in equal order, equal text. */
import { createHash } from 'node:crypto';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';

export async function hashOfRecords(port: KafkaPort, topic: string): Promise<string> {
  const hashes = new Map<number, ReturnType<typeof createHash>>();
  let count = 0;
  await readRanges(port, await wholeTopics(port, [topic]), ({ offset, key, value }, range) => {
    const hash = hashes.get(range.partition) ?? createHash('sha256');
    hashes.set(range.partition, hash);
    hash.update(`${offset} ${String(key?.toString('hex'))} `).update(value ?? 'null');
    count += 1;
    return true;
  });
  const parts = [...hashes].sort(([left], [right]) => left - right);
  return `${count} ${parts.map(([, hash]) => hash.digest('hex').slice(0, 12)).join(' ')}`;
}
