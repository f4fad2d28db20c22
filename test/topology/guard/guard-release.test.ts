/** Releases, one by one and in bulk. */
import { describe, expect, test } from '@jest/globals';
import { bulkReleaseMax } from '../../../topology/guard/decide-release.ts';
import {
  bulkCommand,
  liveLocks,
  openHotel,
  otherTenantId,
  suite,
  tenantId,
} from './guard-fixtures.ts';

describe('a release', () => {
  test('ends the hold, frees its nights and tells who wanted it', () => {
    const owner = openHotel(['101']);
    const held = owner.held({ roomId: '101' });

    const answer = owner.release({ lockId: held.lockId, actor: 'desk' });

    const ended = { status: 'RELEASED', releasedAtMs: owner.nowMs, releaseReason: 'CANCELLED' };
    const version = held.version + 1;
    expect(answer).toEqual({
      status: 'RELEASED',
      lock: { ...held, ...ended, version },
      isRepeat: false,
    });
    expect(owner.log.at(-1)?.events).toMatchObject([
      { type: 'inventory.release_requested', releaseActor: 'desk', version: held.version },
      { type: 'inventory.released', lockId: held.lockId, releaseReason: 'CANCELLED', version },
    ]);
    expect(owner.lock({ reservationId: 'R2', roomId: '101' }).status).toBe('LOCKED');
  });

  test('is idempotent: its repeat changes nothing, with the version it had or without', () => {
    const owner = openHotel(['101']);
    const { lockId, version } = owner.held();
    const first = owner.release({ lockId, version });

    const answers = [undefined, version, version + 1].map((asked) =>
      owner.release({ lockId, version: asked, reason: 'AGAIN' }),
    );

    for (const answer of answers) expect(answer).toEqual({ ...first, isRepeat: true });
    expect(owner.log.slice(-3).flatMap(({ changes }) => changes)).toEqual([]);
  });

  test('of a hold that has expired is a repeat', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ ttlSeconds: 10 });
    owner.nowMs += 10_000;

    const answer = owner.release({ lockId });

    expect(answer).toMatchObject({
      status: 'RELEASED',
      isRepeat: true,
      lock: { status: 'EXPIRED' },
    });
  });

  test('with an older version is refused, also of a hold that has ended', () => {
    const owner = openHotel(['101']);
    const { lockId, version } = owner.held();
    owner.held({ stayEnd: '2026-05-14' });

    const live = owner.release({ lockId, version });
    owner.release({ lockId });
    const ended = owner.release({ lockId, version });

    expect(live).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'version' });
    expect(ended).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'version' });
  });

  test('of another reservation’s hold is refused', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();

    const answer = owner.release({ lockId, reservationId: 'R2' });

    expect(answer).toMatchObject({ code: 'PRECONDITION_FAILED', field: 'reservationId' });
    expect(liveLocks(owner.state)).toHaveLength(1);
  });

  test.each(['00000000-0000-8000-8000-000000000000', '', '__proto__'])(
    'of "%s", which is no lock, finds nothing',
    (lockId) => {
      const owner = openHotel(['101']);

      expect(owner.release({ lockId })).toMatchObject({ code: 'NOT_FOUND', field: 'lockId' });
    },
  );

  test('of another tenant’s hold finds nothing', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();

    const answer = owner.release({ lockId, tenantId: otherTenantId });

    expect(answer).toMatchObject({ code: 'NOT_FOUND', field: 'lockId' });
    expect(owner.stored(lockId).status).toBe('TENTATIVE');
  });
});

describe('a bulk release', () => {
  const outcomes = (
    owner: ReturnType<typeof openHotel>,
    changes: Parameters<typeof bulkCommand>[0],
  ) => owner.bulk(changes!).results.map(({ lockId, outcome }) => [lockId, outcome]);

  test('has a result for each id, in their order, twice for one that is named twice', () => {
    const owner = openHotel(['101', '102']);
    const { lockId: one } = owner.held();
    const { lockId: two } = owner.held({ reservationId: 'R2' });
    const { lockId: foreign } = owner.held({ tenantId: otherTenantId });
    owner.release({ lockId: one });

    const results = outcomes(owner, { lockIds: [two, one, 'nonsense', foreign, two] });

    expect(results).toEqual([
      [two, 'RELEASED'],
      [one, 'ALREADY_ENDED'],
      ['nonsense', 'NOT_FOUND'],
      [foreign, 'NOT_FOUND'],
      [two, 'ALREADY_ENDED'],
    ]);
    expect(owner.stored(foreign).status).toBe('TENTATIVE');
  });

  test('of a reservation ends all its rooms', () => {
    const owner = openHotel(['101', '102', '103']);
    const mine = [owner.held(), owner.held({ idempotencyKey: 'R1/2' })].map(({ lockId }) => lockId);
    const other = owner.held({ reservationId: 'R2' });

    const results = outcomes(owner, { reservationId: 'R1' });

    expect(results).toEqual(mine.sort().map((lockId) => [lockId, 'RELEASED']));
    expect(liveLocks(owner.state).map(({ lockId }) => lockId)).toEqual([other.lockId]);
  });

  test('of a reservation ends also a hold that is being changed to another one', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ idempotencyKey: 'k' });
    owner.confirm(lockId);
    owner.held({ idempotencyKey: 'k', reservationId: 'R2' });

    expect(outcomes(owner, { reservationId: 'R1' })).toEqual([[lockId, 'RELEASED']]);
  });

  test('of a type in the hours before check-out ends the hold of the night before', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held({ stayEnd: '2026-05-11' });
    const window = {
      fromMs: Date.parse('2026-05-11T07:00Z'),
      toMs: Date.parse('2026-05-11T09:00Z'),
    };

    const results = outcomes(owner, { roomTypeId: 'standard', window });

    expect(results).toEqual([[lockId, 'RELEASED']]);
  });

  test('of an empty reservation ends nothing', () => {
    const owner = openHotel(['101']);
    owner.held({ reservationId: undefined, idempotencyKey: 'k' });

    expect(outcomes(owner, { reservationId: '' })).toEqual([]);
  });

  test('of a room ends what overlaps the window, and nothing that only touches it', () => {
    const owner = openHotel(['101', '102']);
    const held = { roomId: '101' };
    owner.held({ ...held, reservationId: 'R1', stayStart: '2026-05-10', stayEnd: '2026-05-11' });
    const meant = owner.held({
      ...held,
      reservationId: 'R2',
      stayStart: '2026-05-11',
      stayEnd: '2026-05-12',
    });
    owner.held({ ...held, reservationId: 'R3', stayStart: '2026-05-12', stayEnd: '2026-05-13' });
    owner.held({ reservationId: 'R4', stayStart: '2026-05-11', stayEnd: '2026-05-12' });
    const window = {
      fromMs: Date.parse('2026-05-11T08:00Z'),
      toMs: Date.parse('2026-05-12T12:00Z'),
    };

    const results = outcomes(owner, { roomId: '101', window });

    expect(results).toEqual([[meant.lockId, 'RELEASED']]);
  });

  test('of a type ends both kinds of holds in the window', () => {
    const owner = openHotel(['101', '102']);
    owner.room('201', { roomTypeId: suite });
    const typed = owner.held();
    const roomed = owner.held({ reservationId: 'R2', roomId: '101' });
    owner.held({ reservationId: 'R3', roomTypeId: suite });
    owner.held({ reservationId: 'R4', stayStart: '2026-07-01', stayEnd: '2026-07-02' });
    const window = {
      fromMs: Date.parse('2026-05-12T00:00Z'),
      toMs: Date.parse('2026-05-13T00:00Z'),
    };

    const results = outcomes(owner, { roomTypeId: 'standard', window });

    const meant = [typed, roomed].map(({ lockId }) => [lockId, 'RELEASED']);
    expect(results).toEqual(meant.sort());
  });

  test('with a window as long as time itself ends every hold of the type', () => {
    const owner = openHotel(['101', '102']);
    owner.held();
    owner.held({ reservationId: 'R2', stayStart: '2099-01-01', stayEnd: '2099-01-02' });

    const results = outcomes(owner, {
      roomTypeId: 'standard',
      window: { fromMs: -8e15, toMs: 8e15 },
    });

    expect(results).toHaveLength(2);
    expect(liveLocks(owner.state)).toEqual([]);
  });

  test('of more ids than the limit is refused as a whole', () => {
    const owner = openHotel(['101']);
    const { lockId } = owner.held();
    const lockIds = Array.from({ length: bulkReleaseMax + 1 }, () => lockId);

    const answer = owner.ask(bulkCommand({ lockIds }));
    const atLimit = owner.bulk({ lockIds: lockIds.slice(1) });

    expect(answer).toMatchObject({ code: 'REQUEST_INVALID', field: 'lockIds' });
    expect(atLimit.results).toHaveLength(bulkReleaseMax);
  });

  test('gives every hold of a type a version of its own', () => {
    const owner = openHotel(['101', '102', '103']);
    for (const reservationId of ['R1', 'R2', 'R3']) owner.held({ reservationId });

    owner.bulk({ roomTypeId: 'standard' });

    const versions = owner.state.locks().map(({ version }) => version);
    expect(versions.sort()).toEqual([4, 5, 6]);
    expect(owner.state.lastVersion(`${tenantId}|standard`)).toBe(6);
  });
});
