/**
 * Releases: idempotent, of the caller's own tenant only, and never of a hold that has changed since
 * the caller last saw it, if it says which version that was.
 */
import { addDays } from '../calendar/calendar-date.ts';
import { nightsPerStayMax } from '../calendar/property-time.ts';
import type { BulkReleaseAnswer, Refusal, ReleaseAnswer } from './answer.ts';
import { overlaps } from './catalogue.ts';
import type { BulkReleaseCommand, ReleaseCommand } from './command.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { keepsRoom } from './fit.ts';
import type { BoundedWindow, NightRange } from './guard-state.ts';
import { isLive } from './lock.ts';
import { partitionKeyOf } from './lock-id.ts';
import { utcDays } from './lock-index.ts';
import { invalid, notFound, precondition } from './refusal.ts';
import { heldParts, publicLock, type StoredLock } from './stored-lock.ts';

/** Holds that one bulk release can end. */
export const bulkReleaseMax = 10_000;

const dayMs = 86_400_000;

export function decideRelease(draft: DecisionDraft, command: ReleaseCommand): ReleaseAnswer {
  const { tenantId, lockId, version } = command;
  const lock = lockOf(draft, { tenantId, lockId });
  if (lock === undefined) return notFound('lockId', 'there is no lock with this id');
  const reservationId = command.reservationId === '' ? undefined : command.reservationId;
  if (reservationId !== undefined && lock.reservationId !== reservationId) {
    return precondition('reservationId', 'the lock belongs to another reservation');
  }
  if (version !== undefined && version !== lock.version && version !== lock.versionBeforeEnd) {
    return precondition('version', `is ${version}, but the lock is at version ${lock.version}`);
  }
  if (!isLive(lock)) return { status: 'RELEASED', lock: publicLock(lock), isRepeat: true };
  const released = draft.release(lock, command);
  return { status: 'RELEASED', lock: publicLock(released), isRepeat: false };
}

export function decideBulkRelease(
  draft: DecisionDraft,
  command: BulkReleaseCommand,
): BulkReleaseAnswer | Refusal {
  const lockIds = command.lockIds ?? holdsMeant(draft, command);
  if (lockIds.length > bulkReleaseMax) {
    const field = command.lockIds === undefined ? fieldOfWhich(command) : 'lockIds';
    return invalid(field, `${lockIds.length} locks, more than ${bulkReleaseMax} at once`);
  }
  return {
    status: 'DONE',
    results: lockIds.map((lockId) => {
      const lock = lockOf(draft, { tenantId: command.tenantId, lockId });
      if (lock === undefined) return { lockId, outcome: 'NOT_FOUND', lock: undefined };
      if (!isLive(lock)) return { lockId, outcome: 'ALREADY_ENDED', lock: publicLock(lock) };
      return { lockId, outcome: 'RELEASED', lock: publicLock(draft.release(lock, command)) };
    }),
  };
}

function fieldOfWhich({ reservationId, reservationIds }: BulkReleaseCommand): string {
  if (reservationIds !== undefined) return 'reservationIds';
  return reservationId === undefined ? 'window' : 'reservationId';
}

/** Ids of the live holds that a bulk release without ids means. */
function holdsMeant(draft: DecisionDraft, command: BulkReleaseCommand): readonly string[] {
  const { state } = draft;
  const { tenantId, reservationId, reservationIds, roomId, roomTypeId, window } = command;
  const reservations =
    reservationIds ?? (reservationId === undefined ? undefined : [reservationId]);
  if (reservations !== undefined) {
    const named = [...new Set(reservations)].filter((id) => id !== '');
    // A hold that changes its reservation is of both meanwhile.
    return [...new Set(named.flatMap((id) => state.reservationHolds(tenantId, id)))];
  }
  const isMeant = (id: string, test: (lock: StoredLock) => boolean): boolean => {
    const lock = draft.lock(id);
    return lock !== undefined && test(lock);
  };
  if (roomId !== undefined) {
    const asked = window ?? { fromMs: undefined, toMs: undefined };
    return state
      .roomHolds({ tenantId, roomId }, roomWindow(window))
      .filter((id) => isMeant(id, (lock) => keepsRoom(lock, roomId, asked)));
  }
  if (roomTypeId === undefined) return [];
  const found = state.typeHolds(partitionKeyOf({ tenantId, roomTypeId }), nightRange(window));
  return window === undefined
    ? found
    : found.filter((id) => isMeant(id, (lock) => isIn(lock, window)));
}

function isIn(lock: StoredLock, window: BoundedWindow): boolean {
  return heldParts(lock).some(({ stayStartMs, stayEndMs }) =>
    overlaps({ fromMs: stayStartMs, toMs: stayEndMs }, window),
  );
}

/** Undefined for a window that is too long to be gone through day by day. */
function roomWindow(window: BoundedWindow | undefined): BoundedWindow | undefined {
  return window === undefined || isLong(window) ? undefined : window;
}

/** The nights on which a hold that overlaps a window counts: no zone's dates are two days off UTC's. */
function nightRange(window: BoundedWindow | undefined): NightRange | undefined {
  if (window === undefined || isLong(window)) return undefined;
  const days = utcDays(window);
  const [first] = days;
  const last = days.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { from: addDays(first, -2), to: addDays(last, 2) };
}

function isLong({ fromMs, toMs }: BoundedWindow): boolean {
  return !(toMs - fromMs <= nightsPerStayMax * dayMs);
}

/** Another tenant's lock is none. */
function lockOf(
  draft: DecisionDraft,
  { tenantId, lockId }: { readonly tenantId: string; readonly lockId: string },
): StoredLock | undefined {
  const lock = draft.lock(lockId);
  return lock?.tenantId === tenantId ? lock : undefined;
}
