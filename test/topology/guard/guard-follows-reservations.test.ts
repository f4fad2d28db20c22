/** Holds follow what the platform says of its reservations, in whatever order it is heard. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FollowingGuard, idOf, standard, suite, tenantId } from '../../support/following-guard.ts';

const minuteMs = 60_000;
let guard: FollowingGuard;

beforeEach(async () => {
  guard = await FollowingGuard.besideHotel();
});

afterEach(() => guard.driver.close());

describe('a live reservation', () => {
  test('that no one locked is held, confirmed, from its row', async () => {
    await guard.reservation('R1', 'CONFIRMED');

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
    expect((await guard.liveHolds())[0]).toMatchObject({
      reason: 'PLATFORM',
      expiresAtMs: undefined,
    });
  });

  test('keeps the hold that was taken for it beyond its time to live', async () => {
    await guard.held('R1', { ttlSeconds: 60 });
    await guard.reservation('R1', 'PENDING');
    await guard.driver.advance(5 * minuteMs);

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });

  test('is confirmed by its lifecycle too, before its row is heard of', async () => {
    await guard.held('R1');
    await guard.lifecycle('R1', 'reservation.create');

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });

  test('is not confirmed by a command that has not taken effect', async () => {
    await guard.held('R1');
    await guard.lifecycle('R1', 'reservation.create', { state: 'PUBLISHED' });

    expect(await guard.standing()).toEqual(['R1 standard TENTATIVE 05-10 05-11 05-12']);
  });

  test('whose command was APPLIED before the hold came is confirmed when it comes', async () => {
    await guard.lifecycle('R1', 'reservation.create');
    await guard.held('R1');

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });

  test('has its room once a room is assigned, and gives it to nobody else', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '101' });
    const other = await guard.lock('R2', { roomId: idOf('room 101') });

    expect((await guard.liveHolds())[0]).toMatchObject({ roomId: idOf('room 101') });
    expect(other).toMatchObject({ status: 'CONFLICT', conflict: { reason: 'ROOM_HELD' } });
  });

  test('takes its hold again when the hold expired before it was APPLIED', async () => {
    await guard.held('R1', { ttlSeconds: 60 });
    await guard.driver.advance(3 * minuteMs);
    expect(await guard.standing()).toEqual([]);
    await guard.reservation('R1', 'CONFIRMED');

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });

  test('of three rooms of two types has all three confirmed, and all three released', async () => {
    await guard.held('R1');
    await guard.held('R1', { idempotencyKey: `${idOf('R1')}/2` });
    await guard.held('R1', { idempotencyKey: `${idOf('R1')}/3`, roomTypeId: suite });
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.create');
    const held = await guard.standing();
    await guard.lifecycle('R1', 'reservation.cancel');

    expect(held).toEqual([
      'R1 standard CONFIRMED 05-10 05-11 05-12',
      'R1 standard CONFIRMED 05-10 05-11 05-12',
      'R1 suite CONFIRMED 05-10 05-11 05-12',
    ]);
    expect(await guard.standing()).toEqual([]);
  });

  test('that is locked by a key of its own after its row was heard of is held once', async () => {
    await guard.reservation('R1', 'CONFIRMED');
    await guard.held('R1', { idempotencyKey: 'quote-17' });
    await guard.lifecycle('R1', 'reservation.create');

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
    expect((await guard.liveHolds())[0]).toMatchObject({ slot: 'key:quote-17' });
  });
});

describe('the end of a reservation', () => {
  test.each([
    ['reservation.cancel', 'CANCELLED'],
    ['reservation.check_out', 'CHECKED_OUT'],
    ['reservation.no_show', 'NO_SHOW'],
  ])('%s releases its hold, whoever forgot to call', async (commandName, status) => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', commandName);
    const afterCommand = await guard.standing();
    await guard.reservation('R1', status);

    expect(afterCommand).toEqual([]);
    expect(await guard.standing()).toEqual([]);
    expect(guard.events().at(-1)).toMatchObject({
      ...{ type: 'inventory.released', releaseReason: commandName },
    });
  });

  test.each(['CANCELLED', 'CHECKED_OUT', 'NO_SHOW', 'EXPIRED'])(
    'as its row says it (%s), without a lifecycle row, releases its hold',
    async (status) => {
      await guard.held('R1');
      await guard.reservation('R1', 'CONFIRMED');
      await guard.reservation('R1', status);

      expect(await guard.standing()).toEqual([]);
    },
  );

  test('heard of before the hold that was taken before it releases that hold', async () => {
    const endsAtMs = guard.nowMs();
    await guard.lifecycle('R1', 'reservation.cancel');
    await guard.held('R1');

    // Within what two clocks may be apart.
    expect(guard.nowMs() - endsAtMs).toBeGreaterThan(5_000);
    expect(await guard.standing()).toEqual([]);
  });

  test('releases no hold that was taken after it', async () => {
    await guard.held('R1');
    await guard.lifecycle('R1', 'reservation.cancel');
    await guard.driver.advance(60_000);
    await guard.held('R1', { stayEnd: '2026-05-12' });

    expect(await guard.standing()).toEqual(['R1 standard TENTATIVE 05-10 05-11']);
  });

  test('read again by a snapshot releases nothing that was taken since', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CANCELLED');
    await guard.lifecycle('R1', 'reservation.cancel');
    await guard.driver.advance(60_000);
    await guard.held('R1', { stayEnd: '2026-05-12' });
    await guard.reservation('R1', 'CANCELLED', {}, 'true');

    expect(await guard.standing()).toEqual(['R1 standard TENTATIVE 05-10 05-11']);
  });

  test('taken back has the stay held again', async () => {
    await guard.reservation('R1', 'CONFIRMED');
    await guard.reservation('R1', 'CANCELLED');
    expect(await guard.standing()).toEqual([]);
    await guard.reservation('R1', 'CONFIRMED');

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });
});

describe('a change of a confirmed stay', () => {
  test('counts beside it until it is APPLIED, then alone', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED');
    await guard.held('R1', { stayStart: '2026-05-20', stayEnd: '2026-05-22' });
    const range = { from: '2026-05-10', to: '2026-05-23' };
    const heldOn = async (): Promise<readonly string[]> =>
      (await guard.ask({ kind: 'availability', tenantId, roomTypeId: standard, ...range }))
        .filter(({ held }) => held > 0)
        .map(({ night }) => night.slice(5));
    const both = await heldOn();
    await guard.reservation('R1', 'CONFIRMED', { arrival: '2026-05-20', departure: '2026-05-22' });

    expect(both).toEqual(['05-10', '05-11', '05-12', '05-20', '05-21']);
    expect(await heldOn()).toEqual(['05-20', '05-21']);
    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-20 05-21']);
  });

  test('whose command ends in the DLQ returns to the stay that was confirmed', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED');
    await guard.held('R1', { stayEnd: '2026-05-15', ttlSeconds: 60 });
    await guard.lifecycle('R1', 'reservation.modify', { state: 'DLQ' });
    // Another command of the reservation takes effect meanwhile.
    await guard.lifecycle('R1', 'reservation.assign_room');
    await guard.driver.advance(2 * minuteMs);

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });

  test('to another type releases the superseded hold once it is confirmed', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED');
    await guard.held('R1', { roomTypeId: suite, idempotencyKey: `${idOf('R1')}:1` });
    const both = await guard.standing();
    await guard.reservation('R1', 'CONFIRMED', { roomTypeId: suite });

    expect(both).toEqual([
      'R1 standard CONFIRMED 05-10 05-11 05-12',
      'R1 suite TENTATIVE 05-10 05-11 05-12',
    ]);
    expect(await guard.standing()).toEqual(['R1 suite CONFIRMED 05-10 05-11 05-12']);
  });

  test('from type to type and back before anything was confirmed leaves the last', async () => {
    const main = idOf('R1');
    await guard.lock('R1', { idempotencyKey: `${main}:1` });
    await guard.lock('R1', { roomTypeId: suite, idempotencyKey: `${main}:2` });
    await guard.lock('R1', { idempotencyKey: `${main}:3`, stayEnd: '2026-05-12' });
    await guard.settle(10_000);

    expect(await guard.standing()).toEqual(['R1 standard TENTATIVE 05-10 05-11']);
  });

  test('of a reservation that no one locked moves its hold', async () => {
    await guard.reservation('R1', 'CONFIRMED');
    await guard.reservation('R1', 'CONFIRMED', { arrival: '2026-05-12', departure: '2026-05-14' });

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-12 05-13']);
  });
});

describe('a guard that starts beside a hotel', () => {
  test('that already sold everything, and one room more, holds all of it and says so', async () => {
    await guard.reservation('R1', 'CHECKED_IN', { roomNumber: '101' });
    await guard.reservation('R2', 'CONFIRMED', { roomNumber: '102' });
    await guard.reservation('R3', 'CONFIRMED');
    const overcommitted = guard.events().filter(({ type }) => type === 'inventory.overcommitted');

    expect((await guard.standing()).map((line) => line.slice(0, 21))).toEqual([
      'R1 standard CONFIRMED',
      'R2 standard CONFIRMED',
      'R3 standard CONFIRMED',
    ]);
    expect(overcommitted).toMatchObject([
      {
        reservationId: idOf('R3'),
        nights: [
          { date: '2026-05-10', capacity: 2, held: 3 },
          { date: '2026-05-11', capacity: 2, held: 3 },
          { date: '2026-05-12', capacity: 2, held: 3 },
        ],
      },
    ]);
    expect(await guard.lock('R4')).toMatchObject({ status: 'CONFLICT' });
  });

  test('that sold one room twice holds it once, and a room of its type for the other', async () => {
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '101' });
    await guard.reservation('R2', 'CONFIRMED', { roomNumber: '101' });
    const holds = await guard.liveHolds();

    expect(holds.map(({ roomId }) => roomId).sort()).toEqual([idOf('room 101'), undefined]);
    expect(guard.events().map(({ type }) => type)).toContain('inventory.overcommitted');
  });

  test('and hears of reservations before rooms gives them their rooms later', async () => {
    await guard.driver.close();
    guard = await FollowingGuard.start();
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '101' });
    const before = (await guard.liveHolds())[0]?.roomId;
    await guard.captureHotel();
    await guard.settle(10_000);

    expect(before).toBeUndefined();
    expect((await guard.liveHolds())[0]).toMatchObject({ roomId: idOf('room 101') });
  });
});

describe('while the capture is silent', () => {
  test('longer than a time to live no hold expires; when it is heard again those do that were not sold', async () => {
    await guard.held('R1', { ttlSeconds: 60 });
    await guard.held('R2', { ttlSeconds: 60 });
    guard.isSilent = true;
    await guard.driver.advance(3 * minuteMs);
    const during = await guard.standing();
    await guard.reservation('R1', 'CONFIRMED');
    guard.isSilent = false;
    await guard.settle();

    expect(during).toHaveLength(2);
    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });
});

describe('a restart', () => {
  test('orders nothing a second time', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.create');
    const before = guard.events().length;
    await guard.driver.close();
    guard = await FollowingGuard.start({}, guard);
    await guard.settle(10_000);

    expect(guard.events()).toHaveLength(before);
    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
  });
});

describe('the holds of a reservation', () => {
  test('are listed, live or ended, and those of several are released at once', async () => {
    await guard.held('R1');
    await guard.held('R2', { roomTypeId: suite });
    const { lockId } = await guard.held('R3');
    const listed = (
      reservationId: string,
      status?: 'RELEASED',
    ): Promise<readonly { readonly lockId: string }[]> =>
      guard.ask({
        ...{ kind: 'list-locks', tenantId, reservationId, roomId: undefined, status },
        ...{ roomTypeId: undefined, fromMs: undefined, toMs: undefined },
        ...{ afterLockId: undefined, limit: 100 },
      });
    const before = await listed(idOf('R3'));
    const released = await guard.ask({
      ...{ kind: 'bulk-release', tenantId, lockIds: undefined, reservationId: undefined },
      ...{ reservationIds: ['R3', 'R1', 'R4'].map(idOf), roomId: undefined, window: undefined },
      ...{ reason: 'CLEARED', actor: 'test', correlationId: undefined, metadata: {} },
      roomTypeId: undefined,
    });

    expect(before).toMatchObject([{ lockId }]);
    expect(released).toMatchObject({
      ...{ status: 'DONE', results: [{ outcome: 'RELEASED' }, { outcome: 'RELEASED' }] },
    });
    expect(await listed(idOf('R3'))).toEqual([]);
    expect(await listed(idOf('R3'), 'RELEASED')).toMatchObject([{ lockId }]);
    expect(await guard.standing()).toEqual(['R2 suite TENTATIVE 05-10 05-11 05-12']);
  });
});

describe('a room that changes its type', () => {
  const range = { from: '2026-05-10', to: '2026-05-11' };
  const capacityOf = async (roomTypeId: string): Promise<number | undefined> =>
    (await guard.ask({ kind: 'availability', tenantId, roomTypeId, ...range }))[0]?.capacity;

  test('with no hold on it is granted in the new one as soon as the old one has let it go', async () => {
    guard.captureRoom('101', suite, 'false');
    await guard.settle();
    const answer = await guard.lock('R1', { roomTypeId: suite, roomId: idOf('room 101') });

    expect([await capacityOf(standard), await capacityOf(suite)]).toEqual([1, 2]);
    expect(answer.status).toBe('LOCKED');
  });

  test('with a hold on it is granted in no type until that hold has ended', async () => {
    const { lockId } = await guard.held('R1', { roomId: idOf('room 101') });
    guard.captureRoom('101', suite, 'false');
    await guard.settle();
    const wish = { roomTypeId: suite, roomId: idOf('room 101') };
    const during = await guard.lock('R2', wish);
    const capacities = [await capacityOf(standard), await capacityOf(suite)];
    await guard.ask({
      ...{ kind: 'release', tenantId, lockId, reservationId: undefined, version: undefined },
      ...{ reason: 'moved', actor: 'test', correlationId: undefined, metadata: {} },
    });
    await guard.settle();

    expect(during).toMatchObject({ status: 'REFUSED', field: 'roomId' });
    expect(capacities).toEqual([1, 1]);
    expect(await capacityOf(suite)).toBe(2);
    expect(await guard.lock('R2', wish)).toMatchObject({ status: 'LOCKED' });
  });

  test('and goes back while it is held is its old type\u2019s again at once', async () => {
    await guard.held('R1', { roomId: idOf('room 101') });
    guard.captureRoom('101', suite, 'false');
    await guard.settle();
    guard.captureRoom('101', standard, 'false');
    await guard.settle();
    const later = { roomId: idOf('room 101'), stayStart: '2026-06-01', stayEnd: '2026-06-02' };

    expect([await capacityOf(standard), await capacityOf(suite)]).toEqual([2, 1]);
    expect(await guard.lock('R2', later)).toMatchObject({ status: 'LOCKED' });
  });

  test('twice while it is held is granted in none of them', async () => {
    const third = idOf('family');
    await guard.held('R1', { roomId: idOf('room 101') });
    guard.captureRoom('101', suite, 'false');
    await guard.settle();
    guard.captureRoom('101', third, 'false');
    await guard.settle();
    const wish = { roomTypeId: third, roomId: idOf('room 101') };

    expect(await guard.lock('R2', wish)).toMatchObject({ status: 'REFUSED', field: 'roomId' });
    expect(await guard.lock('R2', { ...wish, roomTypeId: suite })).toMatchObject({
      status: 'REFUSED',
    });
  });
});
