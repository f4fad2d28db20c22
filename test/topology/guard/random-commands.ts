/**
 * Random histories of a small hotel: few rooms, few nights, and in each history only a handful of keys,
 * stays and rooms, so that commands meet. A step names holds and versions by what it will find when it
 * is played.
 */
import fc from 'fast-check';
import type { RoomRecord } from '../../../topology/guard/catalogue.ts';
import type { LockCommand } from '../../../topology/guard/command.ts';
import type { GuardOptions } from '../../../topology/guard/guard-options.ts';

import {
  bulkCommand,
  helsinki,
  lockCommand,
  otherTenantId,
  propertyId,
  releaseCommand,
  roomRow,
  standard,
  suite,
  tenantId,
} from './guard-fixtures.ts';
import type { NaiveInput } from './naive-guard.ts';
import type { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';

export interface Step {
  /** How far the owner's clock goes on; back, when another owner's is behind. */
  readonly afterMs: number;
  readonly input: (state: MemoryGuardState, drawn: Pools) => NaiveInput | Confirmation;
}

/** A hold is confirmed, as the lifecycle stream will do it. */
interface Confirmation {
  readonly kind: 'confirm';
  readonly lockId: string;
}

export interface History {
  readonly options: GuardOptions;
  readonly sellLimits: ReadonlyMap<string, number>;
  readonly isCaptured: boolean;
  readonly drawn: Pools;
  readonly steps: readonly Step[];
}

const minuteMs = 60_000;
const dayMs = 86_400_000;
const oneOf = fc.constantFrom;
const tenants = oneOf(tenantId, tenantId, tenantId, otherTenantId);
const types = oneOf(standard, standard, suite);
const roomIds = oneOf('101', '102', '201');
const reservations = oneOf('R1', 'R2', 'R3', undefined);
const keys = oneOf(
  ...[undefined, undefined, '', 'R1', 'R2', 'k1', 'order:5', 'order:6'],
  ...['R1:1', 'R1:2', 'R1:3', 'R1:evt', 'R1:evt2', 'R2:1', 'R2:7', 'R1/2'],
);
/** Around the night in which Helsinki's clocks go forward. */
const dates = ['2026-03-27', '2026-03-28', '2026-03-29', '2026-03-30', '2026-03-31'];
const stays = fc
  .tuple(fc.nat(3), fc.nat(3), oneOf('dates', 'dates', 'times', 'day use'))
  .map(([first, more, kind]) => {
    const start = dates[first] ?? '';
    const end = dates[Math.min(first + 1 + more, dates.length - 1)] ?? '';
    if (kind === 'dates') return { stayStart: start, stayEnd: end };
    if (kind === 'times') {
      return { stayStart: `${start}T13:00:00.000Z`, stayEnd: `${end}T00:30:00.000Z` };
    }
    return { stayStart: `${start}T08:00:00.000Z`, stayEnd: `${start}T14:00:00.000Z` };
  });

/** What one history draws its requests from: little, so that slots see repeats and changes. */
interface Pools {
  readonly slots: readonly Pick<LockCommand, 'reservationId' | 'idempotencyKey'>[];
  readonly stays: readonly Pick<LockCommand, 'stayStart' | 'stayEnd'>[];
  readonly rooms: readonly (string | undefined)[];
}

const pools: fc.Arbitrary<Pools> = fc.record({
  slots: fc.array(fc.record({ reservationId: reservations, idempotencyKey: keys }), {
    minLength: 1,
    maxLength: 4,
  }),
  stays: fc.array(stays, { minLength: 2, maxLength: 4 }),
  rooms: fc.array(oneOf(undefined, undefined, '101', '102', '201', '999', ''), {
    minLength: 1,
    maxLength: 3,
  }),
});

const locks = fc
  .record({
    tenantId: tenants,
    roomTypeId: types,
    ttlSeconds: oneOf(undefined, undefined, 0, 600, 999_999),
    propertyId: oneOf(undefined, undefined, undefined, undefined, propertyId),
    fence: oneOf('none', 'none', 'none', 'current', 'stale'),
    pick: fc.record({ slot: fc.nat(11), stay: fc.nat(11), room: fc.nat(5) }),
  })
  .map(({ fence, pick, ...changes }) => (state: MemoryGuardState, drawn: Pools): NaiveInput => {
    const command = lockCommand({
      ...changes,
      ...drawn.slots[pick.slot % drawn.slots.length],
      ...drawn.stays[pick.stay % drawn.stays.length],
      roomId: drawn.rooms[pick.room % drawn.rooms.length],
    });
    const live = state
      .locks()
      .find(
        (lock) =>
          lock.tenantId === command.tenantId &&
          lock.roomTypeId === command.roomTypeId &&
          lock.reservationId === command.reservationId &&
          lock.releasedAtMs === undefined,
      );
    if (fence === 'none' || live === undefined) return command;
    return { ...command, version: fence === 'current' ? live.version : live.version - 1 };
  });

const picked = (state: MemoryGuardState, pick: number): string => {
  const all = state.locks();
  return all[pick % Math.max(1, all.length)]?.lockId ?? 'f0000000-0000-8000-8000-000000000000';
};

const releases = fc
  .record({
    pick: fc.nat(50),
    tenantId: tenants,
    reservationId: oneOf(undefined, undefined, 'R1', ''),
    fence: oneOf('none', 'none', 'current', 'stale'),
  })
  .map(({ pick, fence, ...changes }) => (state: MemoryGuardState): NaiveInput => {
    const lockId = picked(state, pick);
    const version = state.lock(lockId)?.version;
    const isFenced = fence !== 'none' && version !== undefined;
    const asked = isFenced ? version - Number(fence === 'stale') : undefined;
    return releaseCommand({ ...changes, lockId, version: asked });
  });

const windows = oneOf(
  undefined,
  { fromMs: Date.parse('2026-03-28T12:00:00Z'), toMs: Date.parse('2026-03-29T12:00:00Z') },
  { fromMs: Date.parse('2026-03-30T23:00:00Z'), toMs: Date.parse('2026-04-09T00:00:00Z') },
  { fromMs: 0, toMs: 8e15 },
);
const bulks = fc
  .record({
    by: oneOf('ids', 'reservation', 'room', 'type'),
    picks: fc.array(fc.nat(50), { maxLength: 4 }),
    tenantId: tenants,
    roomTypeId: types,
    roomId: roomIds,
    window: windows,
  })
  .map(({ by, picks, tenantId: tenant, roomTypeId, roomId, window }) => {
    const whose = { tenantId: tenant };
    return (state: MemoryGuardState): NaiveInput => {
      if (by === 'ids') {
        return bulkCommand({ ...whose, lockIds: picks.map((pick) => picked(state, pick)) });
      }
      if (by === 'reservation') return bulkCommand({ ...whose, reservationId: 'R1' });
      if (by === 'room') return bulkCommand({ ...whose, roomId, window });
      return bulkCommand({ ...whose, roomTypeId, window });
    };
  });

const closures = oneOf(
  undefined,
  undefined,
  { fromMs: Date.parse('2026-03-28T10:00:00Z'), toMs: Date.parse('2026-03-29T10:00:00Z') },
  { fromMs: Date.parse('2026-03-30T00:00:00Z'), toMs: undefined },
);
const rooms = fc
  .record({
    roomId: roomIds,
    isDeleted: oneOf(false, false, false, true),
    outOfOrder: closures,
    blocked: closures,
    isGone: oneOf(false, false, false, true),
  })
  .map(({ isGone, roomId, ...changes }) => (): NaiveInput => {
    const row = isGone ? undefined : hotelRoom(roomId, changes);
    return { kind: 'room', tenantId, roomId, row };
  });

const properties = oneOf('Europe/Helsinki', 'Europe/Helsinki', 'Pacific/Honolulu').map(
  (zone) => (): NaiveInput => ({
    kind: 'property',
    tenantId,
    propertyId,
    row: { ...helsinki, zone },
  }),
);
const catalogues = oneOf(true, true, true, false).map((isComplete) => (): NaiveInput => ({
  kind: 'catalogue',
  isComplete,
}));
const confirmations = fc.nat(50).map((pick) => (state: MemoryGuardState): Confirmation => ({
  kind: 'confirm',
  lockId: picked(state, pick),
}));
const forgets = fc.constant((): NaiveInput => ({ kind: 'forget', limit: 100 }));

const step: fc.Arbitrary<Step> = fc.record({
  afterMs: oneOf(
    0,
    0,
    1000,
    1000,
    minuteMs,
    11 * minuteMs,
    121 * minuteMs,
    -5 * minuteMs,
    40 * dayMs,
  ),
  input: fc.oneof<fc.WeightedArbitrary<Step['input']>[]>(
    { weight: 24, arbitrary: locks },
    { weight: 6, arbitrary: releases },
    { weight: 2, arbitrary: bulks },
    { weight: 3, arbitrary: confirmations },
    { weight: 2, arbitrary: rooms },
    { weight: 1, arbitrary: properties },
    { weight: 1, arbitrary: catalogues },
    { weight: 1, arbitrary: forgets },
  ),
});

export const histories: fc.Arbitrary<History> = fc.record({
  options: fc.record({
    ...{ defaultTtlSeconds: fc.constant(7200), maxTtlSeconds: fc.constant(86_400) },
    retentionDays: oneOf(30, 1),
    unknownCapacity: oneOf('allow', 'reject'),
    unknownRoom: oneOf('allow', 'reject'),
    isExpiryPaused: oneOf(false, false, false, true),
  }),
  sellLimits: oneOf(new Map<string, number>(), new Map([[`${tenantId}|${standard}`, 1]])),
  isCaptured: oneOf(true, true, true, false),
  drawn: pools,
  steps: fc.array(step, { minLength: 4, maxLength: 14 }),
});

/** What is captured before the first step. */
export const capturedHotel: readonly NaiveInput[] = [
  { kind: 'property', tenantId, propertyId, row: helsinki },
  ...['101', '102', '201'].map(
    (roomId) => ({ kind: 'room', tenantId, roomId, row: hotelRoom(roomId) }) as const,
  ),
  { kind: 'catalogue', isComplete: true },
];

function hotelRoom(roomId: string, changes: Partial<RoomRecord> = {}): RoomRecord {
  return roomRow(roomId, { roomTypeId: roomId === '201' ? suite : standard, ...changes });
}
