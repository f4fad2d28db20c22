/**
 * One batch of one partition is one transaction:
 *
 *   hold the partition's offset row ▸ is it where the batch begins? ▸ rows ▸ dead letters ▸ offset ▸ COMMIT
 *
 * If the row stands elsewhere somebody else has applied these records, or has begun anew: nothing is
 * written. So a projector that lost its partition without noticing can neither apply an event again nor
 * set the offset back. A record that its table refuses is found by halving its batch, and goes to the
 * dead letters as one that cannot be read does: before the offset moves, so that it is never lost; a crash
 * in between writes the letter twice.
 */
import type { Database } from '../database/connection.ts';
import { sqlStateOf } from '../database/sql-state.ts';
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import type { Failure } from '../streams/dead-letter.ts';
import type { FetchedRecord, MaybePromise } from '../streams/index.ts';
import type { TopicPartition } from '../streams/kafka/port.ts';
import type { OffsetRows } from './offset-rows.ts';
import type { Projection, WrittenRows } from './projection.ts';

export interface Batch extends TopicPartition {
  /** Where the offset row has to stand. */
  readonly from: number;
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly records: readonly FetchedRecord[];
}

export interface DeadRecord extends TopicPartition {
  readonly record: FetchedRecord;
  readonly failure: Failure;
}

export interface ApplyOptions {
  readonly offsets: OffsetRows;
  /** Resolves when all of them are written. */
  readonly writeDeadLetters: (letters: readonly DeadRecord[]) => Promise<void>;
}

export type Outcome =
  | { readonly status: 'applied'; readonly rows: readonly WrittenRows[]; readonly letters: number }
  /** The table is not where the batch begins. */
  | { readonly status: 'elsewhere' };

/** A record as it was read, or why it cannot be. */
interface Entry {
  readonly record: FetchedRecord;
  readonly item?: unknown;
  readonly failure?: Failure;
}

/** @throws what is worth another attempt: nothing was written then. */
export async function applyBatch(
  database: Database,
  projection: Projection,
  batch: Batch,
  options: ApplyOptions,
): Promise<Outcome> {
  const entries: Entry[] = [];
  for (const record of batch.records) {
    const entry = entryOf(projection, record);
    // Awaited only while a schema is fetched: a promise a record would be most of the time.
    entries.push(entry instanceof Promise ? await entry : entry);
  }
  return applyEntries(database, projection, { ...batch, entries }, options);
}

function entryOf(projection: Projection, record: FetchedRecord): MaybePromise<Entry> {
  try {
    const item = projection.read(record);
    if (!(item instanceof Promise)) return { record, item };
    return item.then(
      (read: unknown) => ({ record, item: read }),
      (error: unknown) => unreadable(record, error),
    );
  } catch (error) {
    return unreadable(record, error);
  }
}

/** @throws the error when another attempt may succeed. */
function unreadable(record: FetchedRecord, error: unknown): Entry {
  if (!isRollguardError(error) || error.row.reaction !== 'skip-record') throw error;
  return { record, failure: { stage: 'deserialize', error, attempt: 1 } };
}

type ReadBatch = Omit<Batch, 'records'> & { readonly entries: readonly Entry[] };

async function applyEntries(
  database: Database,
  projection: Projection,
  batch: ReadBatch,
  options: ApplyOptions,
): Promise<Outcome> {
  try {
    return await inTransaction(database, projection, batch, options);
  } catch (error) {
    if (!isRefusedValue(error)) throw error;
    const { entries } = batch;
    const [first] = entries;
    if (entries.length > 1) return applyHalves(database, projection, batch, options);
    if (first === undefined || first.failure !== undefined) throw error;
    const cause = new RollguardError(
      'PROCESSING_FAILED',
      `${projection.topic}: a table refused it`,
      {
        cause: error,
      },
    );
    const failure: Failure = { stage: 'process', error: cause, attempt: 1 };
    const dead = { ...batch, entries: [{ record: first.record, failure }] };
    return inTransaction(database, projection, dead, options);
  }
}

async function applyHalves(
  database: Database,
  projection: Projection,
  batch: ReadBatch,
  options: ApplyOptions,
): Promise<Outcome> {
  const middle = batch.entries.length >> 1;
  const border = batch.entries[middle]?.record.offset ?? batch.nextOffset;
  const left = { ...batch, nextOffset: border, entries: batch.entries.slice(0, middle) };
  const right = { ...batch, from: border, entries: batch.entries.slice(middle) };
  const before = await applyEntries(database, projection, left, options);
  if (before.status === 'elsewhere') return before;
  const after = await applyEntries(database, projection, right, options);
  if (after.status === 'elsewhere') return after;
  const letters = before.letters + after.letters;
  return { status: 'applied', rows: [...before.rows, ...after.rows], letters };
}

async function inTransaction(
  database: Database,
  projection: Projection,
  batch: ReadBatch,
  { offsets, writeDeadLetters }: ApplyOptions,
): Promise<Outcome> {
  const { topic, partition, from, nextOffset, highWatermark, entries } = batch;
  const dead = entries.flatMap(({ record, failure }) =>
    failure === undefined ? [] : [{ topic, partition, record, failure }],
  );
  const useful = entries.filter(({ item }) => item !== undefined);
  const last = useful.at(-1);
  const named = last && projection.nameOf(last.item, last.record);
  const applied = await database.transaction(async () => {
    if ((await offsets.lock(database, batch)) !== from) return undefined;
    const items = useful.map(({ item }) => item);
    const written = items.length === 0 ? { rows: [] } : await projection.write(database, items);
    // After the rows: a batch that they end, and that is halved, has written no letter.
    if (dead.length > 0) await writeDeadLetters(dead);
    await offsets.move(database, {
      ...{ topic, partition, offset: nextOffset, highWatermark },
      lastEventId: named?.eventId,
      lastEventCreatedAtMs: named?.createdAtMs,
    });
    return written;
  });
  if (applied === undefined) return { status: 'elsewhere' };
  applied.committed?.();
  return { status: 'applied', rows: applied.rows, letters: dead.length };
}

/** Classes 22 and 23 of SQLSTATE: a value, or a rule of the table, whatever is tried again. */
function isRefusedValue(error: unknown): boolean {
  return /^2[23]/.test(sqlStateOf(error) ?? '');
}
