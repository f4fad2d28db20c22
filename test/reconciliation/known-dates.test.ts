/** What is asked of business dates; what comes of it on a real Postgres: integration/known-dates.test.ts. */
import { expect, test } from '@jest/globals';
import type { Database } from '../../database/connection.ts';
import { knownProperty } from '../../reconciliation/captured-facts.ts';
import { KnownDates } from '../../reconciliation/known-dates.ts';

const [tenant, one, two] = ['t', 'p1', 'p2'];

/** Has a row for each of three dates of each property, and remembers what it was asked. */
class Platform {
  readonly asked: unknown[] = [];

  get database(): Database {
    const query: Database['query'] = (text, values = []) => {
      if (text.includes('to_regclass')) {
        return Promise.resolve({ rows: [{ found: 'business_dates' }], rowCount: 1 });
      }
      this.asked.push(values);
      const [, ids, after] = values as [string, readonly string[], readonly (string | null)[]];
      const rows = ids.flatMap((id, at) =>
        rowsOf(id).filter((row) => row.business_date > (after[at] ?? '')),
      );
      return Promise.resolve({ rows, rowCount: rows.length });
    };
    return { query } as unknown as Database;
  }
}

function rowsOf(propertyId: string) {
  return ['2026-05-01', '2026-05-02', '2026-05-03'].map((date) => ({
    ...{ tenant_id: tenant, property_id: propertyId, business_date: date },
    ...{ date_status: 'CLOSED' as const, is_deleted: false },
  }));
}

test('of a property that was read before only what is after its last closed date is asked', async () => {
  const platform = new Platform();
  const dates = new KnownDates();
  const first = await dates.read(platform.database, tenant, [one]);
  dates.remember(tenant, one, { lastClosedDate: '2026-05-03' });
  const second = await dates.read(platform.database, tenant, [one, two]);

  expect(platform.asked).toEqual([
    [tenant, [one], [null]],
    [tenant, [one, two], ['2026-05-03', null]],
  ]);
  expect(first.rowsOf.get(one)).toHaveLength(3);
  expect(first.before.size).toBe(0);
  expect(second.rowsOf.get(one)).toBeUndefined();
  expect(second.rowsOf.get(two)).toHaveLength(3);
  expect(second.before.get(one)).toEqual({ lastClosedDate: '2026-05-03' });
});

test('of another tenant nothing is known', async () => {
  const platform = new Platform();
  const dates = new KnownDates();
  dates.remember('another', one, { lastClosedDate: '2026-05-03' });
  const { before } = await dates.read(platform.database, tenant, [one]);

  expect(before.size).toBe(0);
});

test('so many properties are remembered, then all are read anew', async () => {
  const platform = new Platform();
  const dates = new KnownDates();
  for (let n = 0; n <= 10_000; n += 1) {
    dates.remember(tenant, `p${n}`, { lastClosedDate: '2026-05-03' });
  }
  const { before } = await dates.read(platform.database, tenant, ['p0', 'p10000']);

  expect([...before.keys()]).toEqual(['p10000']);
});

test('a property without new dates has those that it had', () => {
  const datesBefore = { lastClosedDate: '2026-05-03' };
  const property = knownProperty({ property: undefined, dates: [], datesBefore });

  expect(property).toMatchObject({ lastClosedDate: '2026-05-03', hasDates: true });
});
