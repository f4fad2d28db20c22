/**
 * One row of a table in a database that behaves as Postgres does: transactions overlap, take their ids
 * when they begin, commit in another order, and wait for each other's row lock. What Debezium streams,
 * what its first snapshot reads and what a backfill reads are observations of the row, each with its
 * version and, for the oracle, with how many commits of the row it shows.
 */
import fc from 'fast-check';
import { backfillVersion, rowVersionOf } from '../../../topology/captured/row-version.ts';

export interface Observation {
  readonly kind: 'streamed' | 'snapshot' | 'backfill';
  readonly version: string;
  /** What the row holds. */
  readonly content: string;
  /** Commits of the row that it shows; within a transaction its changes come in their order. */
  readonly place: number;
}

interface Transaction {
  readonly xid: bigint;
  readonly changes: { readonly lsn: bigint; readonly content: string }[];
}

type Step = { readonly kind: number; readonly pick: number; readonly gap: number };

/** Ids begin shortly before their lower 32 bits begin anew. */
const firstXid = 2n ** 32n * 3n - 6n;

const steps = fc.array(fc.record({ kind: fc.nat(9), pick: fc.nat(7), gap: fc.nat(3) }), {
  minLength: 5,
  maxLength: 40,
});

/** Everything that was ever observed of the row, in the order in which it happened. */
export const histories: fc.Arbitrary<readonly Observation[]> = fc
  .record({ steps, slotAt: fc.nat(40) })
  .map(({ steps: all, slotAt }) => observe(all, slotAt));

function observe(all: readonly Step[], slotAt: number): readonly Observation[] {
  const model = new RowModel();
  all.forEach((step, at) => {
    if (at === slotAt) model.snapshot();
    model.step(step);
  });
  return model.observations;
}

class RowModel {
  readonly observations: Observation[] = [];
  #nextXid = firstXid;
  #latestCompleted = firstXid - 1n;
  #lsn = 1_000n;
  #lastCommitLsn: bigint | undefined;
  #running: Transaction[] = [];
  #lockedBy: Transaction | undefined;
  #content = 'first';
  #place = 0;
  #writes = 0;
  #isStreaming = false;

  step({ kind, pick, gap }: Step): void {
    this.#lsn += BigInt(gap + 1);
    const chosen = this.#running[pick % Math.max(1, this.#running.length)];
    if (kind <= 1 || chosen === undefined) this.#begin(gap);
    else if (kind <= 4) this.#write(chosen);
    else if (kind <= 6) this.#end(chosen, pick !== 7);
    else this.#read();
  }

  /** The slot is made: from here on commits are streamed. */
  snapshot(): void {
    this.#isStreaming = true;
    const source = { snapshot: 'true', sequence: `[null,"${this.#lsn}"]` };
    this.#observe('snapshot', rowVersionOf('t', source).value ?? '');
  }

  #begin(gap: number): void {
    this.#running.push({ xid: this.#nextXid, changes: [] });
    this.#nextXid += BigInt(gap + 1);
  }

  #write(transaction: Transaction): void {
    if (this.#lockedBy !== undefined && this.#lockedBy !== transaction) return;
    this.#lockedBy = transaction;
    this.#writes += 1;
    transaction.changes.push({ lsn: this.#lsn, content: `write ${this.#writes}` });
  }

  #end(transaction: Transaction, commits: boolean): void {
    this.#running = this.#running.filter((each) => each !== transaction);
    if (transaction.xid > this.#latestCompleted) this.#latestCompleted = transaction.xid;
    if (this.#lockedBy === transaction) this.#lockedBy = undefined;
    if (!commits) return;
    for (const { lsn, content } of transaction.changes) {
      this.#content = content;
      this.#place += 1;
      if (!this.#isStreaming) continue;
      const last = this.#lastCommitLsn === undefined ? 'null' : `"${this.#lastCommitLsn}"`;
      const txId = transaction.xid % 2n ** 32n;
      const source = { snapshot: 'false', sequence: `[${last},"${lsn}"]`, txId };
      this.#observe('streamed', rowVersionOf('t', source).value ?? '');
    }
    if (this.#isStreaming) this.#lastCommitLsn = this.#lsn;
  }

  #read(): void {
    const xmax = this.#latestCompleted + 1n;
    const running = this.#running.map(({ xid }) => xid).filter((xid) => xid < xmax);
    running.sort((one, other) => (one < other ? -1 : 1));
    const snapshot = `${running[0] ?? xmax}:${xmax}:${running.join(',')}`;
    const lsn = `${(this.#lsn >> 32n).toString(16)}/${(this.#lsn & 0xffffffffn).toString(16)}`;
    this.#observe('backfill', backfillVersion({ lsn: lsn.toUpperCase(), snapshot }));
  }

  #observe(kind: Observation['kind'], version: string): void {
    this.observations.push({ kind, version, content: this.#content, place: this.#place });
  }
}
