/**
 * Ledgers, holds and, where they are asked for, payments beside the platform's rows: every reservation of
 * some tenants in the order of their ids, a page at a time, each page on a snapshot of its own, so that
 * the platform keeps no old rows for us. Nothing is changed.
 *
 * What is on its way is no drift. Whatever differs is looked at again after a while, and once the pipeline
 * has passed the first look: what then differs in the same way is told. What differs in another way is
 * looked at again; a reservation that changes each time is counted as unsettled.
 */
import type { Clock } from '../kernel/clock.ts';
import { driftIdentity, type DriftRow } from './drift.ts';
import { look, type Look, type LookOptions } from './look.ts';
import { countConcerned, readPage, type OwnTables, type ReplayRange } from './range-pages.ts';
import { DriftTally, type ReconciliationSummary } from './reconciliation-report.ts';

/** How far what the platform has committed has come. */
export interface Pipeline {
  /** True once all that was committed before a time of the platform's clock is stored, or lost. */
  hasPassed(atMs: number): Promise<boolean>;
}

export interface ReconcileOptions extends LookOptions {
  readonly own: OwnTables;
  readonly tenantIds: readonly string[];
  readonly range: Omit<ReplayRange, 'tenantId'>;
  /** Reservations of a page. */
  readonly pageSize: number;
  /** Between two looks. */
  readonly graceMs: number;
  /** How long the pipeline may take to pass a look. */
  readonly behindAfterMs: number;
  /** Undefined: the time between two looks has to do. */
  readonly pipeline: Pipeline | undefined;
  /** Rows that are kept; all are counted. */
  readonly rowsKeptMax: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

export interface Reconciled {
  readonly summary: ReconciliationSummary;
  readonly drift: readonly DriftRow[];
  /** The pipeline did not pass in time; what differed and waited for it is counted as unsettled. */
  readonly isBehind: boolean;
}

const looksMax = 5;
const pollMs = 500;
/** Reservations that wait for their next look; more wait for these. */
const waitingMax = 100_000;

/** @throws INTERRUPTED by the signal; what the databases throw. */
export function reconcile(options: ReconcileOptions): Promise<Reconciled> {
  return new Reconciliation(options).run();
}

/** Reservations of one page that differed. */
interface Waiting {
  readonly tenantId: string;
  readonly atMs: number;
  readonly lookedMs: number;
  readonly looks: number;
  /** What was found, not its rows: of whatever differs still, the last look tells them. */
  readonly found: ReadonlyMap<string, readonly string[]>;
}

class Reconciliation {
  readonly #options: ReconcileOptions;
  readonly #tally: DriftTally;
  readonly #waiting: Waiting[] = [];
  #counts = { reservations: 0, entries: 0, holds: 0, charged: 0, unreadableRows: 0 };
  #unsettled = 0;
  #isBehind = false;

  constructor(options: ReconcileOptions) {
    this.#options = options;
    this.#tally = new DriftTally(options.rowsKeptMax);
  }

  async run(): Promise<Reconciled> {
    const { tenantIds, progress, clock } = this.#options;
    const total = await this.#total();
    for (const tenantId of tenantIds) {
      let after: string | undefined;
      do {
        after = await this.#page(tenantId, after);
        progress(this.#counts.reservations, total);
        await this.#lookAgain(this.#waitingCount() > waitingMax);
      } while (after !== undefined);
    }
    await this.#lookAgain(true);
    const counts = { tenants: tenantIds.length, ...this.#counts, unsettled: this.#unsettled };
    return {
      summary: this.#tally.summary(counts, clock.nowMs()),
      drift: this.#tally.rows,
      isBehind: this.#isBehind,
    };
  }

  async #total(): Promise<number> {
    const { platform, range, tenantIds } = this.#options;
    let total = 0;
    for (const tenantId of tenantIds) {
      total += await platform.snapshot(tenantId, (tables) =>
        countConcerned(tables, { tenantId, ...range }),
      );
    }
    return total;
  }

  /** @returns the last id looked at; undefined: there are no more. */
  async #page(tenantId: string, after: string | undefined): Promise<string | undefined> {
    const { own, range, pageSize: size } = this.#options;
    this.#options.signal.throwIfAborted();
    const page = await look(this.#options, tenantId, (tables) =>
      readPage(tables, own, { tenantId, ...range, after, size }),
    );
    const known = this.#counts;
    this.#counts = {
      reservations: known.reservations + page.reservations,
      entries: known.entries + page.entries,
      holds: known.holds + page.holds,
      charged: known.charged + page.charged,
      unreadableRows: known.unreadableRows + page.unreadableRows,
    };
    this.#wait(tenantId, page, page.found, 1);
    return page.chosen.next;
  }

  #wait(
    tenantId: string,
    { atMs }: Pick<Look, 'atMs'>,
    found: ReadonlyMap<string, readonly DriftRow[]>,
    looks: number,
  ): void {
    if (found.size === 0) return;
    const lookedMs = this.#options.clock.monotonicMs();
    const identities = new Map([...found].map(([id, rows]) => [id, rows.map(driftIdentity)]));
    this.#waiting.push({ tenantId, atMs, lookedMs, looks, found: identities });
  }

  #waitingCount(): number {
    return this.#waiting.reduce((sum, { found }) => sum + found.size, 0);
  }

  /** Those whose time has come, in the order of their looks; all of them if they are waited for. */
  async #lookAgain(isWaitedFor: boolean): Promise<void> {
    const { clock, graceMs, signal } = this.#options;
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const dueInMs = next.lookedMs + graceMs - clock.monotonicMs();
      if (dueInMs > 0 && !isWaitedFor) return;
      if (dueInMs > 0) await clock.sleep(dueInMs, signal);
      signal.throwIfAborted();
      const hasPassed = await this.#hasPassed(next, isWaitedFor);
      if (!hasPassed && !isWaitedFor) return;
      this.#waiting.shift();
      if (hasPassed) await this.#lookOnceMore(next);
      else this.#unsettled += next.found.size;
    }
  }

  async #hasPassed({ atMs, lookedMs }: Waiting, isWaitedFor: boolean): Promise<boolean> {
    const { pipeline, clock, behindAfterMs, signal } = this.#options;
    if (pipeline === undefined) return true;
    while (!(await pipeline.hasPassed(atMs))) {
      const isLate = clock.monotonicMs() > lookedMs + behindAfterMs;
      if (isLate) this.#isBehind = true;
      if (isLate || !isWaitedFor) return false;
      await clock.sleep(pollMs, signal);
      signal.throwIfAborted();
    }
    return true;
  }

  async #lookOnceMore({ tenantId, found, looks }: Waiting): Promise<void> {
    const ids = [...found.keys()];
    const again = await look(this.#options, tenantId, async (tables) => ({
      reservations: await tables.reservations(ids),
    }));
    const changing = new Map<string, readonly DriftRow[]>();
    for (const [reservationId, rows] of again.found) {
      const known = new Set(found.get(reservationId));
      const isSame = rows.every((row) => known.has(driftIdentity(row)));
      if (isSame) for (const row of rows) this.#tally.add(row);
      else changing.set(reservationId, rows);
    }
    if (looks + 1 < looksMax) this.#wait(tenantId, again, changing, looks + 1);
    else this.#unsettled += changing.size;
  }
}
