/**
 * What the guard's predecessor did wrong. Each test is built so that its way would fail: it read and
 * wrote apart, gave a type one room, kept room and type apart, let sold stays run out, hid expiry in
 * one query, kept one window per reservation, and took whatever id came for the lock's own.
 */
import { describe, expect, test } from '@jest/globals';
import { decide } from '../../../topology/guard/decide.ts';
import { evolve } from '../../../topology/guard/evolve.ts';
import {
  foldedAnew,
  hourMs,
  liveLocks,
  lockCommand,
  openHotel,
  otherTenantId,
  tenantId,
} from './guard-fixtures.ts';

const key = `${tenantId}|standard`;

describe('G1: two first requests for one room', () => {
  test('do not both win, however many come', () => {
    const owner = openHotel(['101', '102']);

    const answers = Array.from({ length: 256 }, (_, i) =>
      owner.lock({ roomId: '101', reservationId: `R${i}` }),
    );

    expect(answers.filter(({ status }) => status === 'LOCKED')).toHaveLength(1);
  });

  test('that were decided on one state cannot both be made', () => {
    const { state, nowMs, options } = openHotel(['101', '102']);
    const [one, two] = ['R1', 'R2'].map((reservationId) =>
      decide(state, lockCommand({ roomId: '101', reservationId }), { nowMs, options }),
    );

    evolve(state, one!);

    expect([one?.answer.status, two?.answer.status]).toEqual(['LOCKED', 'LOCKED']);
    expect(() => evolve(state, two!)).toThrow('was given before');
    expect(liveLocks(state)).toHaveLength(1);
  });
});

test('G2: the second booking of a type of two rooms is no conflict, the third is', () => {
  const owner = openHotel(['101', '102']);

  const statuses = ['R1', 'R2', 'R3'].map((reservationId) => owner.lock({ reservationId }).status);

  expect(statuses).toEqual(['LOCKED', 'LOCKED', 'CONFLICT']);
});

describe('G3: room-level and type-level holds', () => {
  test('see each other: a type whose rooms are all locked is full', () => {
    const owner = openHotel(['101', '102']);
    owner.held({ roomId: '101', reservationId: 'R1' });
    owner.held({ roomId: '102', reservationId: 'R2' });

    const answer = owner.lock({ reservationId: 'R3' });

    expect(answer).toMatchObject({ conflict: { reason: 'TYPE_FULL' } });
  });

  test('see each other: a type that is sold out has no room left to lock', () => {
    const owner = openHotel(['101', '102']);
    owner.held({ reservationId: 'R1' });
    owner.held({ reservationId: 'R2' });

    const answer = owner.lock({ reservationId: 'R3', roomId: '101' });

    expect(answer).toMatchObject({ conflict: { reason: 'TYPE_FULL' } });
  });
});

test('G4: a confirmed stay is protected until its end, not for two hours', () => {
  const owner = openHotel(['101']);
  owner.confirm(owner.held({ roomId: '101' }).lockId);

  const statuses = [3 * hourMs, 25 * hourMs, 60 * 24 * hourMs].map((laterMs) => {
    owner.nowMs += laterMs;
    return owner.lock({ roomId: '101', reservationId: `R${laterMs}` }).status;
  });

  expect(statuses).toEqual(['CONFLICT', 'CONFLICT', 'CONFLICT']);
});

test('G5: an expired hold is expired for whoever looks, by an event and without a query of time', () => {
  const owner = openHotel(['101']);
  const { lockId } = owner.held({ roomId: '101', ttlSeconds: 60 });
  owner.nowMs += 60_000;

  owner.ask({ kind: 'expire', limit: 10 });

  expect(owner.stored(lockId).status).toBe('EXPIRED');
  expect(owner.state.heldOn(key, '2026-05-10')).toBe(0);
  expect(owner.state.roomHolds({ tenantId, roomId: '101' }, undefined)).toEqual([]);
  expect(owner.state.reservationHolds(tenantId, 'R1')).toEqual([]);
  expect(owner.events().at(-1)).toMatchObject({ type: 'inventory.released', lockId });
});

describe('G6: a change', () => {
  test('that asks for the extension only does not give away the confirmed stay', () => {
    const owner = openHotel(['101']);
    owner.confirm(owner.held({ roomId: '101' }).lockId);

    owner.held({ roomId: '101', stayStart: '2026-05-13', stayEnd: '2026-05-15' });

    const answer = owner.lock({ roomId: '101', reservationId: 'R2', stayEnd: '2026-05-11' });
    expect(answer).toMatchObject({ conflict: { reason: 'ROOM_HELD', nights: ['2026-05-10'] } });
  });

  test('that assigns a room goes on counting for the type', () => {
    const owner = openHotel(['101', '102']);
    owner.held();

    owner.held({ roomId: '101' });

    expect(owner.state.heldOn(key, '2026-05-10')).toBe(1);
    expect(owner.lock({ reservationId: 'R2' }).status).toBe('LOCKED');
    expect(owner.lock({ reservationId: 'R3' }).status).toBe('CONFLICT');
  });

  test('that fails leaves the hold that was valid before', () => {
    const owner = openHotel(['101']);
    const valid = owner.held({ roomId: '101' });
    owner.held({
      reservationId: 'R2',
      roomId: '101',
      stayStart: '2026-05-13',
      stayEnd: '2026-05-15',
    });

    const answer = owner.lock({ roomId: '101', stayEnd: '2026-05-14' });

    expect(answer.status).toBe('CONFLICT');
    expect(owner.stored(valid.lockId)).toMatchObject(valid);
    expect(owner.lock({ reservationId: 'R3', roomId: '101' }).status).toBe('CONFLICT');
  });
});

describe('G10: a release', () => {
  test('that comes late does not free the room that was taken again', () => {
    const owner = openHotel(['101']);
    const first = owner.held({ roomId: '101' });
    owner.release({ lockId: first.lockId });
    const again = owner.held({ roomId: '101', stayEnd: '2026-05-12' });

    const late = owner.release({ lockId: first.lockId, version: first.version });

    expect(late).toMatchObject({ isRepeat: true, lock: { lockId: first.lockId } });
    expect(owner.stored(again.lockId).status).toBe('TENTATIVE');
  });

  test('with the version from before a change does not free what was changed', () => {
    const owner = openHotel(['101']);
    const { lockId, version } = owner.held();
    owner.held({ stayEnd: '2026-05-14' });

    const answer = owner.release({ lockId, version });

    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'version' });
    expect(owner.stored(lockId).status).toBe('TENTATIVE');
  });

  test('of another reservation, or of a hold that has ended, changes nothing', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();

    const foreign = owner.release({ lockId, reservationId: 'R2' });
    owner.release({ lockId, reason: 'FIRST' });
    const second = owner.release({ lockId, reason: 'SECOND' });

    expect(foreign).toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(second).toMatchObject({ isRepeat: true, lock: { releaseReason: 'FIRST' } });
  });
});

describe('G11: a key', () => {
  test('of another tenant does not take over the hold', () => {
    const owner = openHotel(['101']);
    const idempotencyKey = '0b1c0000-0000-4000-8000-000000000001';
    const mine = owner.held({ idempotencyKey });

    const theirs = owner.held({ idempotencyKey, tenantId: otherTenantId });

    expect(owner.stored(mine.lockId)).toMatchObject(mine);
    expect(theirs.lockId).not.toBe(mine.lockId);
  });

  test.each(['not a uuid', 'ключ', "'; DROP TABLE locks; --", '__proto__', 'x'.repeat(5000)])(
    'may be any text: %#',
    (idempotencyKey) => {
      const owner = openHotel(['101']);

      const first = owner.held({ idempotencyKey });
      const again = owner.lock({ idempotencyKey });

      expect(again).toEqual({ status: 'LOCKED', lock: first, isRepeat: true });
      expect(foldedAnew(owner.log).contents()).toEqual(owner.state.contents());
    },
  );

  test('that is empty is none, and shared by nobody', () => {
    const owner = openHotel(['101', '102']);

    const [one, two] = ['R1', 'R2'].map((reservationId) =>
      owner.held({ reservationId, idempotencyKey: '' }),
    );

    expect(one?.lockId).not.toBe(two?.lockId);
  });
});

describe('G16: a date', () => {
  test('is the property’s, not midnight UTC: one leaves at 11:00, the next comes at 15:00', () => {
    const owner = openHotel(['101']);

    const first = owner.held({ roomId: '101' });
    const second = owner.held({
      roomId: '101',
      reservationId: 'R2',
      stayStart: '2026-05-13',
      stayEnd: '2026-05-14',
    });

    const iso = (atMs: number): string => new Date(atMs).toISOString();
    expect(iso(first.stayEndMs)).toBe('2026-05-13T08:00:00.000Z');
    expect(iso(second.stayStartMs)).toBe('2026-05-13T12:00:00.000Z');
  });

  test('of a guest who walks in after midnight is the night before, which he sleeps', () => {
    const owner = openHotel(['101']);
    const walkIn = { stayStart: '2026-05-10T22:30:00Z', stayEnd: '2026-05-11' };

    const { nights } = owner.held(walkIn);
    const next = owner.lock({
      reservationId: 'R2',
      stayStart: '2026-05-10',
      stayEnd: '2026-05-11',
    });

    expect(nights).toEqual(['2026-05-10']);
    expect(next).toMatchObject({ conflict: { reason: 'TYPE_FULL', nights: ['2026-05-10'] } });
  });
});
