/**
 * What becomes of one topic as rows. A projection reads its records and writes what they come to, in
 * the transaction that it is given; where its records stand is somebody else's to know (`apply-batch.ts`).
 */
import type { Database } from '../database/connection.ts';
import type { FetchedRecord, MaybePromise } from '../streams/index.ts';

/** What the offset row says of the record that was applied last. */
export interface ItemName {
  /** UUID; undefined: such records have none. */
  readonly eventId: string | undefined;
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** Told after the COMMIT, never before: what a transaction that failed wrote did not happen. */
export interface Applied {
  readonly rows: readonly WrittenRows[];
  readonly committed?: () => void;
}

export interface WrittenRows {
  readonly table: string;
  readonly operation: 'upsert' | 'delete';
  readonly count: number;
}

export interface Projection<Item = unknown> {
  readonly topic: string;
  /**
   * Undefined: nothing of this record goes into a table.
   * @throws an error whose reaction is skip-record for a record that can never be used.
   */
  read(record: FetchedRecord): MaybePromise<Item | undefined>;
  nameOf(item: Item, record: FetchedRecord): ItemName;
  /** Applies items in their order. Applying them again, or some of them again, changes nothing. */
  write(database: Database, items: readonly Item[]): Promise<Applied>;
}
