/**
 * Under which keys a hold is found, for whichever store keeps the indexes: by room and UTC day, by
 * type and night, by reservation, by expiry, and, once it has ended, by when it may be forgotten.
 * A hold that does not count is under none of the first four.
 */
import { dateOfUtcDay } from '../calendar/calendar-date.ts';
import type { BoundedWindow } from './guard-state.ts';
import { isLive } from './lock.ts';
import { heldNights, heldParts, type StoredLock } from './stored-lock.ts';

export interface LockIndexKeys {
  readonly roomDays: readonly { readonly roomId: string; readonly day: string }[];
  readonly nights: readonly string[];
  readonly reservationIds: readonly string[];
  readonly dueMs: number | undefined;
  readonly forgettableMs: number | undefined;
}

const none = { roomDays: [], nights: [], reservationIds: [], dueMs: undefined };
const dayMs = 86_400_000;

export function lockIndexKeys(lock: StoredLock): LockIndexKeys {
  if (!isLive(lock)) return { ...none, forgettableMs: lock.lastStayEndMs };
  const roomDays: { roomId: string; day: string }[] = [];
  for (const { roomId, stayStartMs: fromMs, stayEndMs: toMs } of heldParts(lock)) {
    if (roomId === undefined) continue;
    for (const day of utcDays({ fromMs, toMs })) roomDays.push({ roomId, day });
  }
  const { reservationId, confirmedStay } = lock;
  const reservationIds = [reservationId, confirmedStay?.reservationId].filter(
    (id) => id !== undefined,
  );
  return {
    roomDays,
    nights: heldNights(lock),
    reservationIds,
    dueMs: lock.status === 'TENTATIVE' ? lock.expiresAtMs : undefined,
    forgettableMs: undefined,
  };
}

/** The UTC dates that a window touches, in order. */
export function utcDays({ fromMs, toMs }: BoundedWindow): string[] {
  const days: string[] = [];
  for (let day = Math.floor(fromMs / dayMs); day * dayMs < toMs; day += 1) {
    days.push(dateOfUtcDay(day));
  }
  return days;
}
