import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lockDrift, type HeldReservation } from '../../reconciliation/lock-drift.ts';
import type { StoredHold } from '../../reconciliation/stored-hold.ts';
import { addDays } from '../../topology/calendar/calendar-date.ts';
import { platformStay } from '../../topology/guard/platform-stay.ts';
import type {
  ReservationRowFact,
  ReservationStanding,
} from '../../topology/guard/reservations/reservation-fact.ts';
import type { Stay } from '../../topology/guard/stay.ts';

const tenantId = '7e000000-0000-4000-8000-000000000001';
const reservationId = '5e000000-0000-4000-8000-000000000001';
const propertyId = '9e000000-0000-4000-8000-000000000001';
const [typeId, otherTypeId, roomId, otherRoomId] = ['type', 'other-type', 'room', 'other-room'];
const nowMs = Date.parse('2026-05-01T00:00:00Z');
const day = 86_400_000;

interface Sold {
  readonly zone: string;
  readonly arrivalDate: string;
  readonly departureDate: string;
  readonly isInRoom: boolean;
  readonly hasHoldRoom: boolean;
}

const sold: fc.Arbitrary<Sold> = fc
  .record({
    zone: fc.constantFrom('UTC', 'Europe/Helsinki', 'America/New_York', 'Australia/Lord_Howe'),
    from: fc.integer({ min: -10, max: 300 }),
    nights: fc.integer({ min: 0, max: 9 }),
    isInRoom: fc.boolean(),
    hasHoldRoom: fc.boolean(),
  })
  .map(({ from, nights, ...rest }) => ({
    ...rest,
    arrivalDate: addDays('2026-05-01', from),
    departureDate: addDays('2026-05-01', from + nights),
  }));

function rowOf(of: Sold, standing: ReservationStanding = 'live'): ReservationRowFact {
  return {
    kind: 'row',
    ...{ tenantId, reservationId, version: 'v', standing, status: 'CONFIRMED' },
    ...{ roomTypeId: typeId, propertyId, roomNumber: of.isInRoom ? '101' : undefined },
    ...{ arrivalDate: of.arrivalDate, departureDate: of.departureDate, writtenAtMs: nowMs - day },
  };
}

/** A day more of it counts on the same night. */
const isDayUse = (of: Sold): boolean => of.arrivalDate === of.departureDate;

function propertyOf({ zone }: Sold) {
  return { zone, checkInTime: '15:00', checkOutTime: '11:00' };
}

/** As the guard holds what the row sells. */
function holdOf(of: Sold, more: Partial<StoredHold> = {}): StoredHold {
  const stay = platformStay(of, propertyOf(of)) as Stay;
  const { stayStartMs, stayEndMs, nights } = stay;
  return {
    ...{ lockId: 'lock', tenantId, reservationId, propertyId, roomTypeId: typeId },
    ...{ slot: `reservation:${reservationId}`, iteration: 0, version: 3, status: 'CONFIRMED' },
    ...{ isPlatforms: true, nights, confirmed: undefined },
    own: { roomId: of.isInRoom && of.hasHoldRoom ? roomId : undefined, stayStartMs, stayEndMs },
    ...{ grantedAtMs: nowMs - 2 * day, decidedAtMs: nowMs - 2 * day },
    ...{ endedAtMs: undefined, releaseReason: undefined, ...more },
  };
}

function found(of: Sold, more: Partial<HeldReservation>) {
  const known = { tenantId, reservationId, property: propertyOf(of) };
  const held = { facts: [rowOf(of)], roomId: of.isInRoom ? roomId : undefined, holds: [] };
  return lockDrift({ ...known, ...held, ...more }, nowMs - 30 * day);
}

const planted: Readonly<Record<string, (of: Sold) => Partial<HeldReservation>>> = {
  missing_hold: () => ({ holds: [] }),
  extra_hold: (of) => ({ facts: [rowOf(of, 'ended')], holds: [holdOf(of)] }),
  other_type: (of) => ({ holds: [holdOf(of, { roomTypeId: otherTypeId })] }),
  other_stay: (of) => {
    const hold = holdOf(of);
    const own = { ...hold.own, stayEndMs: hold.own.stayEndMs + (isDayUse(of) ? 2 : 1) * day };
    return { holds: [{ ...hold, own }] };
  },
  not_confirmed: (of) => ({ holds: [holdOf(of, { status: 'TENTATIVE' })] }),
};

describe('the drift of holds', () => {
  test('is none where everything sold is held, and none of what is over for long', () => {
    fc.assert(
      fc.property(sold, (of) => {
        const ended = { status: 'RELEASED', endedAtMs: nowMs } as const;

        expect(found(of, { holds: [holdOf(of)] })).toEqual([]);
        expect(found(of, { facts: [rowOf(of, 'open')] })).toEqual([]);
        expect(found(of, { facts: [rowOf(of, 'ended')], holds: [holdOf(of, ended)] })).toEqual([]);
      }),
    );
    const past = {
      ...fc.sample(sold, 1)[0]!,
      arrivalDate: '2026-03-01',
      departureDate: '2026-03-02',
    };

    expect(found(past, {})).toEqual([]);
    expect(found(past, { facts: [rowOf(past, 'ended')], holds: [holdOf(past)] })).toEqual([]);
  });

  test('is exactly the fault that was planted, whatever the stay and the zone', () => {
    fc.assert(
      fc.property(sold, fc.constantFrom(...Object.keys(planted)), (of, reason) => {
        const drift = found(of, planted[reason]?.(of) ?? {});

        expect(drift.map((row) => row.reason)).toEqual([reason]);
        expect(drift[0]?.sinceMs).toBe(nowMs - day);
      }),
    );
  });

  test('tells a hold on another room than the row names, and takes one on any room for right', () => {
    const of = { ...fc.sample(sold, 1)[0]!, isInRoom: true, hasHoldRoom: true };
    const hold = holdOf(of);
    const elsewhere = { ...hold, own: { ...hold.own, roomId: otherRoomId } };

    expect(found(of, { holds: [elsewhere] })).toMatchObject([
      {
        ...{ reason: 'other_room', key: 'lock' },
        differences: [{ field: 'roomId', expected: roomId, actual: otherRoomId }],
      },
    ]);
    expect(
      found({ ...of, hasHoldRoom: false }, { holds: [holdOf({ ...of, hasHoldRoom: false })] }),
    ).toEqual([]);
  });

  test('takes the confirmed stay for held while a change of it is tentative', () => {
    const of = fc.sample(sold, 1)[0]!;
    const hold = holdOf(of);
    const own = { ...hold.own, stayEndMs: hold.own.stayEndMs + 3 * day };
    const changing = holdOf(of, { status: 'TENTATIVE', own, confirmed: hold.own });

    expect(found(of, { holds: [changing] })).toEqual([]);
  });

  test('takes a hold that was taken before the property was known for right', () => {
    const of = { ...fc.sample(sold, 1)[0]!, zone: 'Australia/Lord_Howe' };
    const early = holdOf({ ...of, zone: 'UTC' });

    expect(found(of, { holds: [early] })).toEqual([]);
  });

  test('is a hold of a reservation that the platform does not have', () => {
    const of = fc.sample(sold, 1)[0]!;

    expect(found(of, { facts: [], holds: [holdOf(of)] })).toMatchObject([{ reason: 'extra_hold' }]);
    const asked = holdOf(of, { isPlatforms: false, status: 'TENTATIVE' });
    expect(found(of, { facts: [], holds: [asked] })).toEqual([]);
  });
});
