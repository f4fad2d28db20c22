/** A change of a captured table, whatever decoded it. */
import type { MaybePromise } from '../../streams/index.ts';
import type { ChangeSource } from './row-version.ts';

/** A change event of a captured table, decoded. */
export interface RowChange<Row> {
  /** Debezium's operation: c, u, d, r (read by a snapshot), t (truncate), m (message). */
  readonly op: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
  readonly source: ChangeSource;
}

/** Decodes the value of a captured table's topic; a promise while its schema is being fetched. */
export type ChangeDecoder = <Row>(
  table: string,
  value: Buffer,
) => MaybePromise<RowChange<Row> | undefined>;
