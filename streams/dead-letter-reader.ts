/**
 * Reads a dead-letter topic back: each letter with where it came from, and whether it was put back. A
 * mark is a record of the same topic, written in the transaction that puts a letter back: so a letter
 * is put back once, whatever is killed in between.
 */
import { deadLetterHeaderPrefix } from './dead-letter.ts';
import type {
  FetchedRecord,
  KafkaPort,
  ProduceRecord,
  RecordHeader,
  TopicPartition,
} from './kafka/port.ts';
import { readRanges, wholeTopics } from './kafka/read-ranges.ts';

export interface DeadLetter {
  /** Where it lies in the dead-letter topic. */
  readonly partition: number;
  readonly offset: number;
  /** The original record's time. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** The original headers. */
  readonly headers: readonly RecordHeader[];
  readonly from: TopicPartition & { readonly offset: number };
  readonly stage: string;
  readonly code: string;
  readonly message: string;
  readonly attempt: number;
  /** When it was put back, milliseconds since 1970; undefined: it was not. */
  readonly redrivenAtMs: number | undefined;
}

const markHeader = `${deadLetterHeaderPrefix}redriven`;
const originHeader = `${deadLetterHeaderPrefix}topic`;

/**
 * Visits every letter of the topic that is there now, in order; `visit` answers false to stop. What
 * others write to a topic that is shared with them is left out: it does not say where it came from.
 * Memory holds one fetch and one number for each mark.
 */
export async function readDeadLetters(
  port: KafkaPort,
  topic: string,
  visit: (letter: DeadLetter) => boolean,
): Promise<void> {
  const marks = new Map<string, number>();
  const ranges = await wholeTopics(port, [topic]);
  await readRanges(port, ranges, (record, { partition }) => {
    const marked = headerOf(record.headers, markHeader);
    if (marked !== undefined) marks.set(`${partition}@${marked}`, record.timestampMs);
    return true;
  });
  await readRanges(port, ranges, (record, { partition }) => {
    if (headerOf(record.headers, markHeader) !== undefined) return true;
    if (headerOf(record.headers, originHeader) === undefined) return true;
    const redrivenAtMs = marks.get(`${partition}@${record.offset}`);
    return visit(letterOf(partition, record, redrivenAtMs));
  });
}

/** The record that marks a letter as put back; it goes to the letter's own partition. */
export function redrivenMark({ offset, key }: DeadLetter, nowMs: number): ProduceRecord {
  const headers = [{ key: markHeader, value: Buffer.from(String(offset)) }];
  return { key, value: null, timestampMs: nowMs, headers };
}

function letterOf(
  partition: number,
  record: FetchedRecord,
  redrivenAtMs: number | undefined,
): DeadLetter {
  const { offset, timestampMs, key, value, headers } = record;
  const ours = (name: string): string =>
    headerOf(headers, `${deadLetterHeaderPrefix}${name}`) ?? '';
  return {
    partition,
    offset,
    timestampMs,
    key,
    value,
    headers: headers.filter((header) => !header.key.startsWith(deadLetterHeaderPrefix)),
    from: {
      topic: ours('topic'),
      partition: Number(ours('partition')),
      offset: Number(ours('offset')),
    },
    stage: ours('stage'),
    code: ours('error.code'),
    message: ours('error.message'),
    attempt: Number(ours('attempt')),
    redrivenAtMs,
  };
}

/** The last one of that name: a record that was put back and failed again carries both. */
function headerOf(headers: readonly RecordHeader[], name: string): string | undefined {
  return headers.findLast(({ key }) => key === name)?.value?.toString('utf8');
}
