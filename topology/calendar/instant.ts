/**
 * Instants in microseconds since 1970, the precision of the captured columns: cutting them to
 * milliseconds once made rows look older than themselves. A time without a zone is UTC.
 */
import { isCalendarDate, utcDayOf } from './calendar-date.ts';

const dayMicros = 86_400_000_000;
const minuteMicros = 60_000_000;
const secondMicros = 1_000_000;
/** Manila's local time was once 15:56 from UTC. */
const offsetHoursMax = 15;

const earliestMicros = utcDayOf('1900-01-01') * dayMicros;
const latestMicros = utcDayOf('2199-12-31') * dayMicros;

const pattern =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s?(Z|[+-]\d\d(?::?\d\d)?)?$/;

/** ISO-8601 text, or Postgres' own form of it, to microseconds; undefined when it is no instant. */
export function parseInstantMicros(text: string): number | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, date = '', hour = '', minute = '', second = '0', fraction = '', zone = 'Z'] = match;
  if (!isCalendarDate(date) || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) {
    return undefined;
  }
  const offset = offsetMinutes(zone);
  if (offset === undefined) return undefined;
  const minutes = Number(hour) * 60 + Number(minute) - offset;
  const micros = Number(fraction.padEnd(6, '0').slice(0, 6));
  return (
    utcDayOf(date) * dayMicros + minutes * minuteMicros + Number(second) * secondMicros + micros
  );
}

/** A column's value, microseconds or text, to microseconds; undefined when it is no instant. */
export function readInstantMicros(value: number | bigint | string): number | undefined {
  const micros = typeof value === 'string' ? parseInstantMicros(value) : Number(value);
  if (micros === undefined || !Number.isSafeInteger(micros)) return undefined;
  return micros >= earliestMicros && micros < latestMicros ? micros : undefined;
}

/** ISO-8601 in UTC with six decimals: the one text form of an instant. */
export function formatInstantMicros(micros: number): string {
  const seconds = new Date(Math.floor(micros / secondMicros) * 1000).toISOString().slice(0, 19);
  const fraction = ((micros % secondMicros) + secondMicros) % secondMicros;
  return `${seconds}.${String(fraction).padStart(6, '0')}Z`;
}

/** The millisecond an instant lies in. */
export function floorMs(micros: number): number {
  return Math.floor(micros / 1000);
}

/** The first whole millisecond that is not before an instant. */
export function ceilMs(micros: number): number {
  return Math.ceil(micros / 1000);
}

/** Undefined for an offset that no zone ever had. */
function offsetMinutes(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(3).replace(':', ''))];
  if (hours > offsetHoursMax || minutes > 59) return undefined;
  const offset = hours * 60 + minutes;
  return zone.startsWith('-') ? -offset : offset;
}
