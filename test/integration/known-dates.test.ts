/** The business dates that a reconciliation reads of a real Postgres, page after page. */
import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type pg from 'pg';
import { openPlatform, type Platform } from '../../reconciliation/platform-rows.ts';
import {
  addHotel,
  addReservation,
  testPlatform,
  type Hotel,
  type TestPlatform,
} from './backfill-platform.ts';

let platform: TestPlatform;
let writer: pg.Client;
let reader: Platform;

beforeAll(async () => {
  platform = await testPlatform();
  writer = await platform.connect();
});

beforeEach(async () => {
  reader = await openPlatform(platform.readerUrl);
});

afterEach(async () => {
  await reader.close();
});

afterAll(async () => {
  await platform.close();
});

async function addDate(hotel: Hotel, date: string, status: string): Promise<void> {
  await writer.query(
    `INSERT INTO business_dates (id, tenant_id, property_id, business_date, date_status)
     VALUES ($1, $2, $3, $4, $5)`,
    [randomUUID(), hotel.tenantId, hotel.propertyId, date, status],
  );
}

async function lastClosed(
  by: Platform,
  { tenantId }: Hotel,
  ids: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const found = await by.snapshot(tenantId, (tables) => tables.reservations(ids));
  return found.map(({ property }) =>
    property?.hasDates === true ? property.lastClosedDate : 'no dates',
  );
}

test('are those of a reader that reads them for the first time', async () => {
  const hotel = await addHotel(writer);
  const reservation = await addReservation(writer, hotel);
  const steps: (() => Promise<unknown>)[] = [
    () => Promise.resolve(),
    () => addDate(hotel, '2026-05-04', 'OPEN'),
    () => addDate(hotel, '2026-05-02', 'CLOSED'),
    // One row that is moved on.
    () =>
      writer.query(
        `UPDATE business_dates SET business_date = '2026-05-07' WHERE business_date = '2026-05-04'`,
      ),
    () =>
      writer.query(
        `UPDATE business_dates SET date_status = 'IN_AUDIT' WHERE business_date = '2026-05-07'`,
      ),
    () =>
      writer.query(
        `UPDATE business_dates SET date_status = 'CLOSED' WHERE business_date = '2026-05-07'`,
      ),
    () => addDate(hotel, '2026-05-08', 'OPEN'),
  ];
  const found: unknown[] = [];
  const foundAnew: unknown[] = [];
  for (const step of steps) {
    await step();
    found.push(...(await lastClosed(reader, hotel, [reservation])));
    const another = await openPlatform(platform.readerUrl);
    foundAnew.push(...(await lastClosed(another, hotel, [reservation])));
    await another.close();
  }

  expect(found).toEqual([
    ...['no dates', '2026-05-03', '2026-05-03', '2026-05-06', '2026-05-06'],
    ...['2026-05-07', '2026-05-07'],
  ]);
  expect(foundAnew).toEqual(found);
});

test('of each property are its own, and what was closed stays closed', async () => {
  const hotel = await addHotel(writer);
  const other = { ...hotel, propertyId: randomUUID() };
  await writer.query(
    `INSERT INTO properties (id, tenant_id, property_name, property_code) VALUES ($1, $2, 'Q', $3)`,
    [other.propertyId, other.tenantId, other.propertyId],
  );
  const ids = [await addReservation(writer, hotel), await addReservation(writer, other)];
  await addDate(hotel, '2026-05-20', 'CLOSED');
  const first = await lastClosed(reader, hotel, ids.slice(0, 1));
  await addDate(other, '2026-05-10', 'CLOSED');
  const both = await lastClosed(reader, hotel, ids);
  await writer.query(`DELETE FROM business_dates WHERE property_id = $1`, [hotel.propertyId]);
  const afterwards = await lastClosed(reader, hotel, ids);

  expect(first).toEqual(['2026-05-20']);
  expect(both).toEqual(['2026-05-20', '2026-05-10']);
  expect(afterwards).toEqual(both);
});
