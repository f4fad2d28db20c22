/**
 * What a captured table's topic says of every row, before a new reading of the table and after it: which rows
 * the reading found changed, which it found for the first time, and which it did not find. A row that it did
 * not find, and that nothing was heard of since, is not there any more.
 *
 * Memory holds an entry for each row of one table, deleted ones included as long as the topic has them.
 */
import { createHash } from 'node:crypto';
import { RollguardError } from '../kernel/errors.ts';
import { readCaptureEpoch } from '../schemas/capture-epoch.ts';
import type { DebeziumEditor, WholeEvent } from '../schemas/debezium-editor.ts';
import { wireHeaderBytes } from '../schemas/wire-format.ts';
import type { FetchedRecord, KafkaPort } from '../streams/index.ts';
import type { TopicPartition } from '../streams/kafka/port.ts';
import { readRanges, type OffsetRange } from '../streams/kafka/read-ranges.ts';

/** What a new reading found, in rows. */
export interface TableDifference {
  /** That the reading read. */
  readonly rows: number;
  /** That were not known, or known as deleted. */
  readonly inserted: number;
  readonly changed: number;
  /** That it did not find. */
  readonly deleted: number;
}

/** Where the last image of a row that is gone lies. */
export interface LostRow {
  readonly partition: number;
  readonly offset: number;
}

interface RowEntry {
  epoch: number;
  partition: number;
  offset: number;
  /** Of the row's columns; undefined: it is deleted. */
  digest: string | undefined;
  /** The same when the last reading that is complete was followed. */
  before: string | undefined;
}

export interface TableFoldOptions {
  readonly topic: string;
  /** Of the new reading. */
  readonly epoch: number;
  /** Of the last one that is complete: readings between were cut off. */
  readonly epochBefore: number;
}

const digestBytes = 12;

export class TableFold {
  readonly #options: TableFoldOptions;
  readonly #rows = new Map<string, RowEntry>();
  /** Where the log was when the reading began: one, unless it was begun twice. */
  readonly readingLsns = new Set<bigint>();
  #read = 0;
  #inserted = 0;
  #changed = 0;

  constructor(options: TableFoldOptions) {
    this.#options = options;
  }

  /** Reads the topic's partitions from their beginning. @throws ILLEGAL_STATE when a newer reading is in it */
  async readAll(
    port: KafkaPort,
    editor: DebeziumEditor,
    ranges: readonly OffsetRange[],
  ): Promise<void> {
    for (const range of ranges) {
      let from = range.from;
      while (from < range.to) from = await this.#readFrom(port, editor, { ...range, from });
    }
  }

  /** Known rows that the reading did not find, in the order of where they lie. */
  lostRows(): readonly LostRow[] {
    const lost: LostRow[] = [];
    for (const { epoch, digest, partition, offset } of this.#rows.values()) {
      if (epoch < this.#options.epoch && digest !== undefined) lost.push({ partition, offset });
    }
    return lost.sort((one, other) => one.partition - other.partition || one.offset - other.offset);
  }

  difference(): TableDifference {
    const { epochBefore } = this.#options;
    let deleted = 0;
    for (const { epoch, digest, before } of this.#rows.values()) {
      const isGone = epoch < this.#options.epoch && (digest !== undefined || epoch > epochBefore);
      if (before !== undefined && isGone) deleted += 1;
    }
    return { rows: this.#read, inserted: this.#inserted, changed: this.#changed, deleted };
  }

  /** @returns the offset to go on at. */
  async #readFrom(port: KafkaPort, editor: DebeziumEditor, range: OffsetRange): Promise<number> {
    let unknown: FetchedRecord | undefined;
    await readRanges(port, [range], (record, partition) => {
      const event = record.value === null ? null : editor.read(record.value);
      if (event === undefined) unknown = record;
      else this.#add(record, partition, event);
      return unknown === undefined;
    });
    if (unknown?.value === undefined || unknown.value === null) return range.to;
    await editor.prepare(unknown.value);
    return unknown.offset;
  }

  #add(record: FetchedRecord, { partition }: TopicPartition, event: WholeEvent | null): void {
    const epoch = this.#epochOf(record);
    // What follows the schema's id: a schema that was registered anew makes no other row.
    const key = record.key?.subarray(wireHeaderBytes).toString('latin1') ?? '';
    const known = this.#rows.get(key);
    if (known !== undefined && known.epoch > epoch) return;
    const digest = digestOf(event);
    if (epoch === this.#options.epoch && event?.op === 'r') this.#compare(known, digest, event);
    const before = epoch <= this.#options.epochBefore ? digest : known?.before;
    const entry = { epoch, partition, offset: record.offset, digest, before };
    if (known === undefined) this.#rows.set(key, entry);
    else Object.assign(known, entry);
  }

  #compare(known: RowEntry | undefined, digest: string | undefined, event: WholeEvent): void {
    const { lsn } = event.source;
    if (typeof lsn === 'number' || typeof lsn === 'bigint') this.readingLsns.add(BigInt(lsn));
    if (known?.epoch === this.#options.epoch) return;
    this.#read += 1;
    if (known?.before === undefined) this.#inserted += 1;
    else if (known.before !== digest) this.#changed += 1;
  }

  #epochOf({ headers, offset }: FetchedRecord): number {
    const { topic, epoch: wanted } = this.#options;
    const epoch = readCaptureEpoch(headers);
    if (epoch === undefined) {
      const message = `${topic} has a record (offset ${offset}) whose epoch cannot be read`;
      throw new RollguardError('DECODE_FAILED', message);
    }
    if (epoch <= wanted) return epoch;
    const message = `${topic} is already of reading ${epoch}, this is ${wanted}: another recovery has begun meanwhile`;
    throw new RollguardError('ILLEGAL_STATE', message);
  }
}

function digestOf(event: WholeEvent | null): string | undefined {
  const row = event?.after;
  if (row === undefined || row === null) return undefined;
  const text = JSON.stringify(row, (_name, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return createHash('sha256').update(text).digest().toString('base64', 0, digestBytes);
}
