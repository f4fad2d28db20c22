/**
 * The report of a property and a range of dates, written as it comes: a page of reservations at a time, each
 * on a snapshot of its own, so that memory is bounded and the platform keeps no old rows for us.
 */
import type { Clock } from '../../kernel/clock.ts';
import type { RowProblem } from '../../topology/captured/row-problem.ts';
import {
  addSummaries,
  differingEntries,
  noSummary,
  type EntryReport,
  type ReplaySummary,
} from '../../topology/roll/replay-report.ts';
import { pacedProgress } from '../paced-progress.ts';
import type { Platform } from '../../reconciliation/platform-rows.ts';
import { countConcerned, readPage, type ReplayRange } from '../../reconciliation/range-pages.ts';
import {
  reservationReplay,
  type ReplayedReservation,
  type ReplaySources,
} from '../../reconciliation/replay-reservations.ts';
import type { SideStatus } from '../../reconciliation/replay-side.ts';
import type { ReportWriter } from './report-writer.ts';
import type { LedgerTable } from '../../reconciliation/table-side.ts';

export interface RangeToReplay extends ReplayRange {
  readonly platform: Platform;
  /** Undefined: it is not compared. */
  readonly table: LedgerTable | undefined;
  readonly sources: ReplaySources;
  /** Reservations of a page. */
  readonly batchSize: number;
  /** True: entries that match are in the report too. */
  readonly isComplete: boolean;
  readonly writer: ReportWriter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

export interface RangeEntry extends EntryReport {
  readonly reservationId: string;
}

/** What the report ends with. */
export interface RangeOutcome {
  readonly state: SideStatus;
  readonly table: SideStatus;
  readonly summary: ReplaySummary;
  /** Captured rows that cannot be used, and why; the first of them. */
  readonly unreadableRows: readonly (RowProblem & { readonly reservationId: string })[];
  /** The first entries that differ, for people. */
  readonly firstDifferences: readonly RangeEntry[];
  /** Reservations that could not be derived, by the reason. */
  readonly waiting: Readonly<Record<string, number>>;
}

const unreadableToldMax = 1_000;
const differencesShownMax = 20;

/** @throws INTERRUPTED by the signal; what the sources throw. */
export async function replayRange(asked: RangeToReplay): Promise<RangeOutcome> {
  const { tenantId, propertyId, from, to, platform, sources, writer, clock } = asked;
  const total = await platform.snapshot(tenantId, (tables) => countConcerned(tables, asked));
  // A table that does not answer is known before the first page: what it alone knows of is not passed over.
  await sources.table.read({ tenantId, ledgers: new Map() });
  const table = sources.table.status.status === 'compared' ? asked.table : undefined;
  const own = { hasLedger: table !== undefined, hasHolds: false, query: queryOf(table) };
  const report = progressOf(asked, total);
  const replay = reservationReplay(sources);
  const tally = new RangeTally(asked);
  const generatedAt = new Date(clock.nowMs()).toISOString();
  const head = JSON.stringify({ generatedAt, tenantId, propertyId, from, to });
  writer.write(`${head.slice(0, -1)},\n"entries":[`);
  let after: string | undefined;
  do {
    asked.signal.throwIfAborted();
    const page = await platform.snapshot(tenantId, (tables) =>
      readPage(tables, own, {
        ...{ tenantId, propertyId, from, to, after, size: asked.batchSize },
      }),
    );
    for (const each of await replay.batch(tenantId, page.reservations)) tally.add(each);
    report(tally.summary.reservations);
    after = page.next;
  } while (after !== undefined);
  const outcome = { state: sources.state.status, table: sources.table.status, ...tally.outcome() };
  const { firstDifferences, ...told } = outcome;
  writer.write(`\n],\n${JSON.stringify(told).slice(1)}\n`);
  return { ...told, firstDifferences };
}

/** Without a table nothing is asked of it. */
function queryOf(table: LedgerTable | undefined): LedgerTable['query'] {
  return (text, values) => table?.query(text, values) ?? Promise.resolve([]);
}

class RangeTally {
  readonly #asked: RangeToReplay;
  readonly #unreadable: (RowProblem & { reservationId: string })[] = [];
  readonly #differences: RangeEntry[] = [];
  readonly #waiting: Record<string, number> = {};
  #written = 0;
  summary = noSummary;

  constructor(asked: RangeToReplay) {
    this.#asked = asked;
  }

  add({ reservationId, entries, problems, summary, waitsFor }: ReplayedReservation): void {
    this.summary = addSummaries(this.summary, summary);
    if (waitsFor !== undefined) this.#waiting[waitsFor] = (this.#waiting[waitsFor] ?? 0) + 1;
    const room = unreadableToldMax - this.#unreadable.length;
    this.#unreadable.push(...problems.slice(0, room).map((each) => ({ reservationId, ...each })));
    const differs = differingEntries(summary) > 0;
    if (!differs && !this.#asked.isComplete) return;
    for (const entry of entries) {
      const isDifferent = entry.status !== 'match';
      const told = { reservationId, ...entry };
      if (isDifferent && this.#differences.length < differencesShownMax) {
        this.#differences.push(told);
      }
      if (!isDifferent && !this.#asked.isComplete) continue;
      this.#asked.writer.write(`${this.#written === 0 ? '' : ','}\n${JSON.stringify(told)}`);
      this.#written += 1;
    }
  }

  outcome(): Omit<RangeOutcome, 'state' | 'table'> {
    return {
      summary: this.summary,
      unreadableRows: this.#unreadable,
      waiting: this.#waiting,
      firstDifferences: this.#differences,
    };
  }
}

/** What is left at the pace so far; a count that grows beyond the estimate has no end to tell. */
function progressOf(asked: RangeToReplay, total: number): (done: number) => void {
  return pacedProgress(asked, (done, spentMs) => {
    const leftSeconds = Math.ceil((spentMs / 1_000 / done) * (total - done));
    const left = done > 0 && done < total ? `, about ${leftSeconds} s left` : '';
    return `replay: ${done} of about ${total} reservations${left}`;
  });
}
