/**
 * One partition's log in memory, with Kafka's transaction semantics: control records occupy offsets, a
 * committed reader sees nothing from the first open transaction on, and nothing of aborted ones.
 */
import type { FetchedRecord, ProduceRecord } from '../../streams/kafka/port.ts';

/** A producer's transaction, shared by the partitions it wrote to. */
export interface LogTransaction {
  state: 'open' | 'committed' | 'aborted';
}

interface LogEntry {
  /** Undefined: a control record. */
  readonly record: FetchedRecord | undefined;
  /** Undefined: written outside any transaction. */
  readonly transaction: LogTransaction | undefined;
}

export interface LogRead {
  readonly records: readonly FetchedRecord[];
  readonly nextOffset: number;
}

export class PartitionLog {
  readonly #entries: LogEntry[] = [];
  readonly #open = new Map<LogTransaction, number>();
  #startOffset = 0;

  get startOffset(): number {
    return this.#startOffset;
  }

  get highWatermark(): number {
    return this.#entries.length;
  }

  get lastStableOffset(): number {
    return Math.min(this.#entries.length, ...this.#open.values());
  }

  /** @returns the offset of the first record. */
  append(records: readonly ProduceRecord[], transaction?: LogTransaction): number {
    const baseOffset = this.#entries.length;
    if (transaction !== undefined && !this.#open.has(transaction))
      this.#open.set(transaction, baseOffset);
    for (const { key, value, timestampMs, headers = [] } of records) {
      const record = { offset: this.#entries.length, key, value, timestampMs, headers };
      this.#entries.push({ record, transaction });
    }
    return baseOffset;
  }

  /** Writes the transaction's marker; its state says which. */
  end(transaction: LogTransaction): void {
    this.#open.delete(transaction);
    this.#entries.push({ record: undefined, transaction });
  }

  /** Committed records from `offset` on, at most `recordsMax`. */
  readCommitted(offset: number, recordsMax: number): LogRead {
    const end = this.lastStableOffset;
    const records: FetchedRecord[] = [];
    let at = offset;
    for (; at < end && records.length < recordsMax; at += 1) {
      const entry = this.#entries[at];
      if (entry?.record !== undefined && entry.transaction?.state !== 'aborted')
        records.push(entry.record);
    }
    return { records, nextOffset: at };
  }

  /** The log ends before `offset`, as after an unclean leader election. */
  truncateFrom(offset: number): void {
    this.#entries.splice(offset);
  }

  /** Everything before `offset` is gone, as after a DeleteRecords request. */
  truncateBefore(offset: number): void {
    this.#startOffset = offset;
  }
}
