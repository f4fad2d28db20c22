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
  /** Compaction has taken it away. */
  isCleaned: boolean;
  /** From when on compaction may take this tombstone away; undefined: it has not met it yet. */
  deleteHorizonMs: number | undefined;
}

export interface LogRead {
  readonly records: readonly FetchedRecord[];
  readonly nextOffset: number;
}

export class PartitionLog {
  readonly #entries: LogEntry[] = [];
  readonly #open = new Map<LogTransaction, number>();
  #startOffset = 0;
  #changes = 0;

  /** Grows with everything that a waiting reader could see. */
  get changes(): number {
    return this.#changes;
  }

  get startOffset(): number {
    return this.#startOffset;
  }

  get highWatermark(): number {
    return this.#entries.length;
  }

  get lastStableOffset(): number {
    let stable = this.#entries.length;
    for (const firstOffset of this.#open.values()) stable = Math.min(stable, firstOffset);
    return stable;
  }

  /** Of the first record with that timestamp or a later one, committed or not; −1: there is none. */
  firstOffsetFrom(timestampMs: number): number {
    return this.#entries.findIndex(
      ({ record, isCleaned }, offset) =>
        offset >= this.#startOffset && !isCleaned && (record?.timestampMs ?? -1) >= timestampMs,
    );
  }

  /** @returns the offset of the first record. */
  append(records: Iterable<ProduceRecord>, transaction?: LogTransaction): number {
    const baseOffset = this.#entries.length;
    this.#changes += 1;
    if (transaction !== undefined && !this.#open.has(transaction))
      this.#open.set(transaction, baseOffset);
    for (const { key, value, timestampMs, headers = [] } of records) {
      const record = { offset: this.#entries.length, key, value, timestampMs, headers };
      this.#entries.push(entryOf(record, transaction));
    }
    return baseOffset;
  }

  /** Writes the transaction's marker; its state says which. */
  end(transaction: LogTransaction): void {
    this.#changes += 1;
    this.#open.delete(transaction);
    this.#entries.push(entryOf(undefined, transaction));
  }

  /** Committed records from `offset` on, at most `recordsMax`. */
  readCommitted(offset: number, recordsMax: number): LogRead {
    const end = this.lastStableOffset;
    const records: FetchedRecord[] = [];
    let at = offset;
    for (; at < end && records.length < recordsMax; at += 1) {
      const entry = this.#entries[at];
      if (entry?.record !== undefined && !entry.isCleaned && this.isShown(entry.transaction))
        records.push(entry.record);
    }
    return { records, nextOffset: at };
  }

  /** Every committed record before `end`, those that compaction took away too: for verification. */
  committedHistory(end = this.lastStableOffset): readonly FetchedRecord[] {
    return this.#entries
      .slice(0, Math.min(end, this.lastStableOffset))
      .flatMap(({ record, transaction }) =>
        record === undefined || transaction?.state === 'aborted' ? [] : [record],
      );
  }

  /** The same without what compaction has taken away: what a reader gets now. */
  compactedHistory(end?: number): readonly FetchedRecord[] {
    const isThere = ({ offset }: FetchedRecord): boolean =>
      this.#entries[offset]?.isCleaned !== true;
    return this.committedHistory(end).filter(isThere);
  }

  /** The last place up to `offset` that lies in no transaction: its end, or its beginning. */
  transactionEndBefore(offset: number): number {
    const last = this.#entries[offset - 1];
    if (last?.record === undefined || last.transaction === undefined) return offset;
    // Only its marker is missing: whoever wrote it counts that far.
    const next = this.#entries[offset];
    if (next?.record === undefined && next?.transaction === last.transaction) return offset;
    let at = offset - 1;
    while (this.#entries[at - 1]?.transaction === last.transaction) at -= 1;
    return at;
  }

  /**
   * What a compacted topic's cleaner does in one pass: keeps the last committed record of each key, and
   * a tombstone until `tombstoneRetentionMs` after the first pass that met it.
   */
  compact(nowMs: number, tombstoneRetentionMs: number): void {
    const end = this.lastStableOffset;
    const newest = new Map<string | undefined, number>();
    for (let at = 0; at < end; at += 1) {
      const entry = this.#entries[at];
      if (entry?.record === undefined || entry.transaction?.state === 'aborted') continue;
      newest.set(nameOf(entry.record), at);
    }
    const clean = (entry: LogEntry, isNewest: boolean): void => {
      if (!isNewest) entry.isCleaned = true;
      else if (entry.record?.value === null) {
        entry.deleteHorizonMs ??= nowMs + tombstoneRetentionMs;
        entry.isCleaned = nowMs >= entry.deleteHorizonMs;
      }
    };
    for (let at = 0; at < end; at += 1) {
      const entry = this.#entries[at];
      if (entry?.record !== undefined) clean(entry, newest.get(nameOf(entry.record)) === at);
    }
  }

  /** Whether a committed reader sees what this transaction wrote; everything before it has ended. */
  protected isShown(transaction: LogTransaction | undefined): boolean {
    return transaction?.state !== 'aborted';
  }

  /** The log ends before `offset`, as after an unclean leader election. */
  truncateFrom(offset: number): void {
    this.#changes += 1;
    this.#entries.splice(offset);
  }

  /** Everything before `offset` is gone, as after a DeleteRecords request. */
  truncateBefore(offset: number): void {
    this.#changes += 1;
    this.#startOffset = offset;
  }
}

function nameOf({ key }: FetchedRecord): string | undefined {
  return key?.toString('latin1');
}

function entryOf(
  record: FetchedRecord | undefined,
  transaction: LogTransaction | undefined,
): LogEntry {
  return { record, transaction, isCleaned: false, deleteHorizonMs: undefined };
}
