/**
 * What the guard tells the world. A hold's events carry all of it, so that a reader needs no other
 * source: the last `inventory.locked` of a lock id that no `inventory.released` follows is what it
 * holds; while a confirmed stay is being changed, `confirmedStay` is held too.
 */
import type { Conflict, ConflictReason } from './answer.ts';
import type { LockCommand } from './command.ts';
import type { LockStatus } from './lock.ts';
import type { StoredLock } from './stored-lock.ts';

/** When a hold's event came about, and by which command through Kafka, if it was one. */
export interface DecisionMoment {
  readonly decidedAtMs: number;
  readonly commandId: string | undefined;
}

interface HoldFields extends DecisionMoment {
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

/**
 * More is held than there is: capacity shrank below what is held and nothing is revoked, or the
 * platform sold what was held already.
 */
export interface InventoryOvercommitted {
  readonly type: 'inventory.overcommitted';
  readonly tenantId: string;
  /** What the platform sold; undefined: the capacity shrank. */
  readonly hold:
    | { readonly lockId: string; readonly reservationId: string; readonly roomId?: string }
    | undefined;
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

/** A command through Kafka wanted a stay that is not free. */
export interface InventoryRejected {
  readonly type: 'inventory.rejected';
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly roomId: string | undefined;
  readonly propertyId: string | undefined;
  readonly reservationId: string | undefined;
  readonly correlationId: string | undefined;
  readonly commandId: string;
  readonly actor: string;
  readonly reason: ConflictReason;
  readonly nights: readonly string[];
  /** The last one given under the partition key. */
  readonly version: number;
  readonly decidedAtMs: number;
}

export type InventoryEvent =
  | InventoryLocked
  | InventoryReleaseRequested
  | InventoryReleased
  | InventoryOvercommitted
  | InventoryRejected;

export function lockedEvent(lock: StoredLock, moment: DecisionMoment): InventoryLocked {
  const { confirmedStay } = lock;
  return {
    type: 'inventory.locked',
    ...holdFields(lock, moment),
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
  release: DecisionMoment & { readonly reason: string; readonly actor: string },
): InventoryReleaseRequested {
  return {
    type: 'inventory.release_requested',
    ...holdFields(lock, release),
    releaseReason: release.reason,
    releaseActor: release.actor,
  };
}

export function releasedEvent(lock: StoredLock, moment: DecisionMoment): InventoryReleased {
  return {
    type: 'inventory.released',
    ...holdFields(lock, moment),
    releasedAtMs: lock.releasedAtMs ?? moment.decidedAtMs,
    releaseReason: lock.releaseReason ?? '',
  };
}

export function rejectedEvent(
  command: LockCommand,
  rejection: {
    readonly conflict: Conflict;
    readonly commandId: string;
    readonly version: number;
    readonly decidedAtMs: number;
  },
): InventoryRejected {
  const { tenantId, roomTypeId, roomId, propertyId, reservationId, correlationId, actor } = command;
  const { conflict, commandId, version, decidedAtMs } = rejection;
  return {
    type: 'inventory.rejected',
    ...{ tenantId, roomTypeId, roomId, propertyId, reservationId, correlationId, actor },
    ...{ reason: conflict.reason, nights: conflict.nights, commandId, version, decidedAtMs },
  };
}

function holdFields(lock: StoredLock, { decidedAtMs, commandId }: DecisionMoment): HoldFields {
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
    commandId,
  };
}
