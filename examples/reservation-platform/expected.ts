/**
 * What the ledgers must say at the end, recomputed from the actions alone: the oracle that a run of the
 * whole system is compared with. It knows the rules and nothing of Rollguard: first play all actions to
 * the end, then look at each reservation once. Keep it naive.
 */
import { addDays, localDateOf, nightInstantOf } from './local-time.ts';
import { isApplied, type ChainSetup, type PlatformAction, type ReservationRow } from './model.ts';

export interface ExpectedTotals {
  readonly checkout: number;
  readonly cancel: number;
  readonly no_show: number;
  readonly nights: number;
  readonly revenue_cents: number;
}

export interface ExpectedDay {
  readonly roomsSold: number;
  readonly revenueMinor: number;
  readonly arrivals: number;
  readonly departures: number;
  readonly cancellations: number;
  readonly noShows: number;
}

export interface ExpectedProperty {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly totals: ExpectedTotals;
  /** By business date, in order; a date on which nothing is counted has no entry. */
  readonly days: ReadonlyMap<string, ExpectedDay>;
}

/** What the actions left behind for one reservation. */
interface FinalReservation {
  row: ReservationRow | undefined;
  appliedCheckOuts: number;
  appliedCancels: number;
  appliedNoShows: number;
}

/** One result per property of the setup, in its order. */
export function expectedResults(
  setup: ChainSetup,
  actions: Iterable<PlatformAction>,
): ExpectedProperty[] {
  const reservations = new Map<string, FinalReservation>();
  const closedDates = new Map<string, Set<string>>();
  for (const { id } of setup.properties) closedDates.set(id, new Set());
  for (const action of actions) {
    if (action.kind === 'advance-date') {
      closedDates.get(action.propertyId)?.add(action.businessDate);
    } else {
      play(action, reservations);
    }
  }
  return setup.properties.map((property) => {
    const days = new DayCounts();
    for (const reservation of reservations.values()) {
      if (reservation.row?.property_id !== property.id) continue;
      const closed = closedDates.get(property.id) ?? new Set();
      countReservation(reservation.row, reservation, { days, closed, zone: property.timezone });
    }
    return {
      tenantId: property.tenant_id,
      propertyId: property.id,
      totals: days.totals(),
      days: days.inDateOrder(),
    };
  });
}

/** The totals of several properties together. */
export function sumTotals(all: Iterable<ExpectedTotals>): ExpectedTotals {
  const sum = { checkout: 0, cancel: 0, no_show: 0, nights: 0, revenue_cents: 0 };
  for (const totals of all) {
    sum.checkout += totals.checkout;
    sum.cancel += totals.cancel;
    sum.no_show += totals.no_show;
    sum.nights += totals.nights;
    sum.revenue_cents += totals.revenue_cents;
  }
  return sum;
}

function play(
  action: Exclude<PlatformAction, { kind: 'advance-date' }>,
  reservations: Map<string, FinalReservation>,
): void {
  const id = action.reservation.id;
  const final = reservations.get(id) ?? {
    row: undefined,
    appliedCheckOuts: 0,
    appliedCancels: 0,
    appliedNoShows: 0,
  };
  reservations.set(id, final);
  if (action.kind === 'command') {
    if (!isApplied(action)) return;
    if (action.commandName === 'reservation.check_out') final.appliedCheckOuts += 1;
    if (action.commandName === 'reservation.cancel') final.appliedCancels += 1;
    if (action.commandName === 'reservation.no_show') final.appliedNoShows += 1;
  }
  final.row = action.reservation;
}

interface PropertyDays {
  readonly days: DayCounts;
  readonly closed: ReadonlySet<string>;
  readonly zone: string;
}

function countReservation(
  row: ReservationRow,
  final: FinalReservation,
  { days, closed, zone }: PropertyDays,
): void {
  if (row.actual_check_in !== null) {
    const inMs = Date.parse(row.actual_check_in);
    // A guest who has not left is in the house without an end.
    const outMs = row.actual_check_out === null ? Infinity : Date.parse(row.actual_check_out);
    days.add(localDateOf(inMs, zone), { arrivals: 1 });
    const rateCents = Math.round(Number(row.room_rate) * 100);
    for (const night of nightsOf(inMs, outMs, zone, closed)) {
      days.add(night, { roomsSold: 1, revenueMinor: rateCents });
    }
    if (final.appliedCheckOuts > 0) {
      days.add(localDateOf(outMs, zone), { departures: final.appliedCheckOuts });
    }
  }
  const rowCancelled = row.status === 'CANCELLED' || row.status === 'EXPIRED';
  const cancels = final.appliedCancels > 0 ? final.appliedCancels : Number(rowCancelled);
  const cancelledAt = row.cancellation_date ?? row.expired_at;
  if (cancels > 0 && cancelledAt !== null) {
    days.add(localDateOf(Date.parse(cancelledAt), zone), { cancellations: cancels });
  }
  if (final.appliedNoShows > 0) days.add(row.check_in_date, { noShows: final.appliedNoShows });
}

/** The closed dates whose night instant lies in [in, out). The first may be the eve of arrival. */
function nightsOf(
  inMs: number,
  outMs: number,
  zone: string,
  closed: ReadonlySet<string>,
): string[] {
  const nights: string[] = [];
  const eve = addDays(localDateOf(inMs, zone), -1);
  const lastClosed = [...closed].at(-1) ?? '';
  for (let night = eve; night <= lastClosed; night = addDays(night, 1)) {
    const sleptAtMs = nightInstantOf(night, zone);
    if (sleptAtMs >= outMs) break;
    if (sleptAtMs >= inMs && closed.has(night)) nights.push(night);
  }
  return nights;
}

const noCounts: ExpectedDay = {
  roomsSold: 0,
  revenueMinor: 0,
  arrivals: 0,
  departures: 0,
  cancellations: 0,
  noShows: 0,
};
const countNames = Object.keys(noCounts) as (keyof ExpectedDay)[];

/** Counts per date that grow while reservations are looked at. */
class DayCounts {
  readonly #byDate = new Map<string, ExpectedDay>();

  add(date: string, counts: Partial<ExpectedDay>): void {
    const sums = { ...(this.#byDate.get(date) ?? noCounts) };
    for (const name of countNames) sums[name] += counts[name] ?? 0;
    this.#byDate.set(date, sums);
  }

  inDateOrder(): ReadonlyMap<string, ExpectedDay> {
    return new Map([...this.#byDate].sort(([left], [right]) => (left < right ? -1 : 1)));
  }

  totals(): ExpectedTotals {
    return sumTotals(
      [...this.#byDate.values()].map((day) => ({
        checkout: day.departures,
        cancel: day.cancellations,
        no_show: day.noShows,
        nights: day.roomsSold,
        revenue_cents: day.revenueMinor,
      })),
    );
  }
}
