/**
 * Puts dead letters back where they came from, in batches: the records and the marks that they were
 * put back are one transaction. One redrive of a dead-letter topic at a time: a second one fences the first.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import {
  readDeadLetters,
  redrivenMark,
  type DeadLetter,
} from '../../streams/dead-letter-reader.ts';
import type { KafkaPort, ProduceBatch, ProduceRecord } from '../../streams/kafka/port.ts';
import { matches, type DeadLetterFilter } from './dead-letter-filter.ts';

/** Bytes in place of the original ones: the record was mended. */
export interface MendedRecord {
  readonly key?: Buffer;
  readonly value?: Buffer;
}

export interface RedriveOptions {
  readonly port: KafkaPort;
  /** The dead-letter topic. */
  readonly topic: string;
  readonly filter: DeadLetterFilter;
  readonly limit: number;
  readonly mended: MendedRecord;
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
}

const batchRecordsMax = 100;
const batchBytesMax = 4 * 1024 * 1024;
const transactionTimeoutMs = 30_000;
/** On what was put back: where it had lain. */
const fromHeader = 'rollguard.redriven-from';

/** @returns the letters that were put back, or would be. */
export async function redrive(options: RedriveOptions): Promise<readonly DeadLetter[]> {
  const letters = await chosenLetters(options);
  if (options.dryRun || letters.length === 0) return letters;
  await checkTargets(options.port, letters);
  const producer = await options.port.openProducer({
    transactionalId: `${options.topic}-redrive`,
    transactionTimeoutMs,
  });
  try {
    let count = 0;
    for (const batch of inBatches(letters)) {
      options.signal.throwIfAborted();
      await producer.produce(batchesOf(batch, options));
      await producer.commit();
      count += batch.length;
      options.progress(`dlq: ${count} of ${letters.length} put back`);
    }
  } finally {
    await producer.close();
  }
  return letters;
}

async function chosenLetters({
  port,
  topic,
  filter,
  limit,
}: RedriveOptions): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  await readDeadLetters(port, topic, (letter) => {
    if (matches(letter, filter)) letters.push(letter);
    return letters.length < limit;
  });
  return letters;
}

async function checkTargets(port: KafkaPort, letters: readonly DeadLetter[]): Promise<void> {
  const names = [...new Set(letters.map(({ from }) => from.topic))];
  const known = new Map(
    (await port.admin.describeTopics(names)).map((topic) => [topic.name, topic.partitionCount]),
  );
  for (const { from, offset } of letters) {
    if (from.partition < (known.get(from.topic) ?? 0)) continue;
    throw new RollguardError(
      'TOPIC_MISSING',
      `dead letter ${offset} came from ${from.topic}-${from.partition}, which does not exist; leave it out with --offset or --topic`,
    );
  }
}

function inBatches(letters: readonly DeadLetter[]): readonly DeadLetter[][] {
  const batches: DeadLetter[][] = [];
  let bytes = Infinity;
  for (const letter of letters) {
    const size = letter.value?.length ?? 0;
    const current = batches.at(-1);
    if (
      current === undefined ||
      current.length >= batchRecordsMax ||
      bytes + size > batchBytesMax
    ) {
      batches.push([letter]);
      bytes = size;
    } else {
      current.push(letter);
      bytes += size;
    }
  }
  return batches;
}

function batchesOf(letters: readonly DeadLetter[], options: RedriveOptions): ProduceBatch[] {
  const { topic, mended, clock } = options;
  const batches = new Map<string, ProduceBatch & { readonly records: ProduceRecord[] }>();
  const add = (to: { topic: string; partition: number }, record: ProduceRecord): void => {
    const name = `${to.topic}-${to.partition}`;
    const batch = batches.get(name) ?? { topic: to.topic, partition: to.partition, records: [] };
    batch.records.push(record);
    batches.set(name, batch);
  };
  for (const letter of letters) {
    const { partition, offset, headers, timestampMs, key, value, from } = letter;
    const redrivenFrom = { key: fromHeader, value: Buffer.from(`${topic}-${partition}@${offset}`) };
    add(from, {
      key: mended.key ?? key,
      value: mended.value ?? value,
      timestampMs,
      headers: [...headers.filter((header) => header.key !== fromHeader), redrivenFrom],
    });
    add({ topic, partition }, redrivenMark(letter, clock.nowMs()));
  }
  return [...batches.values()];
}
