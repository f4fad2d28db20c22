/**
 * What the public predecessor's ledger and its pipeline got wrong (R1, R2, R4–R8, R11, P1, P2, P10),
 * through the real topology; here each is impossible. R3, R9 and R10 are about backfills.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { RollingHotel } from '../../support/rolling-hotel.ts';
import {
  applied,
  lifecycleColumns,
  micros,
  reservationColumns,
  transitions,
} from './roll-fixtures.ts';

jest.setTimeout(60_000);

const lifecycle = 'reservation_command_lifecycle';
const nights = ['2026-05-10', '2026-05-11', '2026-05-12'];
const whole = [...nights.map((night) => `EOD ${night}`), 'CHECKOUT 2026-05-13'];
const checkOut = applied(2, 'reservation.check_out', '2026-05-13T08:00:05.000Z');
const departed = reservationColumns({
  status: 'CHECKED_OUT',
  actual_check_in: micros('2026-05-10T12:00:00Z'),
  actual_check_out: micros('2026-05-13T08:00:00Z'),
});
let hotel: RollingHotel;

beforeEach(async () => {
  hotel = new RollingHotel();
  await hotel.start();
});

afterEach(() => hotel.close());

async function hotelIsKnown(zone = 'Europe/Helsinki'): Promise<void> {
  hotel.captureProperty(zone);
  await hotel.settle();
}

async function departs(): Promise<void> {
  hotel.capture('reservations', departed);
  hotel.capture(lifecycle, checkOut);
  hotel.captureClosed(...nights, '2026-05-13');
  await hotel.settle();
}

test('R1: a stay leaves its nights and its check-out; no other command that is APPLIED is an EOD', async () => {
  await hotelIsKnown();
  const others = ['reservation.create', 'reservation.check_in', 'reservation.assign_room'];
  others.forEach((name, n) => {
    hotel.capture(lifecycle, applied(n + 10, name, '2026-05-10T12:00:00.000Z'));
  });
  await departs();

  expect(await hotel.said()).toEqual(whole);
});

test('R2: the live path and one that reads the newest rows later say the same, and overwrite nothing', async () => {
  await hotelIsKnown();
  hotel.capture('reservations', reservationColumns());
  hotel.capture(lifecycle, { ...checkOut, current_state: 'RECEIVED', state_transitions: '[]' });
  await hotel.settle();
  await departs();
  const live = (await hotel.ledger())?.entries.map(({ entry }) => entry);
  hotel.events();
  hotel.pipe('reservations', { op: 'r', after: departed });
  hotel.pipe(lifecycle, { op: 'r', after: checkOut });
  await hotel.settle();

  expect(hotel.events()).toEqual([]);
  expect((await hotel.ledger())?.entries.map(({ entry }) => entry)).toEqual(live);
});

test('R4: what is delivered again is the same, whatever the order of keys in its JSON', async () => {
  await hotelIsKnown();
  await departs();
  expect(hotel.events()).toHaveLength(4);
  const backwards = Object.fromEntries(Object.entries(departed).reverse());
  hotel.capture('reservations', backwards, departed);
  hotel.capture(lifecycle, Object.fromEntries(Object.entries(checkOut).reverse()));
  await hotel.settle();

  expect(hotel.events()).toEqual([]);
});

test('R5: an instance that comes back reads on where it was: what came meanwhile is there, once', async () => {
  await hotelIsKnown();
  hotel.capture('reservations', departed);
  hotel.captureClosed('2026-05-10');
  await hotel.settle();
  const [first] = hotel.instances;
  await hotel.stop(first!);
  hotel.capture(lifecycle, checkOut);
  hotel.captureClosed('2026-05-11', '2026-05-12');
  await hotel.start('two');

  expect((await hotel.said()).sort()).toEqual([...whole].sort());
  expect(hotel.events()).toHaveLength(4);
});

describe('R6: what cannot be understood', () => {
  test('is kept among the dead letters, and is no UNKNOWN entry', async () => {
    await hotelIsKnown();
    hotel.capture(lifecycle, { ...checkOut, state_transitions: 'not JSON' });
    await departs();

    expect(hotel.read('test-dlq')).toHaveLength(1);
    expect(await hotel.said()).toEqual(whole);
  });

  test('is not a command that leaves no entry, nor a deletion or a tombstone', async () => {
    await hotelIsKnown();
    hotel.capture(lifecycle, applied(9, 'reservation.expire', '2026-05-13T08:00:05.000Z'));
    hotel.pipe(lifecycle, { op: 'd', before: lifecycleColumns() });
    const tombstone = { key: Buffer.from('key'), value: null, timestampMs: hotel.clock.nowMs() };
    hotel.kafka.append(`platform.public.${lifecycle}`, tombstone);
    await departs();

    expect(hotel.read('test-dlq')).toEqual([]);
    expect(await hotel.said()).toEqual(whole);
  });
});

test.each([
  ['NO_SHOW', 'no_show_date', 'NO_SHOW 2026-05-10'],
  ['CANCELLED', 'cancellation_date', 'CANCEL 2026-05-11'],
] as const)(
  'R7: %s written into the row alone, without a lifecycle row, is in the ledger',
  async (status, column, said) => {
    await hotelIsKnown();
    const written = { status, [column]: micros('2026-05-11T02:00:00Z') };
    hotel.capture('reservations', reservationColumns(written));
    await hotel.settle();

    expect(await hotel.said()).toEqual([said]);
  },
);

test('R8: dates are the property’s: an evening in UTC is the next morning in Auckland', async () => {
  await hotelIsKnown('Pacific/Auckland');
  const cancellation_date = micros('2026-05-09T20:00:00Z');
  hotel.capture('reservations', reservationColumns({ status: 'CANCELLED', cancellation_date }));
  await hotel.settle();

  expect(await hotel.said()).toEqual(['CANCEL 2026-05-10']);
});

describe('R11: business dates', () => {
  test('roll night after night, each once, though the platform moves one row on and writes it twice', async () => {
    await hotelIsKnown();
    hotel.closings();
    for (const date of ['2026-05-11', '2026-05-12', '2026-05-12', '2026-05-13']) {
      hotel.captureOpen(date);
      await hotel.settle();
    }

    expect(hotel.closings()).toEqual(['2026-05-10', '2026-05-11', '2026-05-12']);
  });

  test('by the clock are not missed in a restart, nor dispatched by every replica', async () => {
    await hotel.close();
    hotel = new RollingHotel({ businessDates: 'clock' });
    await hotel.start('one');
    await hotel.start('two');
    await hotelIsKnown();
    hotel.closings();
    for (const streams of [...hotel.instances]) await hotel.stop(streams);
    // Longer than any window around 03:00.
    hotel.clock.leapTo('2026-05-12T01:00:00Z');
    await hotel.start('one');
    await hotel.start('two');
    await hotel.settle();

    expect(hotel.closings()).toEqual(['2026-05-10', '2026-05-11']);
  });
});

test('P1: a reservation’s rows in any order, its creation again at the end: the newest version counts', async () => {
  await hotelIsKnown();
  const created = { op: 'u', after: reservationColumns(), source: hotel.nextSource() };
  hotel.capture(lifecycle, checkOut);
  hotel.capture('reservations', departed);
  hotel.append('platform.public.reservations', 'another key', created);
  hotel.captureClosed(...nights);
  await hotel.settle();
  hotel.append('platform.public.reservations', 'a third key', created);
  await hotel.settle();

  expect(await hotel.said()).toEqual(whole);
});

test('P2: states that go back, repeat or are missing: a command that was APPLIED stays so', async () => {
  await hotelIsKnown();
  await departs();
  hotel.events();
  const states = ['APPLIED', 'FAILED', 'PUBLISHED'];
  const regressed = {
    ...checkOut,
    current_state: 'PUBLISHED',
    state_transitions: transitions(states, '2026-05-13T08:00:05.000Z'),
  };
  hotel.capture(lifecycle, regressed, checkOut, regressed);
  await hotel.settle();

  expect(hotel.events()).toEqual([]);
  expect(await hotel.said()).toEqual(whole);
});

test('P10: an instant with an offset is that instant, whatever the session’s time zone was', async () => {
  await hotelIsKnown();
  const applyAt = async (n: number, timestamp: string): Promise<void> => {
    const state_transitions = JSON.stringify([{ state: 'APPLIED', timestamp }]);
    const name = 'reservation.cancel';
    hotel.capture(lifecycle, { ...applied(n, name, '2026-05-09T00:00:00Z'), state_transitions });
    await hotel.settle();
  };
  hotel.capture('reservations', reservationColumns({ status: 'CANCELLED' }));
  await applyAt(1, '2026-05-10T02:30:00+05:30');

  const [cancelled] = (await hotel.ledger())?.entries ?? [];
  expect(cancelled?.entry.occurredMicros).toBe(micros('2026-05-09T21:00:00Z'));
  // 00:00 in Helsinki: a quarter of an hour's error would be another date.
  expect(await hotel.said()).toEqual(['CANCEL 2026-05-10']);
});
