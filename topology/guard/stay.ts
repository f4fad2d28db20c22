/**
 * The stay a caller asks for, from its text to half-open instants and the nights it counts on.
 * A date means the property's check-in or check-out time in its zone; a time without a zone is UTC.
 * A stay counts on the nights it sleeps (03:00 property-local of the next date lies in it), and a day
 * use on its date. While the property is not known, its zone is taken for UTC.
 */
import { isCalendarDate } from '../calendar/calendar-date.ts';
import { floorMs, parseInstantMicros } from '../calendar/instant.ts';
import {
  atLocalTime,
  isTimeZone,
  localDate,
  nightsPerStayMax,
  nightsSlept,
} from '../calendar/property-time.ts';
import type { Refusal } from './answer.ts';
import type { PropertyRecord } from './catalogue.ts';
import { invalid } from './refusal.ts';

/** One end of a stay as it was asked for: what a repeat must say again. */
export type StayPoint = { readonly date: string } | { readonly atMs: number };

export interface AskedStay {
  readonly start: StayPoint;
  readonly end: StayPoint;
}

export interface Stay {
  readonly stayStartMs: number;
  readonly stayEndMs: number;
  /** Property-local dates it counts on, in order; at least one. */
  readonly nights: readonly string[];
}

const dayMs = 86_400_000;
const unknownProperty: PropertyRecord = {
  zone: 'UTC',
  checkInTime: '15:00',
  checkOutTime: '11:00',
};

/** Reads both ends; a refusal names the one that is neither a date nor a time. */
export function readStay(asked: {
  readonly stayStart: string;
  readonly stayEnd: string;
}): AskedStay | Refusal {
  const start = readPoint(asked.stayStart);
  if (start === undefined) return unreadable('stayStart', asked.stayStart);
  const end = readPoint(asked.stayEnd);
  if (end === undefined) return unreadable('stayEnd', asked.stayEnd);
  return { start, end };
}

/** The stay at a property (undefined: not known), or why there can be none. */
export function resolveStay(
  { start, end }: AskedStay,
  property: PropertyRecord | undefined,
): Stay | Refusal {
  const { zone, checkInTime, checkOutTime } = knownZone(property) ?? unknownProperty;
  const stayStartMs = instantOf(start, zone, checkInTime);
  const stayEndMs = instantOf(end, zone, checkOutTime);
  if (stayEndMs <= stayStartMs) {
    const times = `${new Date(stayStartMs).toISOString()} to ${new Date(stayEndMs).toISOString()}`;
    return invalid('stayEnd', `the stay ends before or when it begins: ${times}`);
  }
  if (stayEndMs - stayStartMs > nightsPerStayMax * dayMs) {
    return invalid('stayEnd', `a stay has at most ${nightsPerStayMax} nights`);
  }
  return { stayStartMs, stayEndMs, nights: nightsOf({ stayStartMs, stayEndMs }, zone) };
}

/** The dates a stay counts on in a zone. */
export function nightsOf(
  { stayStartMs, stayEndMs }: Omit<Stay, 'nights'>,
  zone: string,
): readonly string[] {
  const nights = nightsSlept(zone, stayStartMs, stayEndMs);
  return nights.length > 0 ? nights : [localDate(zone, stayStartMs)];
}

/** The property, if its zone is one that this runtime knows. */
export function knownZone(property: PropertyRecord | undefined): PropertyRecord | undefined {
  return property !== undefined && isTimeZone(property.zone) ? property : undefined;
}

function readPoint(text: string): StayPoint | undefined {
  if (isCalendarDate(text)) return { date: text };
  const micros = parseInstantMicros(text);
  return micros === undefined ? undefined : { atMs: floorMs(micros) };
}

function instantOf(point: StayPoint, zone: string, time: string): number {
  return 'date' in point ? atLocalTime(zone, point.date, time) : point.atMs;
}

function unreadable(field: string, text: string): Refusal {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  const wanted = 'a date (YYYY-MM-DD) or an ISO 8601 time of the years 1900 to 2199';
  return invalid(field, `${JSON.stringify(shown)} is not ${wanted}`);
}
