/**
 * What `npm start` feeds: a generated hotel chain or a file of real bookings. Each knows by itself, from
 * its own input and without Rollguard, what the ledgers must say when everything has arrived.
 */
import { feedChain } from '../../examples/reservation-platform/feed.ts';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import {
  expectedResults,
  type ExpectedDay,
  type ExpectedTotals,
} from '../../examples/reservation-platform/expected.ts';
import { generateChain, type ChainOptions } from '../../examples/reservation-platform/generator.ts';
import { addDays } from '../../examples/reservation-platform/local-time.ts';
import type { Clock } from '../../kernel/clock.ts';
import { parseBookings, readBookingsFile } from '../load/bookings-csv.ts';
import { planBookings, tenantId } from '../load/bookings-plan.ts';
import { expectedFigures } from '../load/expected-figures.ts';
import { loadBookings } from '../load/load-bookings.ts';

/** What must be found for one property in the end. */
export interface Expectation {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly name: string;
  readonly totals: ExpectedTotals;
  /** Each business date, where the input tells it; undefined: only the totals are known. */
  readonly days?: ReadonlyMap<string, ExpectedDay>;
}

export interface Workload {
  readonly description: string;
  /** Bookings it brings. */
  readonly rows: number;
  /** The dates to ask for, both included. */
  readonly from: string;
  readonly to: string;
  readonly expectations: readonly Expectation[];
  /** True: a feed that was cut off goes on where it was when it is begun again. */
  readonly isResumable: boolean;
  /** Writes everything; resolves with the row changes of captured tables. */
  feed(run: FeedRun): Promise<number>;
}

export interface FeedRun {
  readonly databaseUrl: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/** Facts are dated up to this far before the first and after the last business date of the input. */
const marginDays = 31;

export function bookingsWorkload(csvPath: string, limit?: number): Workload {
  const content = readBookingsFile(csvPath);
  const bookings = parseBookings({ name: csvPath, content, limit });
  const plan = planBookings(bookings);
  const figures = expectedFigures(csvPath, limit);
  const hotels = Object.keys(figures.hotels).sort();
  return {
    description: `${bookings.length} bookings of ${csvPath}`,
    rows: bookings.length,
    isResumable: true,
    ...range(plan.dates[0] ?? '', plan.dates.at(-1) ?? ''),
    expectations: plan.setup.properties.map(({ id, property_name: name }, index) => {
      const hotel = figures.hotels[hotels[index] ?? ''];
      const totals = {
        checkout: hotel?.checkOut ?? 0,
        cancel: hotel?.canceled ?? 0,
        no_show: hotel?.noShow ?? 0,
        nights: hotel?.nights ?? 0,
        revenue_cents: hotel?.revenueCents ?? 0,
      };
      return { tenantId, propertyId: id, name, totals };
    }),
    feed: async ({ databaseUrl, clock, signal, progress }) => {
      const { rowChanges } = await loadBookings({
        ...{ csvPath, databaseUrl, limit, clock, signal },
        progress: ({ date, datesDone, datesTotal }) =>
          progress(`${date}, ${Math.floor((100 * datesDone) / datesTotal)} % of the dates`),
      });
      return rowChanges;
    },
  };
}

export function chainWorkload(options: ChainOptions): Workload {
  const chain = generateChain(options);
  const actions = [...chain.actions];
  const names = new Map(chain.setup.properties.map(({ id, property_name: name }) => [id, name]));
  const first = chain.setup.firstBusinessDate;
  const bookings = new Set(
    actions.flatMap((action) => (action.kind === 'command' ? [action.reservation.id] : [])),
  );
  return {
    description: `a generated chain: ${chain.setup.properties.length} hotels, ${options.days} days, ${bookings.size} bookings (seed ${options.seed})`,
    rows: bookings.size,
    isResumable: false,
    ...range(first, addDays(first, options.days)),
    expectations: expectedResults(chain.setup, actions).map((property) => ({
      ...property,
      name: names.get(property.propertyId) ?? '',
    })),
    feed: async ({ databaseUrl, clock, signal, progress }) => {
      const database = await connectPlatformDatabase(databaseUrl);
      try {
        const { rowChanges } = await feedChain({
          ...{ database, chain: { setup: chain.setup, actions }, clock, signal },
          progress: ({ commands, chainTimeMs }) =>
            progress(`${new Date(chainTimeMs).toISOString().slice(0, 10)}, ${commands} commands`),
        });
        return rowChanges;
      } finally {
        await database.close();
      }
    },
  };
}

function range(first: string, last: string): { from: string; to: string } {
  return { from: addDays(first, -marginDays), to: addDays(last, marginDays) };
}
