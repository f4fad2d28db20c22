/**
 * One tenant's turn: first what came late to rows that were read before, then what is new, then, when it
 * is due, everything that came late whenever it was written (a sweep).
 *
 * Why nothing is missed. A command's `created_at` is the start of its transaction, so it may appear behind
 * the position; and a row may be written again after it was read. Each step therefore asks Postgres, row
 * by row, whether the version that is there was seen by an earlier read: its `xmin` is the transaction that
 * wrote it, or a part of one (a savepoint), which no snapshot lists. What is below all transactions that ran
 * at the earlier read was seen, for a part's id is above its whole's: that step has published the version
 * or a newer one. All else this step reads, and publishes what it does not know to be published. The
 * snapshot that is kept is that of a step's first transaction: what its later pages see beyond it is only
 * read once more.
 *
 * Why nothing is read for ever. When the step is over, its own snapshot is kept in the place of the old
 * one. While a transaction is open, what began after it is read again, and not published again as long
 * as it is known; when it has ended, its rows are read, and none of them any more.
 *
 * Late commands are looked for within the window before the last look, by the index on their creation: no
 * transaction of the platform is open longer, no command takes longer, and a reservation that is changed
 * outside of any command waits for the sweep (or came by capture). The sweep assumes none of this.
 */
import type { Database } from '../database/connection.ts';
import { parseInstantMicros } from '../topology/calendar/instant.ts';
import { pump, type PumpParts, type Pumped } from './batch-pump.ts';
import { loadCheckpoint, saveCheckpoint, type Checkpoint } from './checkpoints.ts';
import type { RowPosition, RowQuery, Seen } from './read-rows.ts';

export interface TurnOptions {
  readonly tenantId: string;
  /** The leading session on our own Postgres. */
  readonly database: Database;
  /** A sweep is due if the last one was before it, milliseconds since 1970; undefined: none is. */
  readonly sweepDueMs: number | undefined;
  /** Of new rows; late ones are read whole. */
  readonly batchesMax: number;
}

/** @throws PRECONDITION_FAILED when another backfill has moved the checkpoint. */
export async function takeTurn(parts: PumpParts, options: TurnOptions): Promise<Pumped> {
  const turn = await Turn.begin(parts, options);
  const lateRows = await turn.late();
  const forward = await turn.forward();
  const sweptRows = forward.isDone ? await turn.sweep() : 0;
  return { rows: lateRows + forward.rows + sweptRows, isDone: forward.isDone };
}

class Turn {
  readonly #parts: PumpParts;
  readonly #options: TurnOptions;
  #checkpoint: Checkpoint;

  private constructor(parts: PumpParts, options: TurnOptions, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.#options = options;
    this.#checkpoint = checkpoint;
  }

  static async begin(parts: PumpParts, options: TurnOptions): Promise<Turn> {
    const { publisher, known } = parts;
    const { database, tenantId } = options;
    const checkpoint = await loadCheckpoint(database, tenantId, publisher.topicId);
    // Somebody wants all of it again.
    if (checkpoint.position === undefined) known.clear();
    return new Turn(parts, options, checkpoint);
  }

  /** @returns rows read. */
  async late(): Promise<number> {
    const { seen } = this.#checkpoint;
    if (seen === undefined) return 0;
    const within = { before: seen.at, seconds: this.#parts.limits.lateWindowSeconds };
    const { rows, first } = await this.#late(seen.snapshot, within);
    if (first !== undefined) await this.#save({ seen: first });
    return rows;
  }

  async forward(): Promise<Pumped> {
    const query = (after: RowPosition | undefined): RowQuery => ({
      ...{ kind: 'forward', after, filter: {} },
    });
    return pump(query(this.#checkpoint.position), this.#parts, {
      tenantId: this.#options.tenantId,
      batchesMax: this.#options.batchesMax,
      next: ({ last, hasMore }) => (hasMore ? query(last) : undefined),
      acknowledged: async ({ last, seen }) => {
        const { swept, seen: known, position } = this.#checkpoint;
        if (known !== undefined && last === undefined) return;
        await this.#save({
          position: last ?? position,
          seen: known ?? seen,
          swept: swept ?? { snapshot: seen.snapshot, at: undefined },
        });
        if (last !== undefined) {
          this.#parts.metrics.checkpoint.set(millisOf(last.createdAt) / 1_000);
        }
      },
    });
  }

  /** Of its first time: only the reservations that no command names. @returns rows read. */
  async sweep(): Promise<number> {
    const { swept } = this.#checkpoint;
    if (swept === undefined || this.#parts.signal.aborted) return 0;
    if (swept.at === undefined) {
      const { rows, first } = await this.#reservations(undefined);
      if (first !== undefined) {
        await this.#save({ swept: { snapshot: swept.snapshot, at: first.at } });
      }
      return rows;
    }
    const { sweepDueMs } = this.#options;
    if (sweepDueMs === undefined || millisOf(swept.at) >= sweepDueMs) return 0;
    const commands = await this.#late(swept.snapshot, undefined);
    const reservations = await this.#reservations(swept.snapshot);
    const first = commands.first ?? reservations.first;
    if (commands.isDone && reservations.isDone && first !== undefined) {
      await this.#save({ seen: first, swept: first });
    }
    return commands.rows + reservations.rows;
  }

  async #late(
    unseenBy: string,
    within: { readonly before: string; readonly seconds: number } | undefined,
  ): Promise<Looked> {
    const upTo = this.#checkpoint.position;
    if (upTo === undefined) return { rows: 0, first: undefined, isDone: true };
    const query = (after: RowPosition | undefined): RowQuery => ({
      ...{ kind: 'late', after, upTo, unseenBy, within },
    });
    return this.#look(query(undefined), ({ last }) => query(last));
  }

  #reservations(unseenBy: string | undefined): Promise<Looked> {
    const query = (after: string | undefined): RowQuery => ({
      ...{ kind: 'reservations', after, unseenBy },
    });
    return this.#look(query(undefined), ({ lastReservationId }) => query(lastReservationId));
  }

  /** Reads all pages. The first one's snapshot stands for all; undefined: it was cut off. */
  async #look(first: RowQuery, next: (batch: NextOf) => RowQuery): Promise<Looked> {
    let seen: Seen | undefined;
    const { rows, isDone } = await pump(first, this.#parts, {
      tenantId: this.#options.tenantId,
      batchesMax: Infinity,
      next: (batch) => {
        seen ??= batch.seen;
        return batch.hasMore ? next(batch) : undefined;
      },
      acknowledged: () => Promise.resolve(),
    });
    return { rows, first: isDone ? seen : undefined, isDone };
  }

  async #save(change: Partial<Checkpoint>): Promise<void> {
    const { database } = this.#options;
    const { topicId } = this.#parts.publisher;
    this.#checkpoint = await saveCheckpoint(database, { ...this.#checkpoint, ...change }, topicId);
  }
}

/** Of Postgres' text; for looking at, not for comparing rows. */
function millisOf(instant: string): number {
  return Math.floor((parseInstantMicros(instant) ?? 0) / 1_000);
}

type NextOf = Parameters<Parameters<typeof pump>[2]['next']>[0];

interface Looked {
  readonly rows: number;
  /** What its first transaction saw; undefined: there was none, or it was cut off. */
  readonly first: Seen | undefined;
  readonly isDone: boolean;
}
