/** What goes through the whole line in a bench: a generated chain of hotels, or a file of bookings. */
import { Option } from 'commander';
import { bookingsWorkload, chainWorkload, type Workload } from '../tools/start/workload.ts';

export const bookingsOption = new Option(
  '--bookings <csv>',
  'this file of bookings instead of a chain',
);

export function benchWorkload(
  seed: number,
  chosen: {
    readonly days: number;
    readonly bookings?: string | undefined;
    readonly quick?: true | undefined;
  },
): Workload {
  const { days, bookings, quick } = chosen;
  if (bookings !== undefined) return bookingsWorkload(bookings);
  return chainWorkload({ seed, days: quick === true ? 1 : days });
}
