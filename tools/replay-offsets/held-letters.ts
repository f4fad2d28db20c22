/**
 * Dead letters of a replay. What could not be used when it was first read cannot be used now either, and
 * lies among the dead letters already: so a replay's letters go to a topic of their own, and of them only
 * those that are not there yet are passed on.
 */
import { createHash } from 'node:crypto';
import { deadLetterHeaderPrefix, deadLetterTopic } from '../../streams/dead-letter.ts';
import { deadLetterConfigs, deadLetterPartitionCount } from '../../streams/internal-topics.ts';
import type { FetchedRecord, KafkaPort, ProduceRecord } from '../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { TransactionalProducer } from '../../streams/kafka/port.ts';
import { replayDifferenceHeaders } from '../../topology/roll/replay-header.ts';
import type { ReplayRun } from './replayed-application.ts';

export function heldLettersTopic(applicationId: string): string {
  return `${applicationId}-replay-dlq`;
}

const originHeader = `${deadLetterHeaderPrefix}topic`;
const recordsPerTransaction = 500;

export interface HeldLettersOptions extends Pick<ReplayRun, 'replayId' | 'signal'> {
  readonly port: KafkaPort;
  readonly applicationId: string;
  readonly producer: TransactionalProducer;
}

/** Run again it passes on what is still missing. @returns how many letters are new. */
export async function passOnLetters(options: HeldLettersOptions): Promise<number> {
  const { port, applicationId, replayId, producer, signal } = options;
  const held = await wholeTopics(port, [heldLettersTopic(applicationId)]);
  if (held.every(({ from, to }) => from === to)) return 0;
  const topic = deadLetterTopic({ applicationId });
  await port.admin.createTopics([
    { name: topic, partitionCount: deadLetterPartitionCount, configs: deadLetterConfigs() },
  ]);
  const known = new Set<string>();
  await readRanges(port, await wholeTopics(port, [topic]), (record) => {
    known.add(identityOf(record));
    return !signal.aborted;
  });
  const missing: ProduceRecord[] = [];
  await readRanges(port, held, (record) => {
    const identity = identityOf(record);
    if (!known.has(identity)) missing.push(withReplayId(record, replayId));
    known.add(identity);
    return !signal.aborted;
  });
  signal.throwIfAborted();
  for (let from = 0; from < missing.length; from += recordsPerTransaction) {
    const records = missing.slice(from, from + recordsPerTransaction);
    await producer.produce([{ topic, partition: 0, records }]);
    await producer.commit();
  }
  return missing.length;
}

/** After the replay: the next one begins with none. */
export async function forgetHeldLetters(port: KafkaPort, applicationId: string): Promise<void> {
  const topics = await port.admin.describeTopics([heldLettersTopic(applicationId)]);
  await port.admin.deleteTopics(topics.map(({ name }) => name));
}

/** Of what it was, not of where it lay: topics between sub-topologies are made anew. */
function identityOf({ key, value, headers }: FetchedRecord): string {
  const origin = headers.findLast((header) => header.key === originHeader)?.value ?? null;
  const hash = createHash('sha256');
  for (const part of [origin, key, value]) {
    hash.update(`${part === null ? 'null' : part.length} `);
    if (part !== null) hash.update(part);
  }
  return hash.digest('base64');
}

function withReplayId(
  { key, value, timestampMs, headers }: FetchedRecord,
  replayId: string,
): ProduceRecord {
  return {
    ...{ key, value, timestampMs },
    headers: [...headers, ...replayDifferenceHeaders(replayId)],
  };
}
