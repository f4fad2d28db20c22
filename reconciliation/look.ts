/**
 * One look at some reservations of a tenant: the platform's rows in one snapshot, then what is stored, and
 * what differs. What was on its way between the two differs as well; a later look tells.
 */
import { RollguardError } from '../kernel/errors.ts';
import type { DriftRow } from './drift.ts';
import { readHolds, readSold, type SoldReservation } from './held-reservations.ts';
import { ledgerDrift } from './ledger-drift.ts';
import { lockDrift } from './lock-drift.ts';
import { paymentDrift, readCharged, type Charged } from './payment-drift.ts';
import type { Platform, PlatformReservation, PlatformTables } from './platform-rows.ts';
import { reservationReplay, type ReplaySources } from './replay-reservations.ts';
import type { LedgerTable } from './table-side.ts';

export interface LookOptions {
  readonly platform: Platform;
  readonly sources: ReplaySources;
  /** Our own tables. */
  readonly query: LedgerTable['query'];
  readonly hasLocks: boolean;
  readonly hasPayments: boolean;
  /** Stays that ended before it are not held any more. */
  readonly heldAfterMs: () => number;
}

export interface Look {
  /** By the platform's clock, milliseconds since 1970: all that was committed by then was seen. */
  readonly atMs: number;
  readonly reservations: number;
  readonly entries: number;
  readonly holds: number;
  readonly charged: number;
  readonly unreadableRows: number;
  /** Of the reservations that differ. */
  readonly found: ReadonlyMap<string, readonly DriftRow[]>;
}

/** Which reservations, and the rows of them. */
export type Chosen<Rest> = Rest & { readonly reservations: readonly PlatformReservation[] };

export async function look<Rest>(
  options: LookOptions,
  tenantId: string,
  choose: (tables: PlatformTables) => Promise<Chosen<Rest>>,
): Promise<Look & { readonly chosen: Chosen<Rest> }> {
  const { platform, sources, query, hasLocks, hasPayments } = options;
  const seen = await platform.snapshot(tenantId, async (tables) => {
    const chosen = await choose(tables);
    const { reservations } = chosen;
    const ids = reservations.map(({ reservationId }) => reservationId);
    const [row] = await tables.query(
      'SELECT (extract(epoch FROM transaction_timestamp()) * 1000)::float8 AS at',
      [],
    );
    return {
      ...{ chosen, atMs: Number(row?.['at']) },
      sold: hasLocks ? await readSold(tables, tenantId, reservations) : [],
      charged: hasPayments ? await readCharged(tables, tenantId, ids) : noneCharged,
    };
  });
  const found = new Map<string, readonly DriftRow[]>();
  const add = (reservationId: string, rows: readonly DriftRow[]): void => {
    if (rows.length > 0) found.set(reservationId, [...(found.get(reservationId) ?? []), ...rows]);
  };
  const { reservations } = seen.chosen;
  const ledgers = await compareLedgers({ sources, tenantId, reservations, seen, add });
  const holds = await compareHolds({ query, tenantId, seen, add, after: options.heldAfterMs() });
  return {
    ...{ atMs: seen.atMs, chosen: seen.chosen, found, reservations: reservations.length },
    ...ledgers,
    ...{ holds, charged: seen.charged.size },
  };
}

const noneCharged: ReadonlyMap<string, Charged> = new Map();

type Add = (reservationId: string, rows: readonly DriftRow[]) => void;

async function compareLedgers({
  sources,
  tenantId,
  reservations,
  seen,
  add,
}: {
  readonly sources: ReplaySources;
  readonly tenantId: string;
  readonly reservations: readonly PlatformReservation[];
  readonly seen: { readonly charged: ReadonlyMap<string, Charged> };
  readonly add: Add;
}): Promise<Pick<Look, 'entries' | 'unreadableRows'>> {
  const commandsOf = new Map(
    reservations.map(({ reservationId, commands }) => [reservationId, commands]),
  );
  let [entries, unreadableRows] = [0, 0];
  for (const each of await reservationReplay(sources).batch(tenantId, reservations)) {
    const { reservationId, propertyId, expected, lastClosedDate } = each;
    entries += expected.length;
    unreadableRows += each.problems.length;
    const owner = { tenantId, reservationId, propertyId };
    const eventIds = new Set(commandsOf.get(reservationId)?.map(({ event_id: id }) => id));
    add(reservationId, ledgerDrift({ ...owner, entries: each.entries, eventIds }));
    const earned = { ...owner, entries: expected, lastClosedDate: lastClosedDate.date };
    add(reservationId, paymentDrift(earned, seen.charged.get(reservationId)));
  }
  for (const side of [sources.table, sources.state]) {
    const { status, reason } = side.status;
    // What was not compared is not equal.
    if (status === 'unavailable') throw new RollguardError('DATABASE_UNAVAILABLE', reason ?? '');
  }
  return { entries, unreadableRows };
}

async function compareHolds({
  query,
  tenantId,
  seen,
  add,
  after,
}: {
  readonly query: LedgerTable['query'];
  readonly tenantId: string;
  readonly seen: { readonly sold: readonly SoldReservation[] };
  readonly add: Add;
  readonly after: number;
}): Promise<number> {
  if (seen.sold.length === 0) return 0;
  let holds = 0;
  for (const held of await readHolds(query, tenantId, seen.sold)) {
    holds += held.holds.length;
    add(held.reservationId, lockDrift(held, after));
  }
  return holds;
}
