/** What the public predecessor got wrong among the streams (G7–G9, G13, G17); here each is impossible. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ManualRelease } from '../../../topology/guard/command.ts';
import { readDecisionLine } from '../../../topology/guard/decision-log.ts';
import { evolve } from '../../../topology/guard/evolve.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { FollowingGuard, idOf, standard, suite, tenantId } from '../../support/following-guard.ts';

const minuteMs = 60_000;
const lockName = 'inventory.lock.room';
const stay = { stayStart: '2026-05-10', stayEnd: '2026-05-13' };
let guard: FollowingGuard;

beforeEach(async () => {
  guard = await FollowingGuard.besideHotel();
});

afterEach(() => guard.driver.close());

function release(lockId: string, manual?: ManualRelease) {
  return guard.ask({
    ...{ kind: 'release', tenantId, lockId, reservationId: undefined, version: undefined },
    ...{ reason: 'DESK', actor: 'test', correlationId: undefined, metadata: {} },
    ...(manual && { manual }),
  });
}

describe('G7: a conflict', () => {
  test.each(['allow', 'reject'] as const)(
    'is the answer, and nothing is held, in every mode (what is unknown: %s)',
    async (unknown) => {
      await guard.driver.close();
      guard = await FollowingGuard.besideHotel({ unknownCapacity: unknown, unknownRoom: unknown });
      await guard.held('R1', { roomTypeId: suite });
      const answer = await guard.lock('R2', { roomTypeId: suite });
      await guard.command(lockName, {
        ...{ reservationId: idOf('R2'), roomTypeId: suite, ...stay },
      });

      expect(answer.status).toBe('CONFLICT');
      expect(guard.events().at(-1)).toMatchObject({ type: 'inventory.rejected' });
      expect(await guard.standing()).toEqual(['R1 suite TENTATIVE 05-10 05-11 05-12']);
    },
  );
});

describe('G8: what was LOCKED a moment ago', () => {
  const byHand: ManualRelease = {
    actor: { id: 'desk-1', name: 'Desk', email: undefined, tokenId: 'desk' },
    recipients: ['#front'],
  };

  test.each([
    ['released', undefined],
    ['released by hand', byHand],
  ])('and was %s since is not said to be held', async (_how, manual) => {
    const { lockId } = await guard.held('R1');
    await release(lockId, manual);
    const repeat = await guard.lock('R1');

    expect(repeat).toMatchObject({
      status: 'LOCKED',
      isRepeat: true,
      lock: { status: 'RELEASED' },
    });
  });

  test('and has expired since is not said to be held', async () => {
    await guard.held('R1', { ttlSeconds: 1 });
    await guard.settle();

    expect(await guard.lock('R1', { ttlSeconds: 1 })).toMatchObject({
      lock: { status: 'EXPIRED' },
    });
  });
});

describe('G9: a hold is released from the stream', () => {
  test.each(['reservation.check_out', 'reservation.no_show', 'reservation.cancel'])(
    'after %s that nobody called for',
    async (commandName) => {
      await guard.held('R1');
      await guard.lifecycle('R1', 'reservation.create');
      await guard.lifecycle('R1', commandName);

      expect(await guard.standing()).toEqual([]);
    },
  );

  test('by a night audit, which writes the row and no lifecycle', async () => {
    await guard.reservation('R1', 'CONFIRMED');
    await guard.reservation('R1', 'NO_SHOW');

    expect(await guard.standing()).toEqual([]);
  });

  test('of a room that is left for another one, or unassigned', async () => {
    const roomOf = async (): Promise<string | undefined> => (await guard.liveHolds())[0]?.roomId;
    const rooms: (string | undefined)[] = [];
    for (const roomNumber of ['101', '102', null]) {
      await guard.reservation('R1', 'CONFIRMED', { roomNumber });
      rooms.push(await roomOf());
    }
    const other = await guard.lock('R2', { roomId: idOf('room 102') });

    expect(rooms).toEqual([idOf('room 101'), idOf('room 102'), undefined]);
    expect(other.status).toBe('LOCKED');
  });

  test('but not of a room that somebody asked for and the row never named', async () => {
    await guard.held('R1', { roomId: idOf('room 101') });
    await guard.reservation('R1', 'CONFIRMED');

    expect(await guard.liveHolds()).toMatchObject([
      { roomId: idOf('room 101'), status: 'CONFIRMED' },
    ]);
  });
});

describe('G13: a command', () => {
  test('needs no property, and its result is told with its id', async () => {
    await guard.command(lockName, { reservationId: idOf('R1'), roomTypeId: standard, ...stay });

    expect(guard.events()).toMatchObject([
      { type: 'inventory.locked', commandId: idOf('command'), tenantId },
    ]);
  });

  test('that cannot be done is kept with the reason, not swallowed', async () => {
    await guard.command(lockName, { reservationId: idOf('R1'), roomTypeId: standard });
    const [letter] = guard.deadLetters();

    expect(letter?.headers.map(({ key }) => key)).toContain('__dlq.error.message');
  });

  test('without a target service is nobody’s', async () => {
    const wish = { reservationId: idOf('R1'), roomTypeId: standard, ...stay };
    await guard.command(lockName, wish, { targetService: undefined });

    expect(await guard.standing()).toEqual([]);
  });
});

test('G17: the holds can be made again from what was written, and every change of one is told', async () => {
  await guard.held('R1', { ttlSeconds: 60 });
  const { lockId } = await guard.held('R2');
  await guard.reservation('R2', 'CONFIRMED');
  await guard.reservation('R2', 'CONFIRMED', { arrival: '2026-05-12', departure: '2026-05-14' });
  await release(lockId);
  await guard.driver.advance(2 * minuteMs);
  const live = await guard.liveHolds();
  const told = guard.events().filter(({ type }) => type !== 'inventory.release_requested');
  const states = [new MemoryGuardState(), new MemoryGuardState()];
  const changes: string[] = [];
  for (const { value } of guard.driver.read('test-decisions')) {
    const line = readDecisionLine(value ?? Buffer.alloc(0));
    const state = states[line.partition];
    if (state !== undefined) evolve(state, line);
    for (const change of line.changes) {
      if (change.kind === 'lock') changes.push(`${change.lockId} ${change.after.version}`);
    }
  }
  const folded = states
    .flatMap((state) => state.locks())
    .map(({ lockId: id, status }) => [id, status]);

  expect(live).toEqual([]);
  expect(folded).toHaveLength(2);
  expect(folded.map(([, status]) => status).sort()).toEqual(['EXPIRED', 'RELEASED']);
  expect(told.map((event) => `${event.lockId} ${String(event.version)}`).sort()).toEqual(
    changes.sort(),
  );
});
