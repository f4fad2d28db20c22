/**
 * The records of fetched batches, in order. They stay bytes until they are asked for, one after another:
 * of thousands that wait for their turn the garbage collector has nothing to move.
 */
import { RecordCursor, RecordInBatch } from './fetched-record.ts';
import type { FetchedRecord, FetchedRecords } from './port.ts';

/** The wanted records of one batch, which are known to lie within its bytes. */
export interface BatchRecords {
  /** Decompressed. */
  readonly bytes: Buffer;
  /** Where the first of them begins. */
  readonly start: number;
  readonly count: number;
  readonly baseOffset: number;
  readonly baseTimestampMs: number;
  /** Of all its records, where the topic asks for that. */
  readonly appendedAtMs: number | undefined;
}

export class FetchedBatches implements FetchedRecords {
  readonly length: number;
  readonly #batches: readonly BatchRecords[];
  /** What `#cursor` stands at. */
  #next = 0;
  #batchIndex = 0;
  /** Records of its batch from there on. */
  #left = 0;
  #cursor: RecordCursor;

  constructor(batches: readonly BatchRecords[]) {
    this.#batches = batches;
    this.length = batches.reduce((sum, { count }) => sum + count, 0);
    this.#cursor = this.#enter(0);
  }

  /** Costs little for one after the other. */
  at(index: number): FetchedRecord | undefined {
    if (index < 0 || index >= this.length) return undefined;
    if (index < this.#next) this.#rewind();
    while (this.#next < index) this.#skip();
    return this.#read();
  }

  *[Symbol.iterator](): Iterator<FetchedRecord> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index) as FetchedRecord;
  }

  #rewind(): void {
    this.#next = 0;
    this.#cursor = this.#enter(0);
  }

  #enter(batchIndex: number): RecordCursor {
    const batch = this.#batches[batchIndex];
    this.#batchIndex = batchIndex;
    this.#left = batch?.count ?? 0;
    return new RecordCursor(batch?.bytes ?? noBytes, batch?.start);
  }

  #skip(): void {
    const cursor = this.#standing();
    const length = cursor.varint();
    cursor.at += length;
    this.#passed();
  }

  #read(): FetchedRecord {
    const cursor = this.#standing();
    const batch = this.#batches[this.#batchIndex] as BatchRecords;
    const end = cursor.varint() + cursor.at;
    cursor.at += 1; // attributes: none are defined
    const timestampMs = batch.baseTimestampMs + cursor.varint();
    const offset = batch.baseOffset + cursor.varint();
    const record = new RecordInBatch(offset, batch.appendedAtMs ?? timestampMs, cursor);
    cursor.at = end;
    this.#passed();
    return record;
  }

  /** At a record: the next batch's first where one has come to its end. */
  #standing(): RecordCursor {
    while (this.#left === 0) this.#cursor = this.#enter(this.#batchIndex + 1);
    return this.#cursor;
  }

  #passed(): void {
    this.#next += 1;
    this.#left -= 1;
  }
}

const noBytes = Buffer.alloc(0);
