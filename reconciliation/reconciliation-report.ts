/** What a reconciliation has to say, as it is kept and shown: counts, money, and the rows that differ. */
import {
  addAmounts,
  driftReasons,
  driftSides,
  type Amount,
  type DriftRow,
  type DriftSide,
} from './drift.ts';

/** What was looked at, as it was asked for; null: all. */
export interface ReconciliationScope {
  readonly tenantIds: readonly string[] | null;
  readonly propertyId: string | null;
  readonly from: string | null;
  readonly to: string | null;
}

export interface ComparedSide {
  readonly status: 'compared' | 'left_out' | 'not_captured';
  /** Why it was not compared. */
  readonly reason?: string;
}

export interface SideSummary {
  /** Entries, holds or payments that differ. */
  readonly drift: number;
  /** Reasons without any are left out. */
  readonly reasons: Readonly<Record<string, number>>;
  /** What follows less what is stored. */
  readonly amounts: readonly Amount[];
}

export interface ReconciliationSummary {
  readonly tenants: number;
  readonly reservations: number;
  /** That follow from the rows. */
  readonly entries: number;
  readonly holds: number;
  /** Reservations whose payments were compared. */
  readonly charged: number;
  readonly drift: number;
  readonly sides: Readonly<Record<DriftSide, SideSummary>>;
  /** Reservations that differed at each look, otherwise each time: they are changing. */
  readonly unsettled: number;
  /** The platform's rows that cannot be used: what follows from them is not known. */
  readonly unreadableRows: number;
  /** Seconds since the platform said otherwise than the oldest hold that differs; 0: none does. */
  readonly lockDriftSeconds: number;
}

export type RunStatus = 'clean' | 'drift' | 'behind' | 'failed';

export interface ReconciliationReport {
  readonly runId: string;
  readonly trigger: 'schedule' | 'command';
  /** clean: nothing differs · behind: it does not catch up, and what differs may be on its way. */
  readonly status: RunStatus;
  /** ISO times. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly scope: ReconciliationScope;
  readonly sides: Readonly<Record<DriftSide | 'state', ComparedSide>>;
  readonly summary: ReconciliationSummary;
  /** The first of them; `summary.drift` counts all. */
  readonly drift: readonly DriftRow[];
  /** Why it is behind or has failed; null: it is not. */
  readonly problem: string | null;
}

/** Adds up what is found. */
export class DriftTally {
  readonly #rows: DriftRow[] = [];
  readonly #sides: Record<DriftSide, SideSummary>;
  readonly #keptMax: number;
  #oldestSinceMs = Infinity;

  constructor(keptMax: number) {
    this.#keptMax = keptMax;
    const none: SideSummary = { drift: 0, reasons: {}, amounts: [] };
    this.#sides = { ledger: none, locks: none, payments: none };
  }

  get rows(): readonly DriftRow[] {
    return this.#rows;
  }

  add(row: DriftRow): void {
    if (this.#rows.length < this.#keptMax) this.#rows.push(row);
    const { side, reason, sinceMs } = row;
    const { drift, reasons, amounts } = this.#sides[side];
    this.#sides[side] = {
      drift: drift + 1,
      reasons: { ...reasons, [reason]: (reasons[reason] ?? 0) + 1 },
      amounts: addAmounts(amounts, row.amounts),
    };
    if (side === 'locks' && sinceMs !== null) {
      this.#oldestSinceMs = Math.min(this.#oldestSinceMs, sinceMs);
    }
  }

  summary(
    counts: Omit<ReconciliationSummary, 'drift' | 'sides' | 'lockDriftSeconds'>,
    nowMs: number,
  ): ReconciliationSummary {
    const lateMs = Number.isFinite(this.#oldestSinceMs) ? nowMs - this.#oldestSinceMs : 0;
    return {
      ...counts,
      drift: driftSides.reduce((sum, side) => sum + this.#sides[side].drift, 0),
      sides: { ...this.#sides },
      lockDriftSeconds: Math.max(0, lateMs) / 1_000,
    };
  }
}

/** Every side and reason with its count, zero too. */
export function everyReason(
  summary: ReconciliationSummary,
): readonly { readonly side: DriftSide; readonly reason: string; readonly count: number }[] {
  return driftSides.flatMap((side) =>
    driftReasons[side].map((reason) => ({
      ...{ side, reason, count: summary.sides[side].reasons[reason] ?? 0 },
    })),
  );
}
