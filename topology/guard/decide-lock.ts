/**
 * A request for a hold. In this order: what its slot has answered before is answered again and changes
 * nothing; a stale version is refused; then the stay is granted as a new hold, or the slot's live hold
 * is changed in place, if it fits beside all others.
 *
 *                    request of the slot
 *      lower iteration, or answered before ──▶ the hold as it is now (unless it carries the version)
 *      body of the live hold               ──▶ the hold as it is now, and the request is remembered
 *      other body, live hold               ──▶ changed in place, or CONFLICT and nothing changes
 *      other body, no live hold            ──▶ next generation of the slot, or CONFLICT
 */
import type { LockAnswer, Refusal } from './answer.ts';
import { isHandedOver, type PropertyRecord, type RoomRecord } from './catalogue.ts';
import type { LockCommand } from './command.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { fitOf, type WantedHold } from './fit.ts';
import { refusedBeforeMs } from './guard-options.ts';
import type { SlotRecord } from './guard-state.ts';
import { isLive } from './lock.ts';
import { lockIdOf, partitionKeyOf } from './lock-id.ts';
import { invalid, isRefusal, precondition } from './refusal.ts';
import { answeredMark, bodyDigest, slotOf, type Slot } from './slot.ts';
import { knownZone, readStay, resolveStay, type AskedStay } from './stay.ts';
import { publicLock, type ConfirmedStay, type StoredLock } from './stored-lock.ts';

/** A slot that was changed more often than this takes no other request: what it answered is remembered. */
export const requestsPerSlotMax = 500;

/** A request that is well formed, and what is known of its slot. */
interface Request {
  readonly command: LockCommand;
  readonly partitionKey: string;
  readonly slot: Slot;
  readonly asked: AskedStay;
  readonly ttlSeconds: number;
  readonly body: string;
  readonly mark: string;
  readonly record: SlotRecord | undefined;
  /** The slot's newest hold; it may have ended. */
  readonly current: StoredLock | undefined;
}

/** Where the request wants to stay, as far as it is known. */
interface Place {
  readonly room: RoomRecord | undefined;
  readonly propertyId: string | undefined;
  readonly property: PropertyRecord | undefined;
}

export function decideLock(draft: DecisionDraft, command: LockCommand): LockAnswer {
  const request = readRequest(draft, withoutEmptyIds(command));
  if (isRefusal(request)) return request;
  return answerAgain(draft, request) ?? hold(draft, request);
}

/** An empty id matches nothing: it is none. */
function withoutEmptyIds(command: LockCommand): LockCommand {
  const { idempotencyKey, reservationId, roomId, propertyId } = command;
  if ([idempotencyKey, reservationId, roomId, propertyId].every((id) => id !== '')) return command;
  return {
    ...command,
    idempotencyKey: idempotencyKey === '' ? undefined : idempotencyKey,
    reservationId: reservationId === '' ? undefined : reservationId,
    roomId: roomId === '' ? undefined : roomId,
    propertyId: propertyId === '' ? undefined : propertyId,
  };
}

function readRequest(draft: DecisionDraft, command: LockCommand): Request | Refusal {
  for (const field of ['tenantId', 'roomTypeId'] as const) {
    const problem = idProblem(command[field]);
    if (problem !== undefined) return invalid(field, problem);
  }
  for (const field of keyFields) {
    const value = command[field];
    if (value !== undefined && noKeyText.test(value)) {
      return invalid(field, 'must not hold control characters or half a surrogate pair');
    }
  }
  const slot = slotOf(command);
  if (isRefusal(slot)) return slot;
  const asked = readStay(command);
  if (isRefusal(asked)) return asked;
  const ttlSeconds = ttlOf(draft, command.ttlSeconds);
  if (typeof ttlSeconds !== 'number') return ttlSeconds;
  const partitionKey = partitionKeyOf(command);
  const body = bodyDigest(command, asked);
  const mark = answeredMark(slot.suffix, body);
  const record = draft.state.slot(partitionKey, slot.name);
  const current = record && draft.lock(record.lockId);
  return { command, partitionKey, slot, asked, ttlSeconds, body, mark, record, current };
}

/** What becomes part of a stored key or an event: text that has no UTF-8 would fail the whole partition. */
const keyFields = [
  ...(['tenantId', 'roomTypeId', 'roomId', 'propertyId'] as const),
  ...(['reservationId', 'idempotencyKey'] as const),
];
const noKeyText = /[\p{Cc}\p{Cs}]/u;

function idProblem(id: string): string | undefined {
  if (id === '') return 'must not be empty';
  return id.includes('|') ? 'must not hold a "|", which separates the parts of keys' : undefined;
}

/** How long a hold lives that asks for this. */
export function ttlOf({ options }: DecisionDraft, asked: number | undefined): number | Refusal {
  // No number of seconds is 0: a field that the wire format cannot leave out.
  if (asked === undefined || asked === 0) return options.defaultTtlSeconds;
  if (!Number.isSafeInteger(asked) || asked < 0) {
    return invalid('ttlSeconds', 'must be a whole number of seconds, 0 for the default');
  }
  return Math.min(asked, options.maxTtlSeconds);
}

/** The hold as it is now, when the slot has nothing new to decide. */
function answerAgain(draft: DecisionDraft, request: Request): LockAnswer | undefined {
  const { command, slot, record, current, mark, body } = request;
  if (record === undefined || current === undefined) return undefined;
  const isOlder = slot.iteration !== undefined && slot.iteration < record.iteration;
  const isAnswered = record.answered.includes(mark);
  const isCurrentVersion = isLive(current) && command.version === current.version;
  const isSameBody = isLive(current) && current.body === body;
  const isStale = (isOlder || isAnswered) && !isCurrentVersion;
  if (!isStale && !isSameBody) return undefined;
  // Another suffix with the same body: once the hold has changed, its repeat must be known as stale.
  const isWorthNoting = !isOlder && !isAnswered && record.answered.length < requestsPerSlotMax;
  if (isWorthNoting) remember(draft, request, current);
  return { status: 'LOCKED', lock: publicLock(current), isRepeat: true };
}

function hold(draft: DecisionDraft, request: Request): LockAnswer {
  const problem = versionProblem(request) ?? memoryProblem(request.record);
  if (problem !== undefined) return problem;
  const wanted = wantedOf(draft, request);
  if (isRefusal(wanted)) return wanted;
  const fit = fitOf(draft, wanted);
  if (fit.conflict !== undefined) return { status: 'CONFLICT', conflict: fit.conflict };

  const isUnknownRoom = wanted.roomId !== undefined && wanted.room === undefined;
  if (isUnknownRoom) draft.leniencies.push('unknown-room');
  const after = heldLock(draft, request, { wanted, capacity: fit.capacity });
  draft.hold(after, wanted.own);
  remember(draft, request, after);
  return { status: 'LOCKED', lock: publicLock(after), isRepeat: false };
}

interface WantedAt extends WantedHold {
  readonly propertyId: string | undefined;
}

function wantedOf(draft: DecisionDraft, request: Request): WantedAt | Refusal {
  const { command, current, asked } = request;
  const place = placeOf(draft, request);
  if (isRefusal(place)) return place;
  const { room, propertyId, property } = place;
  const stay = resolveStay(asked, property);
  if (isRefusal(stay)) return stay;
  if (stay.stayEndMs <= refusedBeforeMs(draft.atMs, draft.options)) {
    const message = `the stay ended more than ${draft.options.retentionDays} days ago; what was answered then is forgotten`;
    return precondition('stayEnd', message);
  }
  const { tenantId, roomTypeId, roomId } = command;
  const own = current !== undefined && isLive(current) ? current : undefined;
  const zone = property?.zone ?? 'UTC';
  return { tenantId, roomTypeId, roomId, room, propertyId, zone, stay, own };
}

function versionProblem({ command: { version }, current }: Request): Refusal | undefined {
  if (version === undefined) return undefined;
  if (current === undefined || !isLive(current)) {
    return precondition('version', 'there is no live lock of this version to be changed');
  }
  if (version === current.version) return undefined;
  return precondition('version', `is ${version}, but the lock is at version ${current.version}`);
}

function memoryProblem(record: SlotRecord | undefined): Refusal | undefined {
  if (record === undefined || record.answered.length < requestsPerSlotMax) return undefined;
  const message = `this slot has answered ${requestsPerSlotMax} requests; use another idempotency key`;
  return precondition('idempotencyKey', message);
}

/** The room and property asked for, held against what is captured. */
function placeOf({ state, options }: DecisionDraft, request: Request): Place | Refusal {
  const { tenantId, roomTypeId, roomId, propertyId: askedPropertyId } = request.command;
  const room = roomId === undefined ? undefined : state.room({ tenantId, roomId });
  const problem = room && roomProblem(room, roomTypeId);
  if (problem !== undefined) return precondition('roomId', problem);
  if (roomId !== undefined && room === undefined && options.unknownRoom === 'reject') {
    return precondition('roomId', 'the room is not known');
  }
  // A captured room has made its type known.
  const captured = state.typeRooms(request.partitionKey)?.propertyId;
  if (captured !== undefined && askedPropertyId !== undefined && captured !== askedPropertyId) {
    return precondition('propertyId', 'the room or its type belongs to another property');
  }
  const propertyId = captured ?? askedPropertyId;
  const property =
    propertyId === undefined ? undefined : knownZone(state.property({ tenantId, propertyId }));
  return { room, propertyId, property };
}

function roomProblem(room: RoomRecord, roomTypeId: string): string | undefined {
  if (room.isDeleted) return 'the room was deleted';
  if (room.roomTypeId !== roomTypeId) return 'the room is of another room type';
  return isHandedOver(room) ? undefined : 'the room is still held in the room type that it was of';
}

interface Granted {
  readonly wanted: WantedAt;
  readonly capacity: readonly (number | null)[];
}

/** Written out: a spread into a literal of this size costs ten times as much. */
function heldLock(
  draft: DecisionDraft,
  request: Request,
  { wanted, capacity }: Granted,
): StoredLock {
  const { command, slot, record, current, ttlSeconds, partitionKey } = request;
  const { tenantId, roomTypeId, roomId, propertyId, stay, own } = wanted;
  const generation = own?.generation ?? (record?.generation ?? 0) + 1;
  return {
    lockId: own?.lockId ?? lockIdOf({ tenantId, roomTypeId, slot: slot.name, generation }),
    tenantId,
    reservationId: command.reservationId,
    roomTypeId,
    roomId,
    propertyId,
    slot: slot.name,
    iteration: iterationOf(request),
    stayStartMs: stay.stayStartMs,
    stayEndMs: stay.stayEndMs,
    nights: stay.nights,
    status: 'TENTATIVE',
    reason: command.reason,
    actor: command.actor,
    correlationId: command.correlationId,
    metadata: command.metadata,
    grantedAtMs: own?.grantedAtMs ?? draft.atMs,
    expiresAtMs: draft.atMs + ttlSeconds * 1000,
    releasedAtMs: undefined,
    releaseReason: undefined,
    version: draft.nextVersion(partitionKey),
    generation,
    body: request.body,
    capacity,
    changedAtMs: draft.atMs,
    lastStayEndMs: Math.max(stay.stayEndMs, current?.lastStayEndMs ?? stay.stayEndMs),
    confirmedStay: own && confirmedStayOf(own),
    followsRow: own?.followsRow,
    roomFromRow: own?.roomFromRow,
    roomNumber: own?.roomNumber,
    versionBeforeEnd: undefined,
  };
}

/** What a changed hold returns to: the confirmed stay, however often the change is changed. */
function confirmedStayOf(own: StoredLock): ConfirmedStay | undefined {
  if (own.status !== 'CONFIRMED') return own.confirmedStay;
  const { reservationId, roomId, propertyId, stayStartMs, stayEndMs, nights, capacity, body } = own;
  return { reservationId, roomId, propertyId, stayStartMs, stayEndMs, nights, capacity, body };
}

function remember(draft: DecisionDraft, request: Request, lock: StoredLock): void {
  const { record, mark, command, slot } = request;
  const { tenantId, roomTypeId } = command;
  const answered = [...(record?.answered ?? [])];
  if (!answered.includes(mark)) answered.push(mark);
  const { generation, lockId } = lock;
  const iteration = iterationOf(request);
  const after = { tenantId, roomTypeId, slot: slot.name, generation, lockId, iteration, answered };
  draft.changes.push({ kind: 'slot', after });
}

/** The highest that the slot has seen: a request without one keeps it. */
function iterationOf({ slot, record }: Request): number {
  return Math.max(slot.iteration ?? 0, record?.iteration ?? 0);
}
