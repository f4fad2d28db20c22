/** Times of a request as text: what they may look like, and what is wrong with a stay whatever its zone. */
import { z } from 'zod';

/** Three years; a longer one is a slip of the year. */
const stayDaysMax = 1_100;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** A property's date begins this long before the date in UTC at most, and ends this long after. */
const dateEarlyMs = 14 * hourMs;
const dateLateMs = 12 * hourMs;

const message = 'must be a date like 2026-05-10 or a time like 2026-05-10T15:00:00+03:00';

export const isoTime = z.union(
  [z.iso.date(), z.iso.datetime({ offset: true, local: true })],
  message,
);

/** Without a zone it is UTC; a date is its start. */
export function instantMsOf(time: string): number {
  return Date.parse(isDate(time) || hasZone(time) ? time : `${time}Z`);
}

interface Stay {
  readonly stayStart: string;
  readonly stayEnd: string;
}

/** What no time zone makes right; the rest is for whoever knows the property. */
export function stayProblem({ stayStart, stayEnd }: Stay): string | undefined {
  const startMs = instantMsOf(stayStart);
  const endMs = instantMsOf(stayEnd);
  // Between two dates, or two times, there is no doubt.
  const doubt = isDate(stayStart) === isDate(stayEnd) ? 0 : 1;
  const isStartDate = isDate(stayStart);
  const startMinMs = isStartDate ? startMs - doubt * dateEarlyMs : startMs;
  const endMaxMs = isStartDate ? endMs : endMs + doubt * (dayMs + dateLateMs);
  if (endMaxMs <= startMinMs) return 'must be after stayStart';
  if (endMs - startMs > stayDaysMax * dayMs) {
    return `must be at most ${stayDaysMax} days after stayStart`;
  }
  return undefined;
}

function isDate(time: string): boolean {
  return !time.includes('T');
}

function hasZone(time: string): boolean {
  return /(?:Z|[+-]\d{2}:?\d{2})$/.test(time);
}
