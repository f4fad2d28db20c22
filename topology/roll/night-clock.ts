/**
 * Which business dates of one partition's properties are due to be closed: date D of a property at
 * 03:00 property-local of D+1. In memory only and rebuilt by every owner. It decides nothing: what is
 * due is written down as a record, and the date closes when that record is read.
 */
import { addDays, utcDayOf } from '../calendar/calendar-date.ts';
import { isTimeZone, localDate, nightInstantMs } from '../calendar/property-time.ts';
import { datesPerAdvanceMax } from './business-dates.ts';
import type { PropertyCalendar } from './derive.ts';

export interface DueDate {
  /** Of the property. */
  readonly key: string;
  /** To be closed, and with it every date before that is still open. */
  readonly date: string;
}

interface Watched extends PropertyCalendar {
  /** The last date that was called due; its record may still be under way. */
  readonly calledDate: string | undefined;
  /** Undefined: not before something more is known of it, its zone for one. */
  readonly dueAtMs: number | undefined;
}

export class NightClock {
  readonly #properties = new Map<string, Watched>();
  // Hotels of one zone are due together, so there are few instants, however many properties.
  readonly #keysAt = new Map<number, Set<string>>();
  #earliestMs = Infinity;

  /** What is known of the property now. */
  set(key: string, { zone, lastClosedDate }: PropertyCalendar, nowMs: number): void {
    const known = this.#properties.get(key);
    const isSame =
      known !== undefined && known.zone === zone && known.lastClosedDate === lastClosedDate;
    if (isSame) return;
    this.#watch(key, { zone, lastClosedDate, calledDate: known?.calledDate }, nowMs);
  }

  /** What is due, each date called once; at most `limit` of them, the others the next time. */
  takeDue(nowMs: number, limit: number): readonly DueDate[] {
    const due: DueDate[] = [];
    while (this.#earliestMs <= nowMs && due.length < limit) {
      const keys = this.#keysAt.get(this.#earliestMs) ?? [];
      for (const key of [...keys].slice(0, limit - due.length)) {
        const watched = this.#properties.get(key);
        if (watched?.zone === undefined) continue;
        const date = dateToClose(watched, lastNightBefore(watched.zone, nowMs));
        due.push({ key, date });
        this.#watch(key, { ...watched, calledDate: date }, nowMs);
      }
    }
    return due;
  }

  #watch(key: string, property: Omit<Watched, 'dueAtMs'>, nowMs: number): void {
    const before = this.#properties.get(key)?.dueAtMs;
    const instantMs = dueAtMsOf(property);
    // What is late already is late together, whenever it was due.
    const dueAtMs = instantMs !== undefined && instantMs <= nowMs ? -Infinity : instantMs;
    this.#properties.set(key, { ...property, dueAtMs });
    if (before === dueAtMs) return;
    if (before !== undefined) this.#forget(before, key);
    if (dueAtMs === undefined) return;
    const keys = this.#keysAt.get(dueAtMs);
    if (keys === undefined) this.#keysAt.set(dueAtMs, new Set([key]));
    else keys.add(key);
    this.#earliestMs = Math.min(this.#earliestMs, dueAtMs);
  }

  #forget(atMs: number, key: string): void {
    const keys = this.#keysAt.get(atMs);
    keys?.delete(key);
    if (keys === undefined || keys.size > 0) return;
    this.#keysAt.delete(atMs);
    this.#earliestMs = Math.min(Infinity, ...this.#keysAt.keys());
  }
}

/** The last date whose 03:00 has come. */
export function lastNightBefore(zone: string, nowMs: number): string {
  let date = localDate(zone, nowMs);
  while (nightInstantMs(zone, date) > nowMs) date = addDays(date, -1);
  return date;
}

/** A property that never closed a date is due at once: its first one stands for all before. */
function dueAtMsOf(property: Omit<Watched, 'dueAtMs'>): number | undefined {
  const { zone, lastClosedDate, calledDate } = property;
  if (zone === undefined || !isTimeZone(zone)) return undefined;
  // As many as can be under way at once: the next ones are due when these have closed.
  if (lastClosedDate !== undefined && calledDate !== undefined) {
    if (utcDayOf(calledDate) - utcDayOf(lastClosedDate) >= datesPerAdvanceMax) return undefined;
  }
  const last = closedOrCalled(property);
  return last === undefined ? -Infinity : nightInstantMs(zone, addDays(last, 1));
}

/** Not more at once than is believed; the rest is due as soon as these are closed. */
function dateToClose({ lastClosedDate }: PropertyCalendar, lastNight: string): string {
  if (lastClosedDate === undefined) return lastNight;
  const days = utcDayOf(lastNight) - utcDayOf(lastClosedDate);
  return days > datesPerAdvanceMax ? addDays(lastClosedDate, datesPerAdvanceMax) : lastNight;
}

function closedOrCalled({
  lastClosedDate,
  calledDate,
}: Omit<Watched, 'dueAtMs'>): string | undefined {
  if (lastClosedDate === undefined) return calledDate;
  return calledDate !== undefined && calledDate > lastClosedDate ? calledDate : lastClosedDate;
}
