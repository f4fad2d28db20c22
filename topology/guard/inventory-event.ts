/**
 * What the guard tells the world. A hold's events carry all of it, so that a reader needs no other
 * source: the last `inventory.locked` of a lock id that no `inventory.released` follows is what it
 * holds; while a confirmed stay is being changed, `confirmedStay` is held too.
 */
import type { LockStatus } from './lock.ts';
import type { StoredLock } from './stored-lock.ts';

interface HoldFields {
  readonly lockId: string;
  readonly tenantId: string;
  readonly reservationId: string | undefined;
  readonly roomTypeId: string;
  readonly roomId: string | undefined;
  readonly propertyId: string | undefined;
  readonly stayStartMs: number;
  readonly stayEndMs: number;
  readonly nights: readonly string[];
  /** The capacity that each night of `nights` was decided against; null: unknown. */
  readonly capacity: readonly (number | null)[];
  readonly status: LockStatus;
  readonly expiresAtMs: number | undefined;
  readonly reason: string;
  readonly actor: string;
  readonly correlationId: string | undefined;
  readonly version: number;
  readonly slot: string;
  readonly iteration: number;
  readonly decidedAtMs: number;
}

/** A hold was granted, changed, or returned to its confirmed stay. */
export interface InventoryLocked extends HoldFields {
  readonly type: 'inventory.locked';
  readonly confirmedStay:
    | {
        readonly roomId: string | undefined;
        readonly stayStartMs: number;
        readonly stayEndMs: number;
        readonly nights: readonly string[];
      }
    | undefined;
}

export interface InventoryReleaseRequested extends HoldFields {
  readonly type: 'inventory.release_requested';
  readonly releaseReason: string;
  readonly releaseActor: string;
}

export interface InventoryReleased extends HoldFields {
  readonly type: 'inventory.released';
  readonly releasedAtMs: number;
  /** `EXPIRED` when its time was over. */
  readonly releaseReason: string;
}

/** Capacity shrank below what is held; nothing is revoked. */
export interface InventoryOvercommitted {
  readonly type: 'inventory.overcommitted';
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly propertyId: string;
  /** The last one given under the partition key. */
  readonly version: number;
  readonly nights: readonly {
    readonly night: string;
    readonly capacity: number;
    readonly held: number;
  }[];
  readonly decidedAtMs: number;
}

export type InventoryEvent =
  InventoryLocked | InventoryReleaseRequested | InventoryReleased | InventoryOvercommitted;

export function lockedEvent(lock: StoredLock, decidedAtMs: number): InventoryLocked {
  const { confirmedStay } = lock;
  return {
    type: 'inventory.locked',
    ...holdFields(lock, decidedAtMs),
    confirmedStay: confirmedStay && {
      roomId: confirmedStay.roomId,
      stayStartMs: confirmedStay.stayStartMs,
      stayEndMs: confirmedStay.stayEndMs,
      nights: confirmedStay.nights,
    },
  };
}

/** The hold as it was before its release. */
export function releaseRequestedEvent(
  lock: StoredLock,
  release: { readonly reason: string; readonly actor: string; readonly decidedAtMs: number },
): InventoryReleaseRequested {
  return {
    type: 'inventory.release_requested',
    ...holdFields(lock, release.decidedAtMs),
    releaseReason: release.reason,
    releaseActor: release.actor,
  };
}

export function releasedEvent(lock: StoredLock, decidedAtMs: number): InventoryReleased {
  return {
    type: 'inventory.released',
    ...holdFields(lock, decidedAtMs),
    releasedAtMs: lock.releasedAtMs ?? decidedAtMs,
    releaseReason: lock.releaseReason ?? '',
  };
}

function holdFields(lock: StoredLock, decidedAtMs: number): HoldFields {
  return {
    lockId: lock.lockId,
    tenantId: lock.tenantId,
    reservationId: lock.reservationId,
    roomTypeId: lock.roomTypeId,
    roomId: lock.roomId,
    propertyId: lock.propertyId,
    stayStartMs: lock.stayStartMs,
    stayEndMs: lock.stayEndMs,
    nights: lock.nights,
    capacity: lock.capacity,
    status: lock.status,
    expiresAtMs: lock.expiresAtMs,
    reason: lock.reason,
    actor: lock.actor,
    correlationId: lock.correlationId,
    version: lock.version,
    slot: lock.slot,
    iteration: lock.iteration,
    decidedAtMs,
  };
}
