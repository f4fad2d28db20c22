/**
 * Fields of events as Postgres takes them. What a column would refuse is refused here: one record that
 * is wrong then goes to the dead letters, and its batch goes on.
 */
import { RollguardError } from '../kernel/errors.ts';
import { isUuid } from '../kernel/uuid.ts';
import { isCalendarDate } from '../topology/calendar/calendar-date.ts';
import { formatInstantMicros } from '../topology/calendar/instant.ts';

/** Instants that both JavaScript's ISO text and Postgres can say. */
const latestMicros = Date.UTC(9999, 11, 31) * 1_000;
const nul = '\u0000';

export function uuidField(name: string, value: unknown): string {
  if (typeof value === 'string' && isUuid(value)) return value.toLowerCase();
  throw refused(name, value, 'is not a UUID');
}

export function dateField(name: string, value: unknown): string {
  if (typeof value === 'string' && isCalendarDate(value)) return value;
  throw refused(name, value, 'is not a date (YYYY-MM-DD)');
}

export function textField(name: string, value: unknown, lengthMax = Infinity): string {
  if (typeof value === 'string' && value.length <= lengthMax && !value.includes(nul)) return value;
  throw refused(name, value, `is not a text of at most ${lengthMax} characters`);
}

/** A bigint's column. */
export function wholeField(name: string, value: unknown): string {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value);
  throw refused(name, value, 'is not a whole number');
}

/** Microseconds since 1970 as an instant's text, none of them lost. */
export function microsField(name: string, value: unknown): string {
  const micros = Number(value);
  if (!Number.isSafeInteger(micros) || Math.abs(micros) > latestMicros) {
    throw refused(name, value, 'is not an instant (microseconds since 1970)');
  }
  return formatInstantMicros(micros);
}

/** Milliseconds since 1970 as an instant's text. */
export function millisField(name: string, value: unknown): string {
  const millis = Number(value);
  if (Number.isSafeInteger(millis)) return microsField(name, millis * 1_000);
  throw refused(name, value, 'is not an instant (milliseconds since 1970)');
}

/** The field, or null where it is null or not there. */
export function nullable<Output>(
  read: (name: string, value: unknown) => Output,
): (name: string, value: unknown) => Output | null {
  return (name, value) => (value === null || value === undefined ? null : read(name, value));
}

function refused(name: string, value: unknown, complaint: string): RollguardError {
  const shown = String(value).slice(0, 100);
  return new RollguardError('DECODE_FAILED', `field ${name}: '${shown}' ${complaint}`);
}
