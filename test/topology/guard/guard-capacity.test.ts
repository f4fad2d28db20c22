/** What can be held together: rooms, room types, capacity by night, and what is not known of them. */
import { describe, expect, test } from '@jest/globals';
import { availability } from '../../../topology/guard/availability.ts';
import type { LockAnswer } from '../../../topology/guard/answer.ts';
import type { LockCommand } from '../../../topology/guard/command.ts';
import {
  helsinki,
  liveLocks,
  openHotel,
  otherTenantId,
  Owner,
  propertyId,
  standard,
  suite,
  tenantId,
} from './guard-fixtures.ts';

const reasonOf = (answer: LockAnswer): string =>
  answer.status === 'CONFLICT' ? answer.conflict.reason : answer.status;
const outOf = (owner: Owner, requests: readonly Partial<LockCommand>[]): string[] =>
  requests.map((request, i) => reasonOf(owner.lock({ reservationId: `R${i}`, ...request })));
const at = (text: string): number => Date.parse(text);

describe('a type of n rooms', () => {
  test('takes n holds a night, of either kind, and not one more', () => {
    const owner = openHotel(['101', '102', '103']);

    const reasons = outOf(owner, [{}, { roomId: '102' }, {}, {}, { roomId: '103' }]);

    expect(reasons).toEqual(['LOCKED', 'LOCKED', 'LOCKED', 'TYPE_FULL', 'TYPE_FULL']);
  });

  test('has room for who comes on the date others leave', () => {
    const owner = openHotel(['101']);

    const reasons = outOf(owner, [
      { roomId: '101' },
      { roomId: '101', stayStart: '2026-05-13', stayEnd: '2026-05-14' },
      { roomId: '101', stayStart: '2026-05-09', stayEnd: '2026-05-10' },
    ]);

    expect(reasons).toEqual(['LOCKED', 'LOCKED', 'LOCKED']);
  });

  test('names the nights that are full, at most 31 of them', () => {
    const owner = openHotel(['101']);
    const wide = { stayStart: '2026-06-01', stayEnd: '2026-08-01' };
    const first = owner.held(wide);

    const answer = owner.lock({ ...wide, reservationId: 'R2', stayStart: '2026-05-20' });

    expect(answer).toMatchObject({ conflict: { reason: 'TYPE_FULL', blockingLock: first } });
    expect(answer).toMatchObject({ conflict: { nights: first.nights.slice(0, 31) } });
  });

  test('can be sold only up to its sell limit', () => {
    const limits = new Map([[`${tenantId}|${standard}`, 2]]);
    const owner = new Owner({}, limits);
    owner.property();
    for (const roomId of ['101', '102', '103']) owner.room(roomId);
    owner.catalogue();

    const reasons = outOf(owner, [{}, {}, {}]);

    expect(reasons).toEqual(['LOCKED', 'LOCKED', 'TYPE_FULL']);
  });

  test('that are all deleted takes none', () => {
    const owner = openHotel(['101']);
    owner.room('101', { isDeleted: true });

    expect(outOf(owner, [{}])).toEqual(['TYPE_FULL']);
  });

  test("is not touched by another tenant's holds", () => {
    const owner = openHotel(['101']);
    owner.held({ tenantId: otherTenantId, roomId: '101' });

    expect(outOf(owner, [{ roomId: '101' }])).toEqual(['LOCKED']);
  });

  test('counts a day use on its date', () => {
    const owner = openHotel(['101']);
    const dayUse = { stayStart: '2026-05-10T08:00+03:00', stayEnd: '2026-05-10T14:00+03:00' };

    const reasons = outOf(owner, [{}, dayUse, { ...dayUse, roomId: '101' }]);

    expect(reasons).toEqual(['LOCKED', 'TYPE_FULL', 'TYPE_FULL']);
  });
});

describe('a room', () => {
  test('that overlaps another hold by an hour is held', () => {
    const owner = openHotel(['101', '102']);
    const first = owner.held({ roomId: '101', stayEnd: '2026-05-13T09:00Z' });

    const answer = owner.lock({
      ...{ reservationId: 'R2', roomId: '101' },
      ...{ stayStart: '2026-05-13T08:00Z', stayEnd: '2026-05-14' },
    });

    expect(answer).toEqual({
      status: 'CONFLICT',
      conflict: { reason: 'ROOM_HELD', blockingLock: first, nights: [] },
    });
  });

  test('that is out of order then is not held, and a hold beside that time is', () => {
    const owner = openHotel(['101', '102']);
    const outOfOrder = { fromMs: at('2026-05-11T06:00Z'), toMs: at('2026-05-12T06:00Z') };
    owner.room('101', { outOfOrder });

    const during = owner.lock({ roomId: '101' });
    const after = owner.lock({ roomId: '101', stayStart: '2026-05-12', reservationId: 'R2' });

    expect(during).toEqual({
      status: 'CONFLICT',
      conflict: { reason: 'ROOM_OUT_OF_ORDER', blockingLock: undefined, nights: ['2026-05-11'] },
    });
    expect(reasonOf(after)).toBe('LOCKED');
  });

  test('that is out of order until nobody knows is not held', () => {
    const owner = openHotel(['101', '102']);
    owner.room('101', { outOfOrder: { fromMs: at('2026-01-01T00:00Z'), toMs: undefined } });

    expect(outOf(owner, [{ roomId: '101' }])).toEqual(['ROOM_OUT_OF_ORDER']);
  });

  test('that is blocked then is not held', () => {
    const owner = openHotel(['101', '102']);
    owner.room('101', { blocked: { fromMs: undefined, toMs: at('2026-05-10T13:00Z') } });

    expect(outOf(owner, [{ roomId: '101' }])).toEqual(['ROOM_BLOCKED']);
  });

  test('that is closed on a night leaves its type one less then', () => {
    const owner = openHotel(['101', '102']);
    const closed = { fromMs: at('2026-05-11T06:00Z'), toMs: at('2026-05-12T06:00Z') };
    // Closed twice, it is still one room.
    owner.room('101', { outOfOrder: closed, blocked: closed });
    owner.held();

    const answer = owner.lock({ reservationId: 'R2' });

    expect(answer).toMatchObject({ conflict: { reason: 'TYPE_FULL', nights: ['2026-05-11'] } });
  });

  test('whose closing ends before it begins is open', () => {
    const owner = openHotel(['101']);
    const outOfOrder = { fromMs: at('2026-05-12T06:00Z'), toMs: at('2026-05-11T06:00Z') };
    owner.room('101', { outOfOrder });

    expect(outOf(owner, [{ roomId: '101' }])).toEqual(['LOCKED']);
  });
});

describe('both nights in which clocks change in Helsinki 2026', () => {
  test.each([
    ['2026-03-28', '2026-03-29', '2026-03-30', '2026-03-29T01:00:00Z'],
    ['2026-10-24', '2026-10-25', '2026-10-26', '2026-10-25T00:00:00Z'],
  ])(
    '%s: consecutive stays fit, and who is there at 03:00 counts',
    (before, change, after, three) => {
      const owner = openHotel(['101']);
      const threeMs = at(three);
      const iso = (atMs: number): string => new Date(atMs).toISOString();

      const reasons = outOf(owner, [
        { roomId: '101', stayStart: before, stayEnd: change },
        { roomId: '101', stayStart: change, stayEnd: after },
        // Leaves as the night's instant comes: has slept no night, and counts on the date he came.
        { stayStart: iso(threeMs - 7_200_000), stayEnd: iso(threeMs) },
        // Still there one millisecond later.
        { stayStart: iso(threeMs - 7_200_000), stayEnd: iso(threeMs + 1) },
      ]);

      const held = [before, change].map((night) =>
        owner.state.heldOn(`${tenantId}|${standard}`, night),
      );
      expect(reasons).toEqual(['LOCKED', 'LOCKED', 'TYPE_FULL', 'TYPE_FULL']);
      expect(held).toEqual([1, 1]);
    },
  );

  test.each([
    ['2026-03-28', '2026-03-29T00:59:00Z', '2026-03-29T01:01:00Z'],
    ['2026-10-24', '2026-10-24T23:59:00Z', '2026-10-25T00:01:00Z'],
  ])('%s: a room closed at its one instant is not counted that night', (night, from, to) => {
    const owner = openHotel(['101']);
    owner.room('101', { outOfOrder: { fromMs: at(from), toMs: at(to) } });

    const [day] = availability(owner.state, {
      ...{ tenantId, roomTypeId: standard },
      ...{ from: night, to: '2026-12-31' },
    });

    expect(day).toEqual({ night, capacity: 0, held: 0, free: 0 });
  });
});

describe('capacity that is not known', () => {
  const requests = [{}, {}, {}, { roomId: '101' }, { roomId: '101' }];

  test('in a half-read snapshot of rooms is not taken for the rooms read so far', () => {
    const owner = new Owner({ unknownCapacity: 'allow' });
    owner.property();
    owner.room('101');

    const reasons = outOf(owner, requests);

    expect(reasons).toEqual(['LOCKED', 'LOCKED', 'LOCKED', 'LOCKED', 'ROOM_HELD']);
    expect(owner.log.at(-2)?.leniencies).toEqual(['unknown-capacity']);
  });

  test('in a half-read snapshot of rooms is refused to enforce', () => {
    const owner = new Owner({ unknownCapacity: 'reject' });
    owner.property();
    owner.room('101');

    const before = owner.lock();
    owner.room('102');
    owner.catalogue();
    const reasons = outOf(owner, [{}, {}, {}]);

    expect(before).toMatchObject({
      conflict: { reason: 'CAPACITY_UNKNOWN', nights: ['2026-05-10', '2026-05-11', '2026-05-12'] },
    });
    expect(reasons).toEqual(['LOCKED', 'LOCKED', 'TYPE_FULL']);
  });

  test.each(['allow', 'reject'] as const)('of a type without any room: %s', (unknownCapacity) => {
    const owner = openHotel(['101'], { unknownCapacity });

    const answer = owner.lock({ roomTypeId: suite });

    expect(reasonOf(answer)).toBe(unknownCapacity === 'allow' ? 'LOCKED' : 'CAPACITY_UNKNOWN');
  });

  test('of a property that was not captured is unknown, whatever its rooms are', () => {
    const owner = new Owner({ unknownCapacity: 'reject' });
    owner.room('101');
    owner.catalogue();

    const before = owner.lock();
    owner.property();
    const after = owner.lock();

    expect([reasonOf(before), reasonOf(after)]).toEqual(['CAPACITY_UNKNOWN', 'LOCKED']);
  });

  test('again when the tables are read anew', () => {
    const owner = openHotel(['101'], { unknownCapacity: 'reject' });
    owner.catalogue(false);

    expect(outOf(owner, [{}])).toEqual(['CAPACITY_UNKNOWN']);
  });
});

describe('capacity that shrinks below what is held', () => {
  test('revokes nothing, and an event names the nights', () => {
    const owner = openHotel(['101', '102']);
    owner.held();
    owner.held({ reservationId: 'R2', stayStart: '2026-05-11' });
    const closed = { fromMs: at('2026-05-10T20:00Z'), toMs: at('2026-05-12T20:00Z') };

    const { events } = owner.room('101', { outOfOrder: closed });

    expect(events).toEqual([
      {
        type: 'inventory.overcommitted',
        ...{ tenantId, roomTypeId: standard, propertyId, decidedAtMs: owner.nowMs, version: 2 },
        nights: [{ night: '2026-05-11', capacity: 1, held: 2 }],
      },
    ]);
    expect(liveLocks(owner.state)).toHaveLength(2);
  });

  test('is told once: the same row again says nothing new', () => {
    const owner = openHotel(['101']);
    owner.held();

    const first = owner.room('101', { isDeleted: true });
    const again = owner.room('101', { isDeleted: true });

    expect([first.events.length, again.events.length]).toEqual([1, 0]);
  });

  test('is told when a room moves to another type', () => {
    const owner = openHotel(['101']);
    owner.held();

    const { events } = owner.room('101', { roomTypeId: suite });

    expect(events).toMatchObject([
      { roomTypeId: standard, nights: [{ capacity: 0, held: 1 }, {}, {}] },
    ]);
  });

  test('is told once the tables are read to their end, not before', () => {
    const owner = new Owner();
    owner.property();
    const half = owner.room('101');
    owner.held();
    owner.held({ reservationId: 'R2', stayStart: '2026-05-12' });

    const { events } = owner.catalogue();

    expect(half.events).toEqual([]);
    expect(events).toMatchObject([{ nights: [{ night: '2026-05-12', capacity: 1, held: 2 }] }]);
  });

  test('is told once the property is captured', () => {
    const owner = new Owner();
    owner.room('101');
    owner.catalogue();
    owner.held();
    owner.held({ reservationId: 'R2' });

    const { events } = owner.property();

    const told = events.filter(({ type }) => type === 'inventory.overcommitted');
    expect(told).toMatchObject([{ nights: [{ held: 2 }, { held: 2 }, { held: 2 }] }]);
  });

  test('of nights that are over is nobody’s concern', () => {
    const owner = openHotel(['101']);
    owner.confirm(owner.held().lockId);
    owner.nowMs = at('2026-05-12T00:00:00Z');

    const { events } = owner.room('101', { isDeleted: true });

    expect(events).toMatchObject([{ nights: [{ night: '2026-05-12' }] }]);
  });
});

describe('a zone that becomes known', () => {
  test('moves holds to the nights they really sleep, with a version and an event', () => {
    const owner = new Owner();
    owner.catalogue();
    owner.room('101');
    const counted = owner.held({ stayStart: '2026-05-11T00:00Z', stayEnd: '2026-05-11T14:00Z' });

    const { events } = owner.property({ ...helsinki, zone: 'Pacific/Honolulu' });

    const stored = owner.stored(counted.lockId);
    expect([counted.nights, stored.nights]).toEqual([['2026-05-10'], ['2026-05-10']]);
    expect(events).toEqual([]);
    const { events: moved } = owner.property({ ...helsinki, zone: 'Pacific/Kiritimati' });
    const { version, nights } = owner.stored(counted.lockId);
    expect(nights).toEqual(['2026-05-11']);
    expect(version).toBe(counted.version + 1);
    expect(moved).toMatchObject([{ type: 'inventory.locked', version, nights }]);
  });
});

describe('availability', () => {
  test('tells capacity, what is held and what is free, night by night', () => {
    const owner = openHotel(['101', '102']);
    owner.held({ stayStart: '2026-05-11', stayEnd: '2026-05-13' });
    owner.held({
      stayStart: '2026-05-12',
      stayEnd: '2026-05-13',
      reservationId: 'R2',
      roomId: '101',
    });
    owner.room('102', { blocked: { fromMs: at('2026-05-12T00:00Z'), toMs: undefined } });

    const nights = availability(owner.state, {
      ...{ tenantId, roomTypeId: standard },
      ...{ from: '2026-05-10', to: '2026-05-13' },
    });

    expect(nights).toEqual([
      { night: '2026-05-10', capacity: 2, held: 0, free: 2 },
      { night: '2026-05-11', capacity: 1, held: 1, free: 0 },
      { night: '2026-05-12', capacity: 1, held: 2, free: 0 },
    ]);
  });

  test('says what it does not know', () => {
    const owner = new Owner();
    owner.held();

    const nights = availability(owner.state, {
      ...{ tenantId, roomTypeId: standard },
      ...{ from: '2026-05-12', to: '2026-05-13' },
    });

    expect(nights).toEqual([
      { night: '2026-05-12', capacity: undefined, held: 1, free: undefined },
    ]);
  });
});
