/**
 * A hold as the guard stores it: what callers see, and what deciding needs besides. A hold whose
 * confirmed stay is being changed holds two stays, the wanted and the confirmed one; a night of both
 * counts once, since the guest will sleep in one room.
 */
import type { Lock } from './lock.ts';

/** What a hold returns to when a change of it is not confirmed. */
export interface ConfirmedStay {
  readonly reservationId: string | undefined;
  readonly roomId: string | undefined;
  readonly propertyId: string | undefined;
  readonly stayStartMs: number;
  readonly stayEndMs: number;
  readonly nights: readonly string[];
  readonly capacity: readonly (number | null)[];
  readonly body: string;
}

export interface StoredLock extends Lock {
  /** Counts the holds of its slot, from 1. */
  readonly generation: number;
  /** Digest of the request it is held for. */
  readonly body: string;
  /** What each night of `nights` was decided against; null: unknown. */
  readonly capacity: readonly (number | null)[];
  /** When its stay was granted: later than `grantedAtMs` after a change. */
  readonly changedAtMs: number;
  /** The latest end of every stay that its slot has answered: repeats are known until some time after. */
  readonly lastStayEndMs: number;
  /** Set while a change of a confirmed hold is tentative. */
  readonly confirmedStay: ConfirmedStay | undefined;
  /** True: it is what the platform's row of its reservation is held by, and changes with that. */
  readonly followsRow?: boolean | undefined;
  /** True: the row has named its room, or that of its confirmed stay; without one in the row it is let go. */
  readonly roomFromRow?: boolean | undefined;
  /** Of what the platform sold, its confirmed stay: the assigned room, while none captured has this number. */
  readonly roomNumber?: string | undefined;
  /** Of an ended hold: the version that the end replaced; a repeat of the release carries it. */
  readonly versionBeforeEnd: number | undefined;
}

interface HeldPart {
  readonly roomId: string | undefined;
  readonly stayStartMs: number;
  readonly stayEndMs: number;
  readonly nights: readonly string[];
}

/** The stays that a hold keeps from others: its own and, while that changes, the confirmed one. */
export function heldParts(lock: StoredLock): readonly HeldPart[] {
  return lock.confirmedStay === undefined ? [lock] : [lock, lock.confirmedStay];
}

/** Every night a hold counts on, once each. */
export function heldNights(lock: StoredLock): readonly string[] {
  if (lock.confirmedStay === undefined) return lock.nights;
  return [...new Set([...lock.nights, ...lock.confirmedStay.nights])].sort();
}

/** What a caller may see of a hold. */
export function publicLock(stored: StoredLock): Lock {
  return {
    lockId: stored.lockId,
    tenantId: stored.tenantId,
    reservationId: stored.reservationId,
    roomTypeId: stored.roomTypeId,
    roomId: stored.roomId,
    propertyId: stored.propertyId,
    slot: stored.slot,
    iteration: stored.iteration,
    stayStartMs: stored.stayStartMs,
    stayEndMs: stored.stayEndMs,
    nights: stored.nights,
    status: stored.status,
    reason: stored.reason,
    actor: stored.actor,
    correlationId: stored.correlationId,
    metadata: stored.metadata,
    grantedAtMs: stored.grantedAtMs,
    expiresAtMs: stored.expiresAtMs,
    releasedAtMs: stored.releasedAtMs,
    releaseReason: stored.releaseReason,
    version: stored.version,
  };
}
