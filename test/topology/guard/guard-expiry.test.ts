/** What time does to holds: expiry, the decision clock, confirmed stays and forgetting. */
import { describe, expect, test } from '@jest/globals';
import { expiriesPerDecision } from '../../../topology/guard/decide-now.ts';
import {
  dayMs,
  foldedAnew,
  hourMs,
  liveLocks,
  openHotel,
  Owner,
  propertyId,
  startMs,
  tenantId,
} from './guard-fixtures.ts';

const minuteMs = 60_000;
const key = `${tenantId}|standard`;

describe('a tentative hold', () => {
  test.each([
    ['as long as it asks for', 600, 600],
    ['as long as the default when it does not say', undefined, 7200],
    ['as long as the default when it says 0', 0, 7200],
    ['at most as long as the limit', 999_999, 86_400],
  ])('lives %s', (_title, ttlSeconds, seconds) => {
    const owner = openHotel(['101']);

    const { expiresAtMs } = owner.held({ ttlSeconds });

    expect(expiresAtMs).toBe(owner.nowMs + seconds * 1000);
  });

  test('expires when its time is over and not a millisecond before, once, with an event', () => {
    const owner = openHotel(['101']);
    const { lockId, version } = owner.held({ ttlSeconds: 60 });
    owner.nowMs += minuteMs - 1;
    const before = owner.ask({ kind: 'expire', limit: 10 });
    const statusBefore = owner.stored(lockId).status;
    owner.nowMs += 1;

    owner.ask({ kind: 'expire', limit: 10 });
    owner.ask({ kind: 'expire', limit: 10 });

    expect([before.count, statusBefore]).toEqual([0, 'TENTATIVE']);
    expect(owner.stored(lockId)).toMatchObject({ status: 'EXPIRED', releasedAtMs: owner.nowMs });
    expect(owner.events('inventory.released')).toMatchObject([
      { lockId, releaseReason: 'EXPIRED', releasedAtMs: owner.nowMs, version: version + 1 },
    ]);
    expect(owner.events('inventory.release_requested')).toEqual([]);
  });

  test('that is due at the moment of a request does not stand in its way', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ roomId: '101', ttlSeconds: 60 });
    owner.nowMs += minuteMs;

    const answer = owner.lock({ roomId: '101', reservationId: 'R2' });

    const [expiry, grant] = owner.log.slice(-2);
    expect(answer).toMatchObject({ status: 'LOCKED', isRepeat: false });
    expect(expiry).toMatchObject({ command: { kind: 'expire' }, decidedAtMs: owner.nowMs });
    expect(expiry?.events).toMatchObject([{ type: 'inventory.released', lockId }]);
    expect(grant?.command).toMatchObject({ kind: 'lock', reservationId: 'R2' });
  });

  test('of more than one decision’s worth all expire before a request is decided', () => {
    const count = 2 * expiriesPerDecision + 1;
    const owner = openHotel(Array.from({ length: count }, (_, i) => String(1000 + i)));
    for (let i = 0; i < count; i += 1) owner.held({ reservationId: `R${i}`, ttlSeconds: 60 });
    const before = owner.log.length;
    owner.nowMs += minuteMs;

    owner.held({ reservationId: 'late' });

    expect(owner.log.slice(before).map(({ changes }) => changes.length)).toEqual([
      expiriesPerDecision,
      expiriesPerDecision,
      1,
      2,
    ]);
    expect(liveLocks(owner.state)).toHaveLength(1);
  });

  test('does not expire while the lifecycle stream is silent, and goes on counting', () => {
    const owner = openHotel(['101'], { isExpiryPaused: true });
    owner.held({ ttlSeconds: 60 });
    owner.nowMs += dayMs;

    const silent = owner.lock({ reservationId: 'R2' });
    owner.options = { ...owner.options, isExpiryPaused: false };
    const heard = owner.lock({ reservationId: 'R2' });

    expect([silent.status, heard.status]).toEqual(['CONFLICT', 'LOCKED']);
  });

  test('that is changed lives on from the change', () => {
    const owner = openHotel(['101']);
    owner.held({ ttlSeconds: 60 });
    owner.nowMs += 50_000;

    const changed = owner.held({ ttlSeconds: 60, stayEnd: '2026-05-14' });
    owner.nowMs += 59_999;
    owner.ask({ kind: 'expire', limit: 10 });

    expect(changed.grantedAtMs).toBe(startMs);
    expect(owner.stored(changed.lockId).status).toBe('TENTATIVE');
  });
});

describe('the decision clock', () => {
  test('does not run backwards after an owner whose clock is five minutes fast', () => {
    const fast = openHotel(['101', '102']);
    fast.nowMs += 5 * minuteMs;
    const first = fast.held({ ttlSeconds: 60 });
    const next = new Owner();
    Object.assign(next, { state: foldedAnew(fast.log) });
    next.nowMs = startMs + 1000;

    const second = next.held({ reservationId: 'R2', ttlSeconds: 60 });
    const early = next.lock();
    next.nowMs = startMs + 6 * minuteMs - 1;
    const still = next.lock();
    next.nowMs += 1;
    next.ask({ kind: 'expire', limit: 10 });

    expect(second.grantedAtMs).toBe(first.grantedAtMs);
    expect(second.version).toBe(first.version + 1);
    expect([early, still]).toMatchObject([{ lock: first }, { lock: first }]);
    expect(next.stored(first.lockId)).toMatchObject({ status: 'EXPIRED' });
    const times = [...fast.log, ...next.log].map(({ decidedAtMs }) => decidedAtMs);
    expect(times).toEqual([...times].sort((left, right) => left - right));
  });
});

describe('a confirmed hold', () => {
  test('never expires', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ roomId: '101' });
    owner.confirm(lockId);
    owner.nowMs += 60 * dayMs;

    owner.ask({ kind: 'expire', limit: 10 });

    expect(owner.stored(lockId).status).toBe('CONFIRMED');
    expect(owner.lock({ reservationId: 'R2', roomId: '101' }).status).toBe('CONFLICT');
  });

  test('that is changed holds both stays until one of them wins', () => {
    const owner = openHotel(['101', '102']);
    const { lockId } = owner.held({ roomId: '101' });
    owner.confirm(lockId);

    const changed = owner.held({ roomId: '102', stayStart: '2026-05-12', stayEnd: '2026-05-15' });
    const others = ['101', '102'].map((roomId) =>
      owner.lock({ roomId, reservationId: 'R2', stayStart: '2026-05-12', stayEnd: '2026-05-13' }),
    );

    expect(changed).toMatchObject({ lockId, status: 'TENTATIVE', roomId: '102' });
    expect(others).toMatchObject([
      { conflict: { reason: 'ROOM_HELD', blockingLock: { lockId } } },
      { conflict: { reason: 'ROOM_HELD', blockingLock: { lockId } } },
    ]);
    expect(owner.events('inventory.locked').at(-1)).toMatchObject({
      ...{ lockId, roomId: '102' },
      confirmedStay: { roomId: '101', nights: ['2026-05-10', '2026-05-11', '2026-05-12'] },
    });
  });

  test('that is changed counts once on a night of both stays', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    owner.confirm(lockId);

    const changed = owner.lock({ stayStart: '2026-05-11', stayEnd: '2026-05-15' });

    const nights = ['2026-05-10', '2026-05-11', '2026-05-14', '2026-05-15'];
    const held = nights.map((night) => owner.state.heldOn(key, night));
    expect(changed.status).toBe('LOCKED');
    expect(held).toEqual([1, 1, 1, 0]);
  });

  test('returns to the confirmed stay when its change expires, with a version and an event', () => {
    const owner = openHotel(['101', '102']);
    const granted = owner.held({ roomId: '101' });
    owner.confirm(granted.lockId);
    const changed = owner.held({ roomId: '102', stayEnd: '2026-05-15', reservationId: 'R1' });
    owner.nowMs += 2 * hourMs;

    const { count } = owner.ask({ kind: 'expire', limit: 10 });

    const { nights, roomId, stayEndMs } = granted;
    const returned = {
      nights,
      roomId,
      stayEndMs,
      status: 'CONFIRMED',
      version: changed.version + 1,
    };
    expect(count).toBe(0);
    expect(owner.stored(granted.lockId)).toMatchObject({ ...returned, expiresAtMs: undefined });
    expect(owner.stored(granted.lockId).confirmedStay).toBeUndefined();
    expect(owner.events().at(-1)).toMatchObject({ type: 'inventory.locked', ...returned });
    expect(owner.state.roomHolds({ tenantId, roomId: '102' }, undefined)).toEqual([]);
    expect(owner.events('inventory.released')).toEqual([]);
  });

  test('returns with the property that a room of its type told while it was being changed', () => {
    const owner = new Owner({ unknownCapacity: 'allow', unknownRoom: 'allow' });
    const { lockId } = owner.held({ propertyId: undefined, roomId: '201' });
    owner.confirm(lockId);
    owner.held({ propertyId, roomId: undefined });
    owner.room('101');
    owner.nowMs += 2 * hourMs;

    owner.ask({ kind: 'expire', limit: 10 });

    expect(owner.stored(lockId)).toMatchObject({ status: 'CONFIRMED', roomId: '201', propertyId });
  });

  test('that has returned to its stay is what a new event for that stay finds', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ idempotencyKey: 'R1:event-1' });
    owner.confirm(lockId);
    owner.held({ idempotencyKey: 'R1:event-2', stayEnd: '2026-05-15' });
    owner.nowMs += 2 * hourMs;

    const answer = owner.lock({ idempotencyKey: 'R1:event-3' });

    expect(answer).toMatchObject({ isRepeat: true, lock: { lockId, status: 'CONFIRMED' } });
  });

  test('returns to the confirmed stay, however often the change was changed', () => {
    const owner = openHotel(['101']);
    const granted = owner.held();
    owner.confirm(granted.lockId);
    owner.held({ stayEnd: '2026-05-14' });
    owner.held({ stayEnd: '2026-05-15' });
    owner.nowMs += 2 * hourMs;

    owner.ask({ kind: 'expire', limit: 10 });

    expect(owner.stored(granted.lockId)).toMatchObject({ nights: granted.nights });
  });

  test('whose change is refused keeps its stay', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    const confirmed = owner.confirm(lockId);
    owner.held({ reservationId: 'R2', stayStart: '2026-05-13', stayEnd: '2026-05-14' });

    const answer = owner.lock({ stayEnd: '2026-05-14' });

    expect(answer.status).toBe('CONFLICT');
    expect(owner.stored(lockId)).toEqual(confirmed);
  });

  test('that is released while it changes gives both stays back', () => {
    const owner = openHotel(['101', '102']);
    const { lockId } = owner.held({ roomId: '101' });
    owner.confirm(lockId);
    owner.held({ roomId: '102' });

    owner.release({ lockId });

    expect(liveLocks(owner.state)).toEqual([]);
    expect(owner.state.typesHeld()).toEqual([]);
    expect(owner.state.reservationHolds(tenantId, 'R1')).toEqual([]);
  });
});

describe('forgetting', () => {
  test('of an earlier hold of a slot keeps what the slot has answered since', () => {
    const owner = openHotel(['101'], { retentionDays: 1 });
    const first = owner.held({ stayStart: '2026-03-02', stayEnd: '2026-03-03' });
    owner.release({ lockId: first.lockId });
    const second = owner.held();
    owner.release({ lockId: second.lockId });
    owner.nowMs += 20 * dayMs;

    const { count } = owner.ask({ kind: 'forget', limit: 10 });
    const answer = owner.lock();

    expect([count, owner.state.lock(first.lockId)]).toEqual([1, undefined]);
    expect(answer).toMatchObject({ isRepeat: true, lock: { lockId: second.lockId } });
  });

  test('takes the longest over first, as many as it may, and no hold that counts', () => {
    const owner = openHotel(['101', '102', '103'], { retentionDays: 1 });
    const stayOf = (day: number): { stayStart: string; stayEnd: string } => ({
      stayStart: `2026-03-${String(day).padStart(2, '0')}`,
      stayEnd: `2026-03-${String(day + 1).padStart(2, '0')}`,
    });
    const early = owner.held({ reservationId: 'R1', ...stayOf(2) });
    owner.held({ reservationId: 'R2', ...stayOf(4) });
    const kept = owner.held({ reservationId: 'R3', ...stayOf(3) });
    owner.confirm(kept.lockId);
    owner.nowMs += 20 * dayMs;

    const first = owner.ask({ kind: 'forget', limit: 1 });
    const isForgotten = owner.state.lock(early.lockId) === undefined;
    const second = owner.ask({ kind: 'forget', limit: 10 });

    expect([first.count, second.count, isForgotten]).toEqual([1, 1, true]);
    expect(owner.state.locks().map(({ lockId }) => lockId)).toEqual([kept.lockId]);
    expect(foldedAnew(owner.log).slot(key, 'reservation:R1')).toBeUndefined();
  });
});
