/** What the guard's partitions say of a reservation's holds: each as it is after a decision. */
import type { LockStatus } from '../lock.ts';
import type { StoredLock } from '../stored-lock.ts';
import { platformReason } from '../decide-platform.ts';

export interface HoldFact {
  readonly kind: 'hold';
  readonly tenantId: string;
  readonly reservationId: string;
  readonly lockId: string;
  readonly roomTypeId: string;
  readonly slot: string;
  readonly iteration: number;
  readonly status: LockStatus;
  readonly version: number;
  readonly nights: readonly string[];
  /** True also while a change of what was confirmed is tentative. */
  readonly isConfirmed: boolean;
  readonly grantedAtMs: number;
  /** Of the stay it has now. */
  readonly changedAtMs: number;
  /** Undefined while it is live. */
  readonly endedAtMs: number | undefined;
  readonly releaseReason: string | undefined;
  /** True: nobody asked for it; it is what the platform's row says. */
  readonly isPlatforms: boolean;
  /** True: it changes with the platform's row. */
  readonly followsRow: boolean;
}

/** In shadow mode: a stay that the guard would have refused. */
export interface ConflictFact {
  readonly kind: 'conflict';
  readonly tenantId: string;
  readonly reservationId: string;
  readonly atMs: number;
}

/** Undefined for a hold that is no reservation's. */
export function holdFactOf(lock: StoredLock): HoldFact | undefined {
  const { tenantId, lockId, roomTypeId, slot, iteration, status, version, nights } = lock;
  const reservationId = lock.reservationId ?? lock.confirmedStay?.reservationId;
  if (reservationId === undefined) return undefined;
  return {
    kind: 'hold',
    ...{ tenantId, reservationId, lockId, roomTypeId, slot, iteration, status, version, nights },
    isConfirmed: status === 'CONFIRMED' || lock.confirmedStay !== undefined,
    grantedAtMs: lock.grantedAtMs,
    changedAtMs: lock.changedAtMs,
    endedAtMs: lock.releasedAtMs,
    releaseReason: lock.releaseReason,
    isPlatforms: lock.reason === platformReason,
    followsRow: lock.followsRow === true,
  };
}
