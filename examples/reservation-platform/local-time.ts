/**
 * Property-local time: dates and wall-clock times of a time zone ↔ instants, on the time zone data of
 * `Intl`. A wall-clock time that a zone skips means the first instant after the gap; one that it
 * passes twice means the first of the two.
 */

const dayMs = 86_400_000;
const minuteMs = 60_000;

/** Clocks change on quarter hours of UTC, so one reading holds for the quarter it is in. */
const quarterHourMs = 15 * minuteMs;
/** Offsets remembered per zone: about a year and a half of quarter hours. */
const rememberedOffsetsMax = 50_000;

interface ZoneClock {
  readonly formatter: Intl.DateTimeFormat;
  /** Quarter hour since 1970 → offset in ms. Reading `Intl` costs far more than the look-up. */
  readonly offsets: Map<number, number>;
}
const clocks = new Map<string, ZoneClock>();

/** The date `days` after (or, negative, before) a YYYY-MM-DD date. */
export function addDays(date: string, days: number): string {
  return new Date(Date.parse(date) + days * dayMs).toISOString().slice(0, 10);
}

/** Whole days from one date to another. */
export function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / dayMs);
}

/** The calendar date in the zone at an instant. */
export function localDateOf(atMs: number, zone: string): string {
  return new Date(atMs + offsetMs(atMs, zone)).toISOString().slice(0, 10);
}

/** The instant of a wall-clock time, given in minutes after local midnight of `date`. */
export function instantOf(date: string, minuteOfDay: number, zone: string): number {
  const wallMs = Date.parse(date) + minuteOfDay * minuteMs;
  const offsetBefore = offsetMs(wallMs - dayMs, zone);
  const offsetAfter = offsetMs(wallMs + dayMs, zone);
  const candidates = [wallMs - offsetBefore, wallMs - offsetAfter]
    .filter((atMs) => atMs + offsetMs(atMs, zone) === wallMs)
    .sort((left, right) => left - right);
  return candidates[0] ?? gapEnd(wallMs - offsetAfter, wallMs - offsetBefore, zone);
}

/** The instant that decides whether a guest slept the night of `date`: 03:00 on the next local date. */
export function nightInstantOf(date: string, zone: string): number {
  return instantOf(addDays(date, 1), 3 * 60, zone);
}

/** The clock change between two instants, to the millisecond: the first instant with the later offset. */
function gapEnd(beforeMs: number, afterMs: number, zone: string): number {
  let low = beforeMs;
  let high = afterMs;
  const offsetBefore = offsetMs(low, zone);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetMs(middle, zone) === offsetBefore) low = middle;
    else high = middle;
  }
  return high;
}

/** How far the zone's wall clock is ahead of UTC at an instant. */
function offsetMs(atMs: number, zone: string): number {
  const { formatter, offsets } = clockOf(zone);
  const quarter = Math.floor(atMs / quarterHourMs);
  let offset = offsets.get(quarter);
  if (offset === undefined) {
    if (offsets.size === rememberedOffsetsMax) offsets.clear();
    offset = readOffset(formatter, quarter * quarterHourMs);
    offsets.set(quarter, offset);
  }
  return offset;
}

function readOffset(formatter: Intl.DateTimeFormat, atMs: number): number {
  const parts = formatter.format(atMs).split(/\D+/).map(Number);
  const [month = 1, day = 1, year = 1970, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - atMs;
}

function clockOf(zone: string): ZoneClock {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    const formatter = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    clock = { formatter, offsets: new Map() };
    clocks.set(zone, clock);
  }
  return clock;
}
