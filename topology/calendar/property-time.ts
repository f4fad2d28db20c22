/**
 * Property-local time: dates and wall-clock times of a property ↔ instants, on the zone data of
 * `Intl`. A wall-clock time means the first instant at which the property's clocks show it or have
 * passed it: the first instant after a gap, the first of two when clocks go back.
 * The night of date D is slept by whoever is there at 03:00 of D+1; holds, entries and ticks all use
 * that one instant. Results are kept in bounded caches, since the same nights are asked for again
 * and again.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { addDays, dateOfUtcDay, utcDayOf } from './calendar-date.ts';

const dayMs = 86_400_000;
const minuteMs = 60_000;
/** No zone was ever further from UTC than this (Manila: 15:56). */
const offsetMsMax = 16 * 3_600_000;
/** 03:00: late enough for every guest to have arrived, early enough for none to have left. */
const nightMinutes = 3 * 60;
/** IANA knows about 600 names; the rest would be names that do not exist. */
const zonesMax = 1024;
/** Three years of dates for each zone in use. */
const datesPerZoneMax = 1100;

/** Ten years. A longer stay is a row that nobody checked out. */
export const nightsPerStayMax = 3660;

/** A UTC day's offsets from UTC: `beforeMs` until `changeAtMs`, then `afterMs`. */
interface DayOffsets {
  readonly beforeMs: number;
  readonly changeAtMs: number;
  readonly afterMs: number;
}

interface Zone {
  readonly formatter: Intl.DateTimeFormat;
  readonly offsetsByUtcDay: Map<number, DayOffsets>;
  readonly nightsByDate: Map<string, number>;
}

const zones = new Map<string, Zone | undefined>();

/** True when the name is a time zone of this runtime's zone data, e.g. `Europe/Helsinki`. */
export function isTimeZone(name: string): boolean {
  return zoneOf(name) !== undefined;
}

/**
 * The instant that decides whether the night of `date` is slept: 03:00 property-local of the next date.
 * @returns milliseconds since 1970
 * @throws INPUT_INVALID for a name that is not a time zone, as every function of this file
 */
export function nightInstantMs(zoneName: string, date: string): number {
  const zone = knownZone(zoneName);
  const cached = zone.nightsByDate.get(date);
  if (cached !== undefined) return cached;
  const instantMs = instantOf(zone, utcDayOf(date) + 1, nightMinutes);
  remember(zone.nightsByDate, date, { value: instantMs, sizeMax: datesPerZoneMax });
  return instantMs;
}

/** The date that the property's calendar shows at an instant. */
export function localDate(zoneName: string, instantMs: number): string {
  const offsetMs = offsetAt(knownZone(zoneName), instantMs);
  return dateOfUtcDay(Math.floor((instantMs + offsetMs) / dayMs));
}

/** The instant of a wall-clock time (`HH:MM`) on a date, in milliseconds since 1970. */
export function atLocalTime(zoneName: string, date: string, time: string): number {
  const minutes = Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
  return instantOf(knownZone(zoneName), utcDayOf(date), minutes);
}

/** The first night whose instant is not before `fromMs`. */
export function firstNightFrom(zoneName: string, fromMs: number): string {
  // Two days back is before every clock change's reach; the night looked for is one or two further.
  let night = addDays(localDate(zoneName, fromMs), -2);
  while (nightInstantMs(zoneName, night) < fromMs) night = addDays(night, 1);
  return night;
}

/**
 * Every night whose instant lies in `[fromMs, toMs)`, in order, at most `nightsPerStayMax` of them.
 */
export function nightsSlept(zoneName: string, fromMs: number, toMs: number): string[] {
  const nights: string[] = [];
  if (fromMs >= toMs) return nights;
  let night = firstNightFrom(zoneName, fromMs);
  while (nightInstantMs(zoneName, night) < toMs && nights.length < nightsPerStayMax) {
    nights.push(night);
    night = addDays(night, 1);
  }
  return nights;
}

function instantOf(zone: Zone, utcDay: number, minutes: number): number {
  const wallMs = utcDay * dayMs + minutes * minuteMs;
  const earliestMs = wallMs - offsetMsMax;
  const latestMs = wallMs + offsetMsMax;
  const beforeMs = offsetAt(zone, earliestMs);
  const afterMs = offsetAt(zone, latestMs);
  if (beforeMs === afterMs) return wallMs - beforeMs;
  const changeAtMs = changeBetween(zone, earliestMs, latestMs);
  const first = wallMs - beforeMs;
  return first < changeAtMs ? first : Math.max(changeAtMs, wallMs - afterMs);
}

function offsetAt(zone: Zone, instantMs: number): number {
  const utcDay = Math.floor(instantMs / dayMs);
  let offsets = zone.offsetsByUtcDay.get(utcDay);
  if (offsets === undefined) {
    offsets = offsetsOfDay(zone, utcDay);
    remember(zone.offsetsByUtcDay, utcDay, { value: offsets, sizeMax: datesPerZoneMax });
  }
  return instantMs < offsets.changeAtMs ? offsets.beforeMs : offsets.afterMs;
}

function offsetsOfDay(zone: Zone, utcDay: number): DayOffsets {
  const startMs = utcDay * dayMs;
  const endMs = startMs + dayMs;
  const beforeMs = readOffset(zone, startMs);
  const afterMs = readOffset(zone, endMs);
  const changeAtMs = beforeMs === afterMs ? endMs : changeBetween(zone, startMs, endMs);
  return { beforeMs, changeAtMs, afterMs };
}

/** The first instant with the later offset; the two ends have different ones. */
function changeBetween(zone: Zone, startMs: number, endMs: number): number {
  const beforeMs = readOffset(zone, startMs);
  let low = startMs;
  let high = endMs;
  while (high - low > 1000) {
    const middle = low + Math.floor((high - low) / 2000) * 1000;
    if (readOffset(zone, middle) === beforeMs) low = middle;
    else high = middle;
  }
  return high;
}

/** How far the zone's clocks are ahead of UTC. Zones change on whole seconds. */
function readOffset(zone: Zone, instantMs: number): number {
  const secondMs = Math.floor(instantMs / 1000) * 1000;
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, second = 0] = zone.formatter
    .format(secondMs)
    .split(/\D+/)
    .map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) - secondMs;
}

function knownZone(name: string): Zone {
  const zone = zoneOf(name);
  if (zone === undefined) {
    const message = `"${name}" is not a time zone; give the property an IANA name such as Europe/Helsinki`;
    throw new RollguardError('INPUT_INVALID', message, { context: { zone: name } });
  }
  return zone;
}

function zoneOf(name: string): Zone | undefined {
  const known = zones.get(name);
  if (known !== undefined || zones.has(name)) return known;
  const zone = openZone(name);
  remember(zones, name, { value: zone, sizeMax: zonesMax });
  return zone;
}

function openZone(name: string): Zone | undefined {
  try {
    const formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    return { formatter, offsetsByUtcDay: new Map(), nightsByDate: new Map() };
  } catch {
    return undefined;
  }
}

/** A full cache is emptied: everything in it can be computed again. */
function remember<Key, Value>(
  cache: Map<Key, Value>,
  key: Key,
  entry: { readonly value: Value; readonly sizeMax: number },
): void {
  if (cache.size >= entry.sizeMax) cache.clear();
  cache.set(key, entry.value);
}
