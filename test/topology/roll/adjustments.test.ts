/** What comes after its business date closed: told on the event, never in the entry. */
import { afterEach, describe, expect, test } from '@jest/globals';
import type { ReservationColumns } from '../../../topology/roll/reservation-row.ts';
import { RollingHotel } from '../../support/rolling-hotel.ts';
import { micros, reservationColumns } from './roll-fixtures.ts';

const nights = ['2026-05-10', '2026-05-11', '2026-05-12'];
const departed = (changes: Partial<ReservationColumns> = {}): ReservationColumns =>
  reservationColumns({
    status: 'CHECKED_OUT',
    actual_check_in: micros('2026-05-10T12:00:00Z'),
    actual_check_out: micros('2026-05-13T08:00:00Z'),
    ...changes,
  });
let hotel: RollingHotel;

afterEach(() => hotel.close());

/** Three nights at 75.50, all closed; what was told of them has been read. */
async function afterTheClose(): Promise<void> {
  hotel = new RollingHotel();
  await hotel.start();
  hotel.captureProperty('Europe/Helsinki');
  hotel.capture('reservations', departed());
  await hotel.settle();
  hotel.captureClosed(...nights);
  await hotel.settle();
  expect(hotel.events().map(({ adjustment }) => adjustment)).toEqual([false, false, false]);
}

async function change(changes: Partial<ReservationColumns>): Promise<void> {
  hotel.capture('reservations', departed(changes));
  await hotel.settle();
}

describe('after the close of its dates', () => {
  test('a rate changed after the close revises every night, each marked as an adjustment on its event', async () => {
    await afterTheClose();
    await change({ room_rate: '80.00' });

    const told = hotel.events();
    expect(told.map(({ kind, adjustment, rollDate }) => [kind, adjustment, rollDate])).toEqual(
      nights.map((night) => ['REVISED', true, night]),
    );
    expect(told.map(({ amountMinor }) => amountMinor)).toEqual([8_000, 8_000, 8_000]);
    const { entries = [] } = (await hotel.ledger()) ?? {};
    expect(JSON.stringify(entries)).not.toContain('adjustment');
    expect((await hotel.property()).days.map(({ revenueMinor }) => revenueMinor)).toEqual(
      nights.map(() => ({ EUR: 8_000 })),
    );
  });

  test('the entries are byte for byte those of a rate that was right from the start', async () => {
    await afterTheClose();
    await change({ room_rate: '80.00' });
    const adjusted = (await hotel.ledger())?.entries.map(({ entry }) => entry);
    await hotel.close();
    hotel = new RollingHotel();
    await hotel.start();
    hotel.captureProperty('Europe/Helsinki');
    hotel.capture('reservations', departed({ room_rate: '80.00' }));
    hotel.captureClosed(...nights);
    await hotel.settle();

    expect((await hotel.ledger())?.entries.map(({ entry }) => entry)).toEqual(adjusted);
  });

  test('a reservation edited in a field that no entry uses emits nothing', async () => {
    await afterTheClose();
    hotel.read('test-contributions-repartition');
    const edited = { ...departed(), guest_name: 'Maija', special_requests: 'late breakfast' };
    hotel.capture('reservations', edited, {
      ...edited,
      updated_at: micros('2026-05-20T09:00:00Z'),
    });
    await change({ cancellation_fee: '10.00', check_in_date: '2026-05-09' });

    expect(hotel.events()).toEqual([]);
    expect(hotel.read('test-contributions-repartition')).toEqual([]);
  });

  test('facts A → B → A are told three times: a revision seen before is no duplicate', async () => {
    await afterTheClose();
    const [first] = (await hotel.ledger())?.entries ?? [];
    await change({ room_rate: '80.00' });
    const b = hotel.events();
    await change({});
    const a = hotel.events();

    expect(b.map(({ kind }) => kind)).toEqual(['REVISED', 'REVISED', 'REVISED']);
    expect(a.map(({ kind, amountMinor }) => [kind, amountMinor])).toEqual(
      nights.map(() => ['REVISED', 7_550]),
    );
    expect(a[0]?.revision).toBe(first?.entry.revision);
    expect(b[0]?.revision).not.toBe(first?.entry.revision);
  });

  test('a departure that is corrected voids the night that was not slept, as an adjustment', async () => {
    await afterTheClose();
    await change({ actual_check_out: micros('2026-05-12T08:00:00Z') });

    expect(hotel.events()).toMatchObject([
      { kind: 'VOIDED', adjustment: true, rollDate: '2026-05-12' },
    ]);
  });
});
