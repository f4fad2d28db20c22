/** The report of one reservation, and how people read it. */
import { RollguardError } from '../../kernel/errors.ts';
import type { RowProblem } from '../../topology/captured/row-problem.ts';
import type { EntryReport, ReplaySummary } from '../../topology/roll/replay-report.ts';
import type { LedgerTable } from '../../reconciliation/table-side.ts';
import type { Platform } from '../../reconciliation/platform-rows.ts';
import {
  reservationReplay,
  type ReplayedReservation,
  type ReplaySources,
} from '../../reconciliation/replay-reservations.ts';
import type { SideStatus } from '../../reconciliation/replay-side.ts';

export interface ReservationReport {
  /** ISO time. */
  readonly generatedAt: string;
  readonly reservationId: string;
  readonly tenantId: string;
  readonly propertyId: string | null;
  readonly timeZone: string | null;
  readonly lastClosedDate: ReplayedReservation['lastClosedDate'];
  /** Why nothing could be derived; null: it could. */
  readonly waitsFor: string | null;
  readonly state: SideStatus;
  readonly table: SideStatus;
  readonly summary: ReplaySummary;
  /** Captured rows that cannot be used, and why. */
  readonly unreadableRows: readonly RowProblem[];
  readonly entries: readonly EntryReport[];
}

export interface ReservationToReplay {
  readonly reservationId: string;
  /** Undefined: that of its rows. */
  readonly tenantId: string | undefined;
  readonly platform: Platform;
  /** Undefined: it is not compared. */
  readonly table: LedgerTable | undefined;
  readonly sources: ReplaySources;
  readonly nowMs: number;
}

/** @throws NOT_FOUND when nobody has a row of it; USAGE when several tenants have. */
export async function replayReservation(asked: ReservationToReplay): Promise<ReservationReport> {
  const { reservationId, platform, sources } = asked;
  const tenantId = asked.tenantId ?? (await tenantOf(asked));
  const reservations = await platform.snapshot(tenantId, (tables) =>
    tables.reservations([reservationId]),
  );
  const [replayed] = await reservationReplay(sources).batch(tenantId, reservations);
  const isFound = reservations[0]?.isFound === true || (replayed?.entries.length ?? 0) > 0;
  if (replayed === undefined || !isFound) throw notFound(reservationId);
  return {
    generatedAt: new Date(asked.nowMs).toISOString(),
    ...{ reservationId, tenantId },
    propertyId: replayed.propertyId ?? null,
    timeZone: replayed.timeZone ?? null,
    lastClosedDate: replayed.lastClosedDate,
    waitsFor: replayed.waitsFor ?? null,
    state: sources.state.status,
    table: sources.table.status,
    summary: replayed.summary,
    unreadableRows: replayed.problems,
    entries: replayed.entries,
  };
}

async function tenantOf({ reservationId, platform, table }: ReservationToReplay): Promise<string> {
  const found = new Set(await platform.tenantsOf(reservationId));
  if (found.size === 0 && table !== undefined) {
    const rows = await table.query(
      'SELECT DISTINCT tenant_id FROM roll_service_shadow_ledgers WHERE reservation_id = $1',
      [reservationId],
    );
    for (const row of rows) found.add(String(row['tenant_id']));
  }
  const [tenantId, ...others] = found;
  if (tenantId === undefined) throw notFound(reservationId);
  if (others.length === 0) return tenantId;
  const message = `${found.size} tenants have rows of ${reservationId}: say whose with --tenant`;
  throw new RollguardError('USAGE', message);
}

function notFound(reservationId: string): RollguardError {
  const message =
    `nothing is known of reservation ${reservationId}, on the platform or beside it; ` +
    'where row-level security hides the rows, say whose it is with --tenant';
  return new RollguardError('NOT_FOUND', message);
}
