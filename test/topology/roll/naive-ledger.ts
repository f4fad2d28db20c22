/**
 * The rules of the ledger written a second time, straight from captured columns, without anything of
 * `topology/roll/`: sorting instead of merging, a walk through the minutes instead of offsets.
 */
import { createHash } from 'node:crypto';
import type { LifecycleColumns } from '../../../topology/captured/lifecycle-row.ts';
import type { ReservationColumns } from '../../../topology/roll/reservation-row.ts';

/** One version of a captured row; null columns: the row was deleted. */
export interface Captured<Columns> {
  readonly columns: Columns | null;
  readonly isStreamed: boolean;
  readonly commitLsn: number;
  readonly lsn: number;
}
export type CapturedReservation = Captured<ReservationColumns>;
export interface CapturedCommand extends Captured<LifecycleColumns> {
  readonly eventId: string;
}

export interface NaiveHistory {
  readonly reservationId: string;
  readonly reservation: readonly CapturedReservation[];
  readonly commands: readonly CapturedCommand[];
  readonly zone: string;
  readonly lastClosedDate: string;
}

/** `id kind date amount` of every entry, sorted. */
export function naiveLedger(history: NaiveHistory): string[] {
  const row = newest(history.reservation)?.columns;
  if (row === undefined || row === null || row.is_deleted === true) return [];
  const { reservationId, zone, lastClosedDate } = history;
  const applied = newestCommands(history).filter(isApplied);
  const named = (name: string): LifecycleColumns[] =>
    applied.filter((command) => command.command_name === `reservation.${name}`);
  const line = (id: string, kind: string, date: string, amount: number): string =>
    `${id} ${kind} ${date} ${amount}`;

  const lines = naiveNights(row, zone)
    .filter((night) => night <= lastClosedDate)
    .map((night) => line(nameId(reservationId, night), 'EOD', night, cents(row.room_rate)));
  for (const command of named('check_out')) {
    if (typeof row.actual_check_out !== 'number') continue;
    lines.push(line(command.event_id, 'CHECKOUT', dateAt(zone, row.actual_check_out), 0));
  }
  const isCancelled = row.status === 'CANCELLED' || row.status === 'EXPIRED';
  const cancels = named('cancel').map((command) => command.event_id);
  if (cancels.length === 0 && isCancelled) cancels.push(nameId(reservationId, 'CANCEL'));
  for (const id of cancels) {
    const date = dateAt(zone, row.cancellation_date as number);
    lines.push(line(id, 'CANCEL', date, cents(row.cancellation_fee)));
  }
  const noShows = named('no_show').map((command) => command.event_id);
  if (noShows.length === 0 && row.status === 'NO_SHOW') {
    noShows.push(nameId(reservationId, 'NO_SHOW'));
  }
  for (const id of noShows) {
    lines.push(line(id, 'NO_SHOW', row.check_in_date as string, cents(row.no_show_fee)));
  }
  return lines.sort();
}

/** The property-local date of the actual check-in, of a reservation that is not deleted. */
export function naiveArrival(history: NaiveHistory): string | undefined {
  const row = newest(history.reservation)?.columns;
  if (row === undefined || row === null || row.is_deleted === true) return undefined;
  return typeof row.actual_check_in === 'number'
    ? dateAt(history.zone, row.actual_check_in)
    : undefined;
}

function naiveNights(row: ReservationColumns, zone: string): string[] {
  const { actual_check_in: from, actual_check_out: to } = row;
  if (typeof from !== 'number') return [];
  const end = typeof to === 'number' ? to : Number.POSITIVE_INFINITY;
  return march.filter((night) => {
    const instant = nightMicros(zone, night);
    return instant >= from && instant < end;
  });
}

/** Every date around the clock change that the histories play in. */
const march = Array.from({ length: 40 }, (_, i) =>
  new Date(Date.parse('2026-03-15') + i * 86_400_000).toISOString().slice(0, 10),
);

const knownNights = new Map<string, number>();

function nightMicros(zone: string, night: string): number {
  const key = `${zone} ${night}`;
  const known = knownNights.get(key);
  if (known !== undefined) return known;
  const nextDate = new Date(Date.parse(night) + 86_400_000).toISOString().slice(0, 10);
  let instantMs = Date.parse(nextDate) - 15 * 3_600_000;
  while (clockAt(zone, instantMs) < `${nextDate} 03:00`) instantMs += 60_000;
  knownNights.set(key, instantMs * 1000);
  return instantMs * 1000;
}

function dateAt(zone: string, micros: number): string {
  return clockAt(zone, Math.floor(micros / 1000)).slice(0, 10);
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function clockAt(zone: string, instantMs: number): string {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      dateStyle: 'short',
      timeStyle: 'short',
    });
    clocks.set(zone, clock);
  }
  return clock.format(instantMs);
}

function newest<Version extends Captured<unknown>>(
  versions: readonly Version[],
): Version | undefined {
  const rank = (version: Version): number =>
    (version.isStreamed ? 1_000_000_000 + version.commitLsn * 10_000 : 0) + version.lsn;
  return [...versions].sort((left, right) => rank(left) - rank(right)).at(-1);
}

function newestCommands(history: NaiveHistory): LifecycleColumns[] {
  const ids = [...new Set(history.commands.map((command) => command.eventId))];
  return ids.flatMap((id) => {
    const last = newest(history.commands.filter((command) => command.eventId === id));
    return last?.columns === undefined || last.columns === null ? [] : [last.columns];
  });
}

function isApplied(command: LifecycleColumns): boolean {
  const entries = JSON.parse(command.state_transitions as string) as { state: string }[];
  return command.current_state === 'APPLIED' || entries.some((entry) => entry.state === 'APPLIED');
}

function cents(amount: string | null | undefined): number {
  return Number((amount ?? '0').replace('.', ''));
}

function nameId(namespace: string, name: string): string {
  const space = Buffer.from(namespace.replaceAll('-', ''), 'hex');
  const digits = createHash('sha1').update(space).update(name).digest('hex').slice(0, 32).split('');
  digits[12] = '5';
  digits[16] = '89ab'[Number.parseInt(digits[16]!, 16) & 3]!;
  const hex = digits.join('');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}
