/** The rules of the ledger, one by one, each by name; `ledger-history.test.ts` has the histories. */
import { describe, expect, test } from '@jest/globals';
import { uuidV5 } from '../../../kernel/uuid.ts';
import { derive, type PropertyCalendar } from '../../../topology/roll/derive.ts';
import {
  mergeReservationRow,
  noFacts,
  type ReservationFacts,
} from '../../../topology/roll/facts.ts';
import type { LedgerEntry } from '../../../topology/roll/ledger-entry.ts';
import { formatInstantMicros } from '../../../topology/calendar/instant.ts';
import {
  applied,
  eventId,
  factsOf,
  lifecycleColumns,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  streamed,
  tenantId,
  transitions,
} from './roll-fixtures.ts';

const helsinki: PropertyCalendar = { zone: 'Europe/Helsinki', lastClosedDate: '2026-05-31' };
const slept = {
  actual_check_in: micros('2026-05-10T12:00:00Z'),
  actual_check_out: micros('2026-05-13T07:30:00Z'),
  status: 'CHECKED_OUT',
} as const;

function ledgerOf(facts: ReservationFacts, property = helsinki): string[] {
  return derive(facts, property).entries.map(lineOf);
}

function lineOf(entry: LedgerEntry): string {
  return `${entry.rollDate} ${entry.rollType} ${entry.amountMinor} ${entry.currency}`;
}

describe('EOD', () => {
  test('is one entry per closed night between actual check-in and check-out', () => {
    const facts = factsOf(reservationColumns(slept));

    expect(ledgerOf(facts)).toEqual([
      '2026-05-10 EOD 7550 EUR',
      '2026-05-11 EOD 7550 EUR',
      '2026-05-12 EOD 7550 EUR',
    ]);
  });

  test('says everything that its columns hold', () => {
    const [entry] = derive(factsOf(reservationColumns(slept)), helsinki).entries;
    const lifecycleEventId = uuidV5(reservationId, '2026-05-10');

    expect(entry).toEqual({
      tenantId,
      reservationId,
      propertyId,
      lifecycleEventId,
      ledgerId: uuidV5(lifecycleEventId, 'EOD'),
      rollType: 'EOD',
      rollDate: '2026-05-10',
      businessDate: '2026-05-10',
      occurredMicros: micros('2026-05-11T00:00:00Z'),
      sourceEventType: 'business_date.closed',
      eventPayload:
        '{"currency":"EUR","night":"2026-05-10","room_rate_minor":7550,"slept_at":"2026-05-11T00:00:00.000000Z"}',
      amountMinor: 7550,
      currency: 'EUR',
      revision: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  test('exists for closed nights only', () => {
    const facts = factsOf(reservationColumns(slept));

    expect(ledgerOf(facts, { ...helsinki, lastClosedDate: '2026-05-11' })).toHaveLength(2);
    expect(ledgerOf(facts, { ...helsinki, lastClosedDate: '2026-05-09' })).toEqual([]);
    expect(ledgerOf(facts, { ...helsinki, lastClosedDate: undefined })).toEqual([]);
  });

  test('goes on to the last closed date while the guest is in house', () => {
    const inHouse = { ...slept, actual_check_out: null, status: 'CHECKED_IN' } as const;
    const facts = factsOf(reservationColumns(inHouse));

    expect(ledgerOf(facts, { ...helsinki, lastClosedDate: '2026-05-20' })).toHaveLength(11);
  });

  test('keeps what it said when the guest leaves: the check-out decides which nights exist', () => {
    const inHouse = { ...slept, actual_check_out: null, status: 'CHECKED_IN' } as const;
    const property = { ...helsinki, lastClosedDate: '2026-05-12' };

    const before = derive(factsOf(reservationColumns(inHouse)), property).entries;
    const after = derive(factsOf(reservationColumns(slept)), property).entries;

    expect(after).toEqual(before);
  });

  test('is none for day use', () => {
    const dayUse = { ...slept, actual_check_out: micros('2026-05-10T18:00:00Z') };
    const checkOut = applied(2, 'reservation.check_out', '2026-05-10T18:00:00Z');

    expect(ledgerOf(factsOf(reservationColumns(dayUse), [checkOut]))).toEqual([
      '2026-05-10 CHECKOUT 0 EUR',
    ]);
  });

  test('counts the night of a guest who arrives after midnight', () => {
    const late = { ...slept, actual_check_in: micros('2026-05-10T22:15:00Z') };

    expect(ledgerOf(factsOf(reservationColumns(late)))[0]).toBe('2026-05-10 EOD 7550 EUR');
  });

  test('earns in minor units of its currency', () => {
    const yen = { ...slept, room_rate: '12000.00', currency: 'JPY' };

    expect(ledgerOf(factsOf(reservationColumns(yen)))[0]).toBe('2026-05-10 EOD 12000 JPY');
  });

  test.each([
    ['2026-03-28', '2026-03-29T00:59:59Z', 0],
    ['2026-03-28', '2026-03-29T01:00:01Z', 1],
    ['2026-10-24', '2026-10-24T23:59:59Z', 0],
    ['2026-10-24', '2026-10-25T00:00:01Z', 1],
  ])('of %s over a clock change, left at %s: %d nights', (_night, left, nights) => {
    const stay = {
      ...slept,
      actual_check_in: micros(left) - 8 * 3_600_000_000,
      actual_check_out: micros(left),
    };

    const facts = factsOf(reservationColumns(stay));

    expect(ledgerOf(facts, { ...helsinki, lastClosedDate: '2026-12-31' })).toHaveLength(nights);
  });

  test('stops for a guest whose row says checked out without saying when', () => {
    const leftSometime = { ...slept, actual_check_out: null };
    const checkOut = applied(2, 'reservation.check_out', '2026-05-12T08:00:00Z');

    const told = ledgerOf(factsOf(reservationColumns(leftSometime), [checkOut]));
    const untold = ledgerOf(factsOf(reservationColumns(leftSometime)));

    expect(told.filter((line) => line.includes('EOD'))).toHaveLength(2);
    expect(untold.filter((line) => line.includes('EOD'))).toHaveLength(3);
  });
});

describe('CHECKOUT', () => {
  test('comes from check_out APPLIED, and a create APPLIED gives no entry (R1)', () => {
    const facts = factsOf(reservationColumns(slept), [
      lifecycleColumns(),
      applied(2, 'reservation.check_in', '2026-05-10T12:00:01Z'),
      applied(3, 'reservation.check_out', '2026-05-13T07:30:02Z'),
    ]);

    const { entries } = derive(facts, helsinki);

    expect(entries.map(({ rollType }) => rollType)).toEqual(['EOD', 'EOD', 'EOD', 'CHECKOUT']);
    expect(entries[3]).toMatchObject({
      lifecycleEventId: eventId(3),
      rollDate: '2026-05-13',
      occurredMicros: slept.actual_check_out,
      sourceEventType: 'reservation.check_out',
      amountMinor: 0,
    });
  });

  test('does not come from a command that is not APPLIED', () => {
    const states = ['RECEIVED', 'PERSISTED', 'PUBLISHED', 'CONSUMED', 'DLQ'];
    const failed = lifecycleColumns({
      command_name: 'reservation.check_out',
      current_state: 'DLQ',
      state_transitions: transitions(states, '2026-05-13T07:30:00Z'),
    });

    expect(ledgerOf(factsOf(reservationColumns(), [failed]))).toEqual([]);
  });

  test('stays when the dispatcher writes PUBLISHED after APPLIED (P2)', () => {
    const regressed = lifecycleColumns({
      command_name: 'reservation.check_out',
      current_state: 'PUBLISHED',
      state_transitions: transitions(['PERSISTED', 'APPLIED', 'PUBLISHED'], '2026-05-13T07:30:00Z'),
    });

    expect(ledgerOf(factsOf(reservationColumns(slept), [regressed]))).toContain(
      '2026-05-13 CHECKOUT 0 EUR',
    );
  });

  test('is dated by the property, not by UTC (R8)', () => {
    const evening = { ...slept, actual_check_out: micros('2026-05-12T21:30:00Z') };
    const checkOut = applied(2, 'reservation.check_out', '2026-05-12T21:30:01Z');

    const facts = factsOf(reservationColumns(evening), [checkOut]);

    expect(ledgerOf(facts)).toContain('2026-05-13 CHECKOUT 0 EUR');
    expect(ledgerOf(facts, { ...helsinki, zone: 'America/New_York' })).toContain(
      '2026-05-12 CHECKOUT 0 EUR',
    );
  });

  test('waits for a row that has not followed its command, and dates itself when the row never says', () => {
    const checkOut = applied(2, 'reservation.check_out', '2026-05-13T07:30:02Z');
    const behind = { ...slept, status: 'CHECKED_IN', actual_check_out: null } as const;
    const silent = { ...slept, actual_check_out: null };

    expect(ledgerOf(factsOf(reservationColumns(behind), [checkOut])).join()).not.toContain(
      'CHECKOUT',
    );
    expect(ledgerOf(factsOf(reservationColumns(silent), [checkOut]))).toContain(
      '2026-05-13 CHECKOUT 0 EUR',
    );
  });
});

describe('CANCEL', () => {
  const cancelled = {
    status: 'CANCELLED',
    cancellation_date: micros('2026-05-01T10:00:00Z'),
    cancellation_fee: '20.00',
  } as const;

  test('comes from cancel APPLIED, with its fee, which is no revenue', () => {
    const command = applied(2, 'reservation.cancel', '2026-05-01T10:00:02Z');

    const { entries, contributions } = derive(
      factsOf(reservationColumns(cancelled), [command]),
      helsinki,
    );

    expect(entries.map(lineOf)).toEqual(['2026-05-01 CANCEL 2000 EUR']);
    expect(entries[0]).toMatchObject({ lifecycleEventId: eventId(2) });
    expect(contributions).toEqual([
      {
        propertyId,
        businessDate: '2026-05-01',
        currency: 'EUR',
        roomsSold: 0,
        revenueMinor: 0,
        arrivals: 0,
        departures: 0,
        cancellations: 1,
        noShows: 0,
      },
    ]);
  });

  test('comes from the row where only the row tells (R7)', () => {
    const [entry] = derive(factsOf(reservationColumns(cancelled)), helsinki).entries;

    expect(entry).toMatchObject({
      lifecycleEventId: uuidV5(reservationId, 'CANCEL'),
      sourceEventType: 'reservation.row.cancelled',
      rollDate: '2026-05-01',
      amountMinor: 2000,
    });
  });

  test('comes from a row that expired, at the time it expired', () => {
    const expired = { status: 'EXPIRED', expired_at: '2026-05-02T10:00:00Z' } as const;

    const [entry] = derive(factsOf(reservationColumns(expired)), helsinki).entries;

    expect(entry).toMatchObject({
      rollType: 'CANCEL',
      rollDate: '2026-05-02',
      sourceEventType: 'reservation.row.expired',
    });
  });

  test('is one entry, the command’s, when row and command both tell', () => {
    const command = applied(2, 'reservation.cancel', '2026-05-01T10:00:02Z');
    const pending = { ...command, current_state: 'PERSISTED', state_transitions: [] } as const;

    const both = derive(factsOf(reservationColumns(cancelled), [command]), helsinki).entries;
    const notYet = derive(factsOf(reservationColumns(cancelled), [pending]), helsinki).entries;

    expect(both.map((entry) => entry.lifecycleEventId)).toEqual([eventId(2)]);
    expect(notYet.map((entry) => entry.lifecycleEventId)).toEqual([
      uuidV5(reservationId, 'CANCEL'),
    ]);
  });

  test('is dated by its command, or at last by the row, when no column dates it', () => {
    const undated = { ...cancelled, cancellation_date: null };
    const command = applied(2, 'reservation.cancel', '2026-05-01T10:00:02Z');

    expect(ledgerOf(factsOf(reservationColumns(undated), [command]))).toEqual([
      '2026-05-01 CANCEL 2000 EUR',
    ]);
    expect(ledgerOf(factsOf(reservationColumns(undated)))).toEqual(['2026-04-02 CANCEL 2000 EUR']);
  });

  test('follows from a command with its own stay before the row is known', () => {
    const command = {
      ...applied(2, 'reservation.cancel', '2026-05-01T10:00:02Z'),
      metadata: { stay: { property_id: propertyId, check_in: '2026-05-10' } },
    };

    expect(ledgerOf(factsOf(undefined, [command]))).toEqual(['2026-05-01 CANCEL 0 XXX']);
  });
});

describe('NO_SHOW', () => {
  const noShow = {
    status: 'NO_SHOW',
    no_show_date: micros('2026-05-11T02:00:00Z'),
    no_show_fee: '75.50',
  } as const;

  test('comes from no_show APPLIED, on the business date of the booked arrival', () => {
    const command = applied(2, 'reservation.no_show', '2026-05-11T02:00:02Z');

    const { entries, contributions } = derive(
      factsOf(reservationColumns(noShow), [command]),
      helsinki,
    );

    expect(entries.map(lineOf)).toEqual(['2026-05-10 NO_SHOW 7550 EUR']);
    expect(entries[0]?.lifecycleEventId).toBe(eventId(2));
    expect(contributions).toMatchObject([
      { businessDate: '2026-05-10', noShows: 1, revenueMinor: 0 },
    ]);
  });

  test('comes from the row that the night audit wrote alone (R7)', () => {
    const [entry] = derive(factsOf(reservationColumns(noShow)), helsinki).entries;

    expect(entry).toMatchObject({
      lifecycleEventId: uuidV5(reservationId, 'NO_SHOW'),
      rollDate: '2026-05-10',
      sourceEventType: 'reservation.row.no_show',
    });
  });

  test('takes the arrival of its command’s stay, as a date or as a property-local instant', () => {
    const command = applied(2, 'reservation.no_show', '2026-05-11T02:00:02Z');
    const withDate = { ...command, metadata: { stay: { check_in: '2026-05-09' } } };
    const withInstant = { ...command, metadata: { stay: { check_in: '2026-05-08T22:00:00Z' } } };

    const row = reservationColumns(noShow);

    expect(ledgerOf(factsOf(row, [withDate]))).toEqual(['2026-05-09 NO_SHOW 7550 EUR']);
    expect(ledgerOf(factsOf(row, [withInstant]))).toEqual(['2026-05-09 NO_SHOW 7550 EUR']);
  });
});

describe('the ledger', () => {
  test('treats zone-less stay columns as UTC and nights as property-local dates (G16)', () => {
    const sevenInTheEveningInNewYork = {
      ...slept,
      actual_check_in: micros('2026-05-10T23:00:00Z'),
      actual_check_out: micros('2026-05-11T15:00:00Z'),
    };

    const facts = factsOf(reservationColumns(sevenInTheEveningInNewYork));
    const newYork = { ...helsinki, zone: 'America/New_York' };

    expect(ledgerOf(facts, newYork)).toEqual(['2026-05-10 EOD 7550 EUR']);
    expect(derive(facts, newYork).contributions[0]).toMatchObject({
      businessDate: '2026-05-10',
      arrivals: 1,
      roomsSold: 1,
    });
  });

  test('is the same for the same facts, field for field (R2)', () => {
    const facts = factsOf(reservationColumns(slept), [
      applied(3, 'reservation.check_out', '2026-05-13T07:30:02Z'),
    ]);

    expect(JSON.stringify(derive(facts, helsinki))).toBe(
      JSON.stringify(derive(structuredClone(facts), helsinki)),
    );
  });

  test('waits for the reservation, for its property and for a zone that exists', () => {
    const unknown = factsOf(undefined, [applied(2, 'reservation.cancel', '2026-05-01T10:00:02Z')]);
    const known = factsOf(reservationColumns(slept));

    expect(derive(unknown, helsinki).waitsFor).toBe('reservation');
    expect(derive(known, { ...helsinki, zone: undefined })).toMatchObject({
      entries: [],
      contributions: [],
      waitsFor: 'property',
    });
    expect(derive(known, { ...helsinki, zone: 'Europe/Atlantis' }).waitsFor).toBe('time-zone');
    expect(derive(known, helsinki).waitsFor).toBeUndefined();
  });

  test('of a deleted reservation is empty, commands or not', () => {
    const command = applied(2, 'reservation.check_out', '2026-05-13T07:30:02Z');
    const softly = factsOf(reservationColumns({ ...slept, is_deleted: true }), [command]);
    const wholly = mergeReservationRow(
      factsOf(reservationColumns(slept), [command]),
      null,
      streamed(2, 2),
    );

    for (const facts of [softly, wholly]) {
      expect(derive(facts, helsinki)).toMatchObject({
        entries: [],
        contributions: [],
        nextNight: undefined,
        waitsFor: undefined,
      });
    }
  });

  test('of a reservation of which nothing is known waits', () => {
    expect(derive(noFacts(tenantId, reservationId), helsinki).waitsFor).toBe('reservation');
  });

  test('stamps instants to the microsecond (R3)', () => {
    const precise = { ...slept, actual_check_out: micros('2026-05-13T07:30:00Z') + 123_457 };
    const checkOut = applied(2, 'reservation.check_out', '2026-05-13T07:30:02Z');

    const entry = derive(factsOf(reservationColumns(precise), [checkOut]), helsinki).entries.at(-1);

    expect(formatInstantMicros(entry?.occurredMicros ?? 0)).toBe('2026-05-13T07:30:00.123457Z');
    expect(entry?.eventPayload).toContain('"2026-05-13T07:30:00.123457Z"');
  });
});

describe('the next night', () => {
  const inHouse = { ...slept, actual_check_out: null, status: 'CHECKED_IN' } as const;
  const nextNight = (
    row: Parameters<typeof reservationColumns>[0],
    lastClosedDate: string | undefined,
  ): string | undefined =>
    derive(factsOf(reservationColumns(row)), { ...helsinki, lastClosedDate }).nextNight;

  test('is the first one while none of the stay is closed', () => {
    expect(nextNight(inHouse, undefined)).toBe('2026-05-10');
    expect(nextNight(inHouse, '2026-05-08')).toBe('2026-05-10');
  });

  test('is the one after the last closed date while the guest may sleep it', () => {
    expect(nextNight(inHouse, '2026-05-20')).toBe('2026-05-21');
    expect(nextNight(slept, '2026-05-11')).toBe('2026-05-12');
  });

  test('is none after the last night, before check-in and for day use', () => {
    expect(nextNight(slept, '2026-05-12')).toBeUndefined();
    expect(nextNight({}, '2026-05-12')).toBeUndefined();
    expect(
      nextNight({ ...slept, actual_check_out: micros('2026-05-10T18:00:00Z') }, undefined),
    ).toBeUndefined();
  });
});
