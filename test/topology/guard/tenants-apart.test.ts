/** What one tenant is answered does not depend on another one's data, whatever names both use. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decideNow } from '../../../topology/guard/decide-now.ts';
import { defaultGuardOptions } from '../../../topology/guard/guard-options.ts';
import { answerRead, type GuardRead } from '../../../topology/guard/guard-requests.ts';
import type { GuardInput } from '../../../topology/guard/input.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import {
  bulkCommand,
  helsinki,
  lockCommand,
  propertyId,
  releaseCommand,
  roomRow,
  standard,
  startMs,
  suite,
} from './guard-fixtures.ts';

const tenants = ['tenant-a', 'tenant-b'] as const;
type Tenant = (typeof tenants)[number];
/** Both tenants use the same names for everything. */
const pick = <Value>(...values: readonly Value[]): fc.Arbitrary<Value> =>
  fc.constantFrom(...values);
const names = {
  reservationId: pick('R1', 'R2', undefined),
  idempotencyKey: pick('key-1', 'R1', 'R1:2', undefined),
  roomTypeId: pick(standard, suite),
  roomId: pick('101', '102', undefined),
  stayStart: pick('2026-05-10', '2026-05-11'),
  stayEnd: pick('2026-05-12', '2026-05-13'),
  /** Of the locks that anybody was granted so far. */
  lock: fc.nat(8),
  bulk: pick('ids', 'reservation', 'reservations', 'room', 'type'),
};
const step = fc.record({
  tenant: pick(...tenants),
  afterMs: pick(0, 1_000, 3_600_000, 10_000_000),
  do: pick('lock', 'lock', 'lock', 'release', 'bulk', 'command', 'platform', 'read'),
  ...names,
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** Answers to A's steps; B's are played, or left out. */
function answersToA(steps: readonly Step[], plays: (tenant: Tenant) => boolean): readonly string[] {
  const state = new MemoryGuardState();
  const options = defaultGuardOptions;
  let nowMs = startMs;
  const decided = (input: GuardInput): unknown =>
    decideNow(state, input, { nowMs, options }).decision.answer;
  for (const tenantId of tenants) {
    if (!plays(tenantId)) continue;
    decided({ kind: 'property', tenantId, propertyId, row: helsinki });
    for (const roomId of ['101', '102']) {
      const row = roomRow(roomId, { tenantId, roomNumber: roomId });
      decided({ kind: 'room', tenantId, roomId, row });
    }
  }
  decided({ kind: 'catalogue', isComplete: true });
  /** Lock ids follow from the names alone, so B's are what they would be whoever plays. */
  const lockIds = ['nobody'];
  const answers: string[] = [];
  for (const [at, one] of steps.entries()) {
    nowMs += one.afterMs;
    // Time is everybody's.
    decided({ kind: 'expire', limit: 100 });
    const tenantId = one.tenant;
    if (!plays(tenantId)) continue;
    const lockId = lockIds[one.lock % lockIds.length] ?? '';
    const answer =
      one.do === 'read'
        ? readsOf(one, lockId).map((read) => answerRead(state, read))
        : decided(inputOf(one, lockId, at));
    if (tenantId !== 'tenant-a') continue;
    answers.push(JSON.stringify(answer));
    const { lock } = answer as { readonly lock?: { readonly lockId: string } };
    if (lock !== undefined) lockIds.push(lock.lockId);
  }
  return answers;
}

function inputOf(one: Step, lockId: string, at: number): GuardInput {
  const { tenant: tenantId, reservationId, roomTypeId, roomId } = one;
  const { idempotencyKey, stayStart, stayEnd } = one;
  const wish = { tenantId, reservationId, roomTypeId, roomId, idempotencyKey, stayStart, stayEnd };
  switch (one.do) {
    case 'release':
      return releaseCommand({ tenantId, lockId });
    case 'bulk':
      return bulkCommand({ tenantId, ...whichOf(one, lockId) });
    case 'command': {
      const commandId = `command-${at % 3}`;
      const command = lockCommand(wish);
      return { kind: 'command', tenantId, commandId, issuedAtMs: startMs + 10 ** 12, command };
    }
    case 'platform':
      return {
        ...{ kind: 'platform-stay', tenantId, reservationId: reservationId ?? 'R3', roomTypeId },
        ...{ propertyId, roomNumber: roomId, arrivalDate: stayStart, departureDate: stayEnd },
      };
    default:
      return lockCommand(wish);
  }
}

function whichOf(one: Step, lockId: string): Partial<Parameters<typeof bulkCommand>[0]> {
  switch (one.bulk) {
    case 'ids':
      return { lockIds: [lockId] };
    case 'reservation':
      return { reservationId: one.reservationId ?? 'R1' };
    case 'reservations':
      return { reservationIds: ['R1', 'R2'] };
    case 'room':
      return { roomId: one.roomId ?? '101' };
    default:
      return { roomTypeId: one.roomTypeId };
  }
}

function readsOf(
  { tenant: tenantId, reservationId = 'R1', roomTypeId, roomId = '101' }: Step,
  lockId: string,
): readonly GuardRead[] {
  const all = { fromMs: undefined, toMs: undefined, afterLockId: undefined, limit: 100 };
  const none = { roomId: undefined, roomTypeId: undefined, reservationId: undefined };
  const list = { kind: 'list-locks', tenantId, ...none, ...all, status: undefined } as const;
  return [
    { kind: 'get-lock', tenantId, lockId },
    { ...list, roomId },
    { ...list, roomTypeId },
    { ...list, reservationId },
    { ...list, roomTypeId, status: 'RELEASED' },
    { kind: 'availability', tenantId, roomTypeId, from: '2026-05-09', to: '2026-05-14' },
  ];
}

describe('two tenants', () => {
  test('with the same names for everything: one is answered as if it were alone', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const alone = answersToA(steps, (tenant) => tenant === 'tenant-a');
        const together = answersToA(steps, () => true);

        expect(together).toEqual(alone);
      }),
      { numRuns: 3_000 },
    );
  });

  test('the lock of one is to the other as one that does not exist', () => {
    const state = new MemoryGuardState();
    const context = { nowMs: startMs, options: defaultGuardOptions };
    const held = decideNow(state, lockCommand({ tenantId: 'tenant-b' }), context).decision.answer;
    const lockId = held.status === 'LOCKED' ? held.lock.lockId : '';
    const asked = (id: string): unknown => {
      const release = releaseCommand({ tenantId: 'tenant-a', lockId: id });
      const bulk = bulkCommand({ tenantId: 'tenant-a', lockIds: [id] });
      const get = { kind: 'get-lock', tenantId: 'tenant-a', lockId: id } as const;
      const answers = [release, bulk].map(
        (input) => decideNow(state, input, context).decision.answer,
      );
      return JSON.stringify([answers, answerRead(state, get)]).replaceAll(id, 'the id');
    };

    expect(held.status).toBe('LOCKED');
    expect(asked(lockId)).toBe(asked('00000000-0000-8000-8000-000000000000'));
  });
});
