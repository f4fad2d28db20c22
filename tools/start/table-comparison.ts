/**
 * Our tables in Postgres beside what the input says: each property's days out of the ledger rows, and the
 * holds that are live. Differences in words.
 */
import { openDatabase, type Row } from '../../database/connection.ts';
import { sqlStateOf, undefinedTable } from '../../database/sql-state.ts';
import { differencesOf, type Answer } from './comparison.ts';
import type { Expectation, Workload } from './workload.ts';

const days = `
  SELECT property_id, business_date,
         count(*) FILTER (WHERE roll_type = 'EOD') AS nights,
         coalesce(sum(amount_minor) FILTER (WHERE roll_type = 'EOD'), 0) AS revenue,
         count(*) FILTER (WHERE roll_type = 'CHECKOUT') AS departures,
         count(*) FILTER (WHERE roll_type = 'CANCEL') AS cancellations,
         count(*) FILTER (WHERE roll_type = 'NO_SHOW') AS no_shows
  FROM reservation_ledger_shadow WHERE property_id = ANY($1::uuid[])
  GROUP BY property_id, business_date`;
const liveHolds = `
  SELECT count(*) AS live FROM inventory_locks_shadow
  WHERE property_id = ANY($1::uuid[]) AND status IN ('ACTIVE', 'CONFIRMED')`;

/** @param holds that are live by the API. */
export async function compareTables(
  url: string | undefined,
  workload: Workload,
  holds: number,
): Promise<readonly string[]> {
  if (url === undefined) return [];
  const options = { url, setting: 'ROLLGUARD_DATABASE_URL', applicationName: 'rollguard start' };
  const database = await openDatabase({ ...options, isReadOnly: true });
  try {
    const ids = [workload.expectations.map(({ propertyId }) => propertyId)];
    const { rows } = await database.query(days, ids);
    const held = Number((await database.query(liveHolds, ids)).rows[0]?.['live']);
    const ledgers = workload.expectations.flatMap((expectation) =>
      differencesOf(expectation, answerOf(expectation, rows)),
    );
    const wrongHolds = held === holds ? [] : [`${held} holds are live, not ${holds}`];
    return [...ledgers, ...wrongHolds].map((line) => `tables: ${line}`);
  } catch (error) {
    if (sqlStateOf(error) === undefinedTable) return ['tables: they are not made yet'];
    throw error;
  } finally {
    await database.close();
  }
}

function answerOf({ propertyId, days: expected }: Expectation, rows: readonly Row[]): Answer {
  const own = rows.filter((row) => row['property_id'] === propertyId);
  const found = own.map((row) => ({
    businessDate: String(row['business_date']),
    roomsSold: Number(row['nights']),
    // No entry tells of an arrival.
    arrivals: expected?.get(String(row['business_date']))?.arrivals ?? 0,
    departures: Number(row['departures']),
    cancellations: Number(row['cancellations']),
    noShows: Number(row['no_shows']),
    revenueMinor: { all: Number(row['revenue']) },
  }));
  const known = new Set(found.map(({ businessDate }) => businessDate));
  const arrivalsOnly = [...(expected ?? [])]
    .filter(([date, { arrivals }]) => arrivals > 0 && !known.has(date))
    .map(([businessDate, { arrivals }]) => ({ ...nothing, businessDate, arrivals }));
  const sum = (of: (day: (typeof found)[number]) => number): number =>
    found.reduce((total, day) => total + of(day), 0);
  return {
    totals: {
      roomsSold: sum((day) => day.roomsSold),
      arrivals: sum((day) => day.arrivals),
      departures: sum((day) => day.departures),
      cancellations: sum((day) => day.cancellations),
      noShows: sum((day) => day.noShows),
      revenueMinor: { all: sum((day) => day.revenueMinor.all) },
    },
    days: [...found, ...arrivalsOnly],
  };
}

const nothing = {
  ...{ roomsSold: 0, departures: 0, cancellations: 0, noShows: 0 },
  revenueMinor: { all: 0 },
};
