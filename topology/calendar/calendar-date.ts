/**
 * Calendar dates without a zone: `YYYY-MM-DD` text, in which byte order is date order. Only dates of
 * 1900 to 2199 exist here, so a damaged row cannot ask for thousands of years of nights. Both ways of
 * conversion are remembered, which those years bound to 110,000 dates.
 */

const dayMs = 86_400_000;
const datePattern = /^(?:19|20|21)\d\d-\d\d-\d\d$/;
const dateByDay = new Map<number, string>();
const dayByDate = new Map<string, number>();

/** True for a date of the supported years that the calendar has. */
export function isCalendarDate(text: string): boolean {
  if (dayByDate.has(text)) return true;
  if (!datePattern.test(text)) return false;
  const atMs = Date.parse(text);
  return !Number.isNaN(atMs) && dateOfUtcDay(atMs / dayMs) === text;
}

/** Days since 1970-01-01. */
export function utcDayOf(date: string): number {
  const known = dayByDate.get(date);
  if (known !== undefined) return known;
  const day = Date.parse(date) / dayMs;
  dateOfUtcDay(day);
  return day;
}

/** The date that is `day` days after 1970-01-01. */
export function dateOfUtcDay(day: number): string {
  const known = dateByDay.get(day);
  if (known !== undefined) return known;
  const date = new Date(day * dayMs).toISOString().slice(0, 10);
  if (datePattern.test(date)) {
    dateByDay.set(day, date);
    dayByDate.set(date, day);
  }
  return date;
}

/** The date `days` after (negative: before) a date. */
export function addDays(date: string, days: number): string {
  return dateOfUtcDay(utcDayOf(date) + days);
}
