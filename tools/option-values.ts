/** Values that options of several commands take. */
import { InvalidArgumentError } from 'commander';
import { isUuid } from '../kernel/uuid.ts';
import { isCalendarDate } from '../topology/calendar/calendar-date.ts';

/** In lower case. */
export function uuid(text: string): string {
  if (isUuid(text)) return text.toLowerCase();
  throw new InvalidArgumentError('It must be a UUID.');
}

export function calendarDate(text: string): string {
  if (isCalendarDate(text)) return text;
  throw new InvalidArgumentError('It must be a date like 2026-05-10.');
}

/** 0 is allowed: not at all. */
export function secondsOrNone(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of seconds.');
}
