/** Repeats, changes and stale duplicates: what becomes of the requests of one slot. */
import { describe, expect, test } from '@jest/globals';
import { requestsPerSlotMax } from '../../../topology/guard/decide-lock.ts';
import {
  dayMs,
  liveLocks,
  openHotel,
  otherTenantId,
  Owner,
  roomRow,
  suite,
  tenantId,
} from './guard-fixtures.ts';

const longer = { stayEnd: '2026-05-14' };

describe('a repeat', () => {
  test('of one reservation asking twice gets the same answer and no second hold', () => {
    const owner = openHotel(['101', '102']);

    const first = owner.held();
    const second = owner.lock({ correlationId: 'another', reason: 'RETRY' });

    expect(second).toEqual({ status: 'LOCKED', lock: first, isRepeat: true });
    expect(liveLocks(owner.state)).toHaveLength(1);
  });

  test('after release gets the final status and revives nothing', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    owner.release({ lockId });

    const answer = owner.lock();

    expect(answer).toMatchObject({ status: 'LOCKED', isRepeat: true });
    expect(answer).toMatchObject({ lock: { lockId, status: 'RELEASED' } });
    expect(liveLocks(owner.state)).toEqual([]);
  });

  test('after expiry gets the final status and revives nothing', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ ttlSeconds: 60 });
    owner.nowMs += 60_000;

    const answer = owner.lock({ ttlSeconds: 60 });

    expect(answer).toMatchObject({ isRepeat: true, lock: { lockId, status: 'EXPIRED' } });
    expect(liveLocks(owner.state)).toEqual([]);
  });

  test('from another tenant is a request of its own and touches nothing', () => {
    const owner = new Owner();
    const first = owner.held({ idempotencyKey: 'k' });

    const answer = owner.held({ idempotencyKey: 'k', tenantId: otherTenantId });

    expect(answer.lockId).not.toBe(first.lockId);
    expect(answer.tenantId).toBe(otherTenantId);
    expect(owner.stored(first.lockId)).toMatchObject(first);
  });

  test('with an empty key is that of the reservation, not of every empty key', () => {
    const owner = openHotel(['101', '102']);
    const first = owner.held({ idempotencyKey: '' });

    const other = owner.held({ idempotencyKey: '', reservationId: 'R2' });
    const again = owner.lock({ idempotencyKey: undefined });

    expect(other.lockId).not.toBe(first.lockId);
    expect(again).toEqual({ status: 'LOCKED', lock: first, isRepeat: true });
  });

  test('without a key and a reservation is refused', () => {
    const owner = openHotel(['101']);

    const answer = owner.lock({ idempotencyKey: '', reservationId: '' });

    expect(answer).toMatchObject({ code: 'REQUEST_INVALID', field: 'idempotencyKey' });
    expect(owner.log.at(-1)?.changes).toEqual([]);
  });

  test('carrying the version that its change replaced is still a repeat', () => {
    const owner = openHotel(['101']);
    const { version } = owner.held();
    const changed = owner.held({ ...longer, version });

    const answer = owner.lock({ ...longer, version });

    expect(answer).toEqual({ status: 'LOCKED', lock: changed, isRepeat: true });
  });

  test('of a conflict is decided anew', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ reservationId: 'R2' });
    const before = owner.lock();
    owner.release({ lockId });

    const answer = owner.lock();

    expect(before).toMatchObject({ status: 'CONFLICT', conflict: { reason: 'TYPE_FULL' } });
    expect(answer).toMatchObject({ status: 'LOCKED', isRepeat: false });
  });

  test('for a stay that has ended and is forgotten is refused, never granted', () => {
    const owner = openHotel(['101'], { retentionDays: 30 });
    const { lockId } = owner.held();
    owner.release({ lockId });
    owner.nowMs = Date.parse('2026-06-11T00:00:00Z');
    const early = owner.ask({ kind: 'forget', limit: 10 });
    const remembered = owner.lock();
    owner.nowMs += 5 * dayMs;

    const forgotten = owner.ask({ kind: 'forget', limit: 10 });
    const answer = owner.lock();

    expect([early.count, forgotten.count]).toEqual([0, 1]);
    expect(remembered).toMatchObject({ isRepeat: true, lock: { lockId, status: 'RELEASED' } });
    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'stayEnd' });
    expect(owner.state.locks()).toEqual([]);
    expect(owner.state.slot(`${tenantId}|standard`, 'reservation:R1')).toBeUndefined();
  });

  test('is known until the last stay of its slot is forgotten, not only its own', () => {
    const owner = openHotel(['101'], { retentionDays: 0 });
    owner.held({ stayStart: '2026-12-01', stayEnd: '2026-12-24' });
    const { lockId } = owner.held();
    owner.release({ lockId });
    owner.nowMs = Date.parse('2026-07-01T00:00:00Z');
    owner.ask({ kind: 'forget', limit: 10 });

    const answer = owner.lock({ stayStart: '2026-12-01', stayEnd: '2026-12-24' });

    expect(answer).toMatchObject({ isRepeat: true, lock: { lockId, status: 'RELEASED' } });
  });
});

describe('a change', () => {
  test('of the stay keeps the hold and its id, and replaces the window', () => {
    const owner = openHotel(['101']);
    const first = owner.held();

    const changed = owner.held({ stayStart: '2026-05-11', stayEnd: '2026-05-15' });

    expect(changed).toMatchObject({
      lockId: first.lockId,
      version: first.version + 1,
      nights: ['2026-05-11', '2026-05-12', '2026-05-13', '2026-05-14'],
    });
    expect(liveLocks(owner.state)).toHaveLength(1);
    expect(owner.state.heldOn(`${tenantId}|standard`, '2026-05-10')).toBe(0);
  });

  test('that does not fit changes nothing and names who is in the way', () => {
    const owner = openHotel(['101']);
    const first = owner.held();
    const next = owner.held({
      reservationId: 'R2',
      stayStart: '2026-05-13',
      stayEnd: '2026-05-14',
    });

    const answer = owner.lock(longer);

    expect(answer).toEqual({
      status: 'CONFLICT',
      conflict: { reason: 'TYPE_FULL', blockingLock: next, nights: ['2026-05-13'] },
    });
    expect(owner.stored(first.lockId)).toMatchObject(first);
  });

  test('with an older version is refused, with the current one made', () => {
    const owner = openHotel(['101']);
    const { version, lockId } = owner.held();
    owner.held(longer);

    const stale = owner.lock({ stayEnd: '2026-05-15', version });
    const fenced = owner.lock({ stayEnd: '2026-05-15', version: version + 1 });

    expect(stale).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'version' });
    expect(fenced).toMatchObject({ status: 'LOCKED', isRepeat: false, lock: { lockId } });
  });

  test('that carries a version needs a hold to be changed', () => {
    const owner = openHotel(['101']);

    const answer = owner.lock({ version: 1 });

    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'version' });
  });

  test('of room type is a new hold in another partition, and leaves the first alone', () => {
    const owner = openHotel(['101']);
    owner.room('201', { roomTypeId: suite });
    const first = owner.held();

    const second = owner.held({ roomTypeId: suite });

    expect(second.lockId).not.toBe(first.lockId);
    expect(second.version).toBe(1);
    expect(liveLocks(owner.state)).toHaveLength(2);
  });

  test('back to an earlier stay is made when a new event asks for it', () => {
    const owner = openHotel(['101']);
    owner.held({ idempotencyKey: 'R1:event-1' });
    owner.held({ ...longer, idempotencyKey: 'R1:event-2' });

    const answer = owner.lock({ idempotencyKey: 'R1:event-3' });

    expect(answer).toMatchObject({ status: 'LOCKED', isRepeat: false });
    expect(answer).toMatchObject({ lock: { nights: ['2026-05-10', '2026-05-11', '2026-05-12'] } });
  });

  test('beyond what a slot can remember is refused, and the last one is still repeated', () => {
    const owner = openHotel(['101']);
    const keyOf = (n: number): string => `R1:event-${n}`;
    for (let n = 0; n < requestsPerSlotMax; n += 1) {
      owner.held({ idempotencyKey: keyOf(n), stayEnd: n % 2 === 0 ? '2026-05-12' : '2026-05-13' });
    }

    const answer = owner.lock({ idempotencyKey: keyOf(requestsPerSlotMax), ...longer });
    const again = owner.lock({ idempotencyKey: keyOf(requestsPerSlotMax - 1) });

    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'idempotencyKey' });
    expect(again).toMatchObject({ status: 'LOCKED', isRepeat: true });
  });
});

describe('a stale duplicate', () => {
  test('after a change changes nothing and gets the hold as it now is', () => {
    const owner = openHotel(['101']);
    owner.held();
    const changed = owner.held(longer);

    const answer = owner.lock();

    expect(answer).toEqual({ status: 'LOCKED', lock: changed, isRepeat: true });
    expect(owner.log.at(-1)?.changes).toEqual([]);
  });

  test('of a lower iteration changes nothing, though its body was never seen', () => {
    const owner = openHotel(['101']);
    owner.held({ idempotencyKey: 'R1:5' });
    const changed = owner.held({ ...longer, idempotencyKey: 'R1:7' });

    const answer = owner.lock({ stayEnd: '2026-05-20', idempotencyKey: 'R1:6' });

    expect(answer).toEqual({ status: 'LOCKED', lock: changed, isRepeat: true });
    expect(changed.iteration).toBe(7);
  });

  test('that carries the current version is a change', () => {
    const owner = openHotel(['101']);
    owner.held();
    const { version } = owner.held(longer);

    const answer = owner.lock({ version });

    expect(answer).toMatchObject({ status: 'LOCKED', isRepeat: false });
    expect(answer).toMatchObject({ lock: { version: version + 1 } });
  });

  test('is also the redelivery of an event that had found its stay held already', () => {
    const owner = openHotel(['101']);
    owner.held({ idempotencyKey: 'R1:event-1' });
    owner.held({ idempotencyKey: 'R1:event-2' });
    const changed = owner.held({ ...longer, idempotencyKey: 'R1:event-3' });

    const answer = owner.lock({ idempotencyKey: 'R1:event-2' });

    expect(answer).toEqual({ status: 'LOCKED', lock: changed, isRepeat: true });
  });

  test('of a slot whose hold has ended gets the final status', () => {
    const owner = openHotel(['101']);
    owner.held();
    const { lockId } = owner.held(longer);
    owner.release({ lockId });

    const answer = owner.lock();

    expect(answer).toMatchObject({ isRepeat: true, lock: { lockId, status: 'RELEASED' } });
  });
});

describe('a slot', () => {
  test('whose hold was released takes a new one for another body', () => {
    const owner = openHotel(['101']);
    const first = owner.held();
    owner.release({ lockId: first.lockId });

    const second = owner.held(longer);

    expect(second.lockId).not.toBe(first.lockId);
    expect(second.version).toBeGreaterThan(first.version + 1);
    expect(owner.stored(second.lockId).generation).toBe(2);
    expect(owner.stored(first.lockId).status).toBe('RELEASED');
  });

  test('of keys order:5 and order:6 is two, and a hold each', () => {
    const owner = openHotel(['101', '102']);

    const five = owner.held({ reservationId: undefined, idempotencyKey: 'order:5' });
    const six = owner.held({ reservationId: undefined, idempotencyKey: 'order:6' });

    expect(six.lockId).not.toBe(five.lockId);
    expect(liveLocks(owner.state)).toHaveLength(2);
  });

  test('of keys order:5 and order:6 is one, when order is the reservation', () => {
    const owner = openHotel(['101', '102']);

    const five = owner.held({ reservationId: 'order', idempotencyKey: 'order:5' });
    const six = owner.held({ reservationId: 'order', idempotencyKey: 'order:6', ...longer });

    expect(six).toMatchObject({ lockId: five.lockId, iteration: 6 });
    expect(liveLocks(owner.state)).toHaveLength(1);
  });

  test('of a further room of the reservation holds beside the main one', () => {
    const owner = openHotel(['101', '102']);

    owner.held();
    owner.held({ idempotencyKey: 'R1/2' });

    expect(owner.state.reservationHolds(tenantId, 'R1')).toHaveLength(2);
  });

  test("is not reached by a key that equals another reservation's id", () => {
    const owner = openHotel(['101']);
    const first = owner.held({ roomId: '101' });

    const answer = owner.lock({ roomId: '101', reservationId: 'R2', idempotencyKey: 'R1' });

    expect(answer).toMatchObject({ status: 'CONFLICT', conflict: { blockingLock: first } });
    expect(owner.stored(first.lockId).reservationId).toBe('R1');
  });
});

describe('a request', () => {
  test.each([
    ['tenantId', { tenantId: '' }],
    ['tenantId', { tenantId: 'a|b' }],
    ['roomTypeId', { roomTypeId: '' }],
    ['roomTypeId', { roomTypeId: 'a|b' }],
    ['ttlSeconds', { ttlSeconds: Number.NaN }],
    ['ttlSeconds', { ttlSeconds: -1 }],
    ['ttlSeconds', { ttlSeconds: 1.5 }],
    ['stayEnd', { stayEnd: '2026-05-10' }],
  ])('with a wrong %s is refused and changes nothing: %j', (field, changes) => {
    const owner = openHotel(['101']);

    const decision = owner.log.length;
    const answer = owner.lock(changes);

    expect(answer).toMatchObject({ status: 'REFUSED', code: 'REQUEST_INVALID', field });
    expect(owner.log[decision]).toMatchObject({ changes: [], events: [] });
  });

  test('for a room of another property is refused', () => {
    const owner = openHotel(['101']);

    const answer = owner.lock({ propertyId: 'elsewhere' });

    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'propertyId' });
  });

  test('for one room under two types is granted only under the type it has', () => {
    const owner = openHotel(['101']);
    owner.room('201', { roomTypeId: suite });

    const wrong = owner.lock({ roomId: '101', roomTypeId: suite });
    const right = owner.lock({ roomId: '101' });

    expect(wrong).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'roomId' });
    expect(right).toMatchObject({ status: 'LOCKED' });
  });

  test('for an unknown room is refused to enforce, and allowed and counted in shadow mode', () => {
    const enforcing = openHotel(['101'], { unknownRoom: 'reject' });
    const shadow = openHotel(['101'], { unknownRoom: 'allow' });

    const refusal = enforcing.lock({ roomId: '999' });
    const answer = shadow.lock({ roomId: '999' });

    expect(refusal).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'roomId' });
    expect(answer).toMatchObject({ status: 'LOCKED', lock: { roomId: '999' } });
    expect(shadow.log.at(-1)?.leniencies).toEqual(['unknown-room']);
  });

  test('for a deleted room is refused in every mode', () => {
    const owner = openHotel(['101', '102'], { unknownRoom: 'allow' });
    owner.decide({ kind: 'room', tenantId, roomId: '102', row: undefined });

    const answer = owner.lock({ roomId: '102' });

    expect(owner.state.room(roomRow('102'))?.isDeleted).toBe(true);
    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'roomId' });
  });
});
