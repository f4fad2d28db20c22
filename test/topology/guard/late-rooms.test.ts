/** Rooms that a reservation is late to have: captured after they were sold, or lost before they were. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { FollowingGuard, idOf, standard, suite } from '../../support/following-guard.ts';

const minuteMs = 60_000;
let guard: FollowingGuard;

beforeEach(async () => {
  guard = await FollowingGuard.besideHotel();
});

afterEach(() => guard.driver.close());

describe('a further room of a reservation that expired before its command took effect', () => {
  const further = { idempotencyKey: 'second room', roomTypeId: suite, ttlSeconds: 60 };
  const both = ['R1 standard CONFIRMED 05-10 05-11 05-12', 'R1 suite CONFIRMED 05-10 05-11 05-12'];

  async function heldAndExpired(): Promise<number> {
    await guard.held('R1', { ttlSeconds: 60 });
    await guard.held('R1', further);
    const acceptedAtMs = guard.nowMs();
    await guard.driver.advance(3 * minuteMs);
    expect(await guard.standing()).toEqual([]);
    return acceptedAtMs;
  }

  test('is held again when that is heard of', async () => {
    const atMs = await heldAndExpired();
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.create', { createdAtMs: atMs });

    expect(await guard.standing()).toEqual(both);
  });

  test('is held even where somebody else has it by now, and that is told', async () => {
    const atMs = await heldAndExpired();
    await guard.held('R2', { roomTypeId: suite });
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.create', { createdAtMs: atMs });

    expect(await guard.standing()).toEqual([...both, 'R2 suite TENTATIVE 05-10 05-11 05-12']);
    expect(guard.events().at(-1)).toMatchObject({ type: 'inventory.overcommitted' });
  });

  test('is not held again for a command that was accepted after it was lost', async () => {
    await heldAndExpired();
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.modify');

    expect(await guard.standing()).toEqual(both.slice(0, 1));
  });

  test('is let go with the reservation', async () => {
    const atMs = await heldAndExpired();
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.create', { createdAtMs: atMs });
    await guard.lifecycle('R1', 'reservation.cancel');

    expect(await guard.standing()).toEqual([]);
  });

  test('is held once, however often the command is heard of', async () => {
    const atMs = await heldAndExpired();
    await guard.lifecycle('R1', 'reservation.create', { createdAtMs: atMs });
    await guard.reservation('R1', 'CONFIRMED');
    await guard.lifecycle('R1', 'reservation.create', { createdAtMs: atMs });

    expect(await guard.standing()).toEqual(both);
  });
});

describe('a room that is captured after it was sold', () => {
  const captureLater = async (): Promise<void> => {
    guard.captureRoom('109', standard, 'false');
    await guard.settle();
  };
  const roomsHeld = async (): Promise<readonly (string | undefined)[]> =>
    (await guard.liveHolds()).map(({ roomId }) => roomId);

  test('is held by the stay it was sold with', async () => {
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '109' });
    await captureLater();

    expect(await roomsHeld()).toEqual([idOf('room 109')]);
  });

  test('is not held by a stay that has lost it in the meantime', async () => {
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '109' });
    await guard.reservation('R1', 'CONFIRMED', {});
    await captureLater();

    expect(await roomsHeld()).toEqual([undefined]);
  });

  test('is held by a stay that somebody had locked without it', async () => {
    await guard.held('R1');
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '109' });
    await captureLater();

    expect(await roomsHeld()).toEqual([idOf('room 109')]);
  });

  test('is held by one of two stays, and told of for the other', async () => {
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '109' });
    await guard.reservation('R2', 'CONFIRMED', { roomNumber: '109' });
    await captureLater();

    const overcommitted = guard.events().filter(({ type }) => type === 'inventory.overcommitted');
    expect(await roomsHeld()).toEqual(expect.arrayContaining([idOf('room 109'), undefined]));
    expect(overcommitted).toMatchObject([{ roomId: idOf('room 109') }]);
  });

  test('is held again by a stay that a change of it came to nothing for', async () => {
    await guard.reservation('R1', 'CONFIRMED', { roomNumber: '109' });
    await guard.held('R1', { stayStart: '2026-05-11', stayEnd: '2026-05-14', ttlSeconds: 60 });
    await captureLater();
    await guard.driver.advance(2 * minuteMs);

    expect(await guard.standing()).toEqual(['R1 standard CONFIRMED 05-10 05-11 05-12']);
    expect(await roomsHeld()).toEqual([idOf('room 109')]);
  });
});
