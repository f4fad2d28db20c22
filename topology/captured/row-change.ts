/** A change of a captured table, whatever decoded it, and the epoch of capture that its record is of. */
import { RollguardError } from '../../kernel/errors.ts';
import { captureEpochHeader, firstEpoch, readCaptureEpoch } from '../../schemas/capture-epoch.ts';
import type { FetchedRecord, MaybePromise } from '../../streams/index.ts';
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

/** The change with the epoch of its record. @throws DECODE_FAILED for a header that is no epoch. */
export function withEpoch<Row>(
  change: RowChange<Row>,
  { headers }: Pick<FetchedRecord, 'headers'>,
): RowChange<Row> {
  const epoch = readCaptureEpoch(headers);
  if (epoch === firstEpoch) return change;
  if (epoch !== undefined) return { ...change, source: { ...change.source, epoch } };
  throw new RollguardError(
    'DECODE_FAILED',
    `the header ${captureEpochHeader} is no epoch of capture: its row cannot be ordered`,
  );
}
