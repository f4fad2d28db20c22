/**
 * A record that cannot be used goes to the dead-letter topic with its original key, value and
 * headers byte for byte, and headers that say where it came from and why; in the same transaction
 * as its offset, so it is neither lost nor written twice.
 */
import { isRollguardError, messageOf } from '../kernel/errors.ts';
import type { FetchedRecord, RecordHeader, TopicPartition } from './kafka/port.ts';
import type { OutputRecord } from './record-collector.ts';

/**
 * deserialize: its bytes cannot be read · process: a processor threw · produce: what follows from it
 * cannot be written (too large, or not what its schema says).
 */
export type FailureStage = 'deserialize' | 'process' | 'produce';

export interface Failure {
  readonly stage: FailureStage;
  readonly error: unknown;
  /** How often the record was tried, 1 for the first time. */
  readonly attempt: number;
}

/** A header of ours begins with it; `rollguard dlq redrive` takes them off again. */
export const deadLetterHeaderPrefix = '__dlq.';

// A header is for people; a stack of nested causes must not make the record too large to write.
const messageLengthMax = 1_000;

/** @param config its `deadLetterTopic`, where given, is somebody else's name for it. */
export function deadLetterTopic(config: {
  readonly applicationId: string;
  readonly deadLetterTopic?: string | undefined;
}): string {
  return config.deadLetterTopic ?? `${config.applicationId}-dlq`;
}

export function deadLetter(
  topic: string,
  from: TopicPartition & { readonly record: FetchedRecord },
  failure: Failure,
): OutputRecord {
  const { key, value, timestampMs } = from.record;
  const headers = deadLetterHeaders(from, failure);
  return { topic, partition: 0, record: { key, value, timestampMs, headers } };
}

/** The headers of a dead letter, for a processor that writes one of its own. */
export function deadLetterHeaders(
  { topic, partition, record }: TopicPartition & { readonly record: FetchedRecord },
  failure: Failure,
): readonly RecordHeader[] {
  const code = isRollguardError(failure.error) ? failure.error.code : 'PROCESSING_FAILED';
  return [
    ...record.headers,
    header('__dlq.topic', topic),
    header('__dlq.partition', String(partition)),
    header('__dlq.offset', String(record.offset)),
    header('__dlq.stage', failure.stage),
    header('__dlq.error.code', code),
    header('__dlq.error.message', messageOf(failure.error).slice(0, messageLengthMax)),
    header('__dlq.attempt', String(failure.attempt)),
  ];
}

function header(key: string, value: string): RecordHeader {
  return { key, value: Buffer.from(value, 'utf8') };
}
