/** What the fronts ask the guard's tasks, and how a task answers the questions that change nothing. */
import type { AuditRecord } from './audit.ts';
import type { AuditRead } from './audit-trail.ts';
import type { AnswerTo } from './decision.ts';
import { availability, type AvailabilityQuery, type NightAvailability } from './availability.ts';
import { overlaps } from './catalogue.ts';
import type { GuardCommand } from './command.ts';
import { isLive, type Lock, type LockStatus } from './lock.ts';
import { partitionKeyOf } from './lock-id.ts';
import type { MemoryGuardState } from './memory-guard-state.ts';
import { heldParts, publicLock, type StoredLock } from './stored-lock.ts';

export interface GetLockRequest {
  readonly kind: 'get-lock';
  readonly tenantId: string;
  readonly lockId: string;
}

export interface ListLocksRequest {
  readonly kind: 'list-locks';
  readonly tenantId: string;
  /** Exactly one of the three. */
  readonly roomId: string | undefined;
  readonly roomTypeId: string | undefined;
  readonly reservationId: string | undefined;
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** Undefined: the live ones. */
  readonly status: LockStatus | undefined;
  /** Locks with a greater id only. */
  readonly afterLockId: string | undefined;
  readonly limit: number;
}

export interface AvailabilityRequest extends AvailabilityQuery {
  readonly kind: 'availability';
}

export type GuardRead = GetLockRequest | ListLocksRequest | AvailabilityRequest;
export type GuardRequest = GuardCommand | GuardRead | AuditRead;

export type AnswerToRequest<Request extends GuardRequest> = Request extends GuardCommand
  ? AnswerTo<Request>
  : Request extends GetLockRequest
    ? Lock | undefined
    : Request extends ListLocksRequest
      ? readonly Lock[]
      : Request extends AuditRead
        ? readonly AuditRecord[]
        : readonly NightAvailability[];

export function isRead(request: GuardRequest): request is GuardRead {
  return ['get-lock', 'list-locks', 'availability'].includes(request.kind);
}

export function answerRead(state: MemoryGuardState, request: GuardRead): unknown {
  switch (request.kind) {
    case 'get-lock': {
      const lock = state.lock(request.lockId);
      return lock?.tenantId === request.tenantId ? publicLock(lock) : undefined;
    }
    case 'list-locks':
      return listLocks(state, request);
    case 'availability':
      return availability(state, request);
  }
}

/** In the order of their ids, so that pages fit together whatever happens between them. */
function listLocks(state: MemoryGuardState, request: ListLocksRequest): readonly Lock[] {
  const { afterLockId = '', limit } = request;
  const found: Lock[] = [];
  for (const lock of candidates(state, request)) {
    if (lock.lockId <= afterLockId || !isAskedFor(lock, request)) continue;
    found.push(publicLock(lock));
    if (found.length === limit) break;
  }
  return found;
}

/** Live holds by the indexes; ended ones are in none, and every lock is looked at. */
function candidates(state: MemoryGuardState, request: ListLocksRequest): Iterable<StoredLock> {
  const { status } = request;
  const isOfLive = status === undefined || isLive({ status });
  if (!isOfLive) return state.locks();
  const ids = liveIds(state, request);
  return ids.map((id) => state.lock(id)).filter((lock) => lock !== undefined);
}

function liveIds(state: MemoryGuardState, request: ListLocksRequest): readonly string[] {
  const { tenantId, roomId, roomTypeId, reservationId, fromMs, toMs } = request;
  if (reservationId !== undefined) return state.reservationHolds(tenantId, reservationId);
  if (roomTypeId !== undefined) {
    return state.typeHolds(partitionKeyOf({ tenantId, roomTypeId }), undefined);
  }
  const window = fromMs === undefined || toMs === undefined ? undefined : { fromMs, toMs };
  return state.roomHolds({ tenantId, roomId: roomId ?? '' }, window);
}

function isOfReservation(lock: StoredLock, reservationId: string): boolean {
  return (
    lock.reservationId === reservationId || lock.confirmedStay?.reservationId === reservationId
  );
}

function isAskedFor(lock: StoredLock, request: ListLocksRequest): boolean {
  const { tenantId, roomId, roomTypeId, reservationId, status, fromMs, toMs } = request;
  if (lock.tenantId !== tenantId) return false;
  if (status === undefined ? !isLive(lock) : lock.status !== status) return false;
  if (roomTypeId !== undefined && lock.roomTypeId !== roomTypeId) return false;
  if (reservationId !== undefined && !isOfReservation(lock, reservationId)) return false;
  return heldParts(lock).some(
    (part) =>
      (roomId === undefined || part.roomId === roomId) &&
      overlaps({ fromMs, toMs }, { fromMs: part.stayStartMs, toMs: part.stayEndMs }),
  );
}
