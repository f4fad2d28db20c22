/**
 * What the platform says of its reservations. What it has sold is a fact: it is held whether it fits or
 * not, and an `inventory.overcommitted` says which nights have more than there is. A stay that changes
 * while a caller's change of it waits to be confirmed moves under it: both count until that one is
 * confirmed or its time is over.
 *
 *   the row's hold, else any with    what becomes of it
 *   its stay, else the main slot's
 *   none                             a new one in the reservation's main slot, confirmed
 *   has the stay, tentative          confirmed
 *   has the stay, confirmed          nothing
 *   has it without its room          gets the room, confirmed
 *   another stay, confirmed          gets the stay
 *   another stay, tentative          keeps it, and the stay as the one it returns to
 *
 * Further rooms of a reservation are in no row: a command that took effect confirms them, also after
 * they have expired.
 */
import { capacityGround, capacityOn } from './capacity.ts';
import { isHandedOver } from './catalogue.ts';
import type { NotedAnswer } from './decision.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { fitOf, roomConflict, type WantedHold } from './fit.ts';
import { refusedBeforeMs } from './guard-options.ts';
import type { ConfirmInput, PlatformStayInput } from './input.ts';
import { isLive } from './lock.ts';
import { lockIdOf, partitionKeyOf } from './lock-id.ts';
import { tellOvercommit } from './overcommit.ts';
import { platformStay } from './platform-stay.ts';
import { isRefusal } from './refusal.ts';
import { answeredMark, bodyDigest, mainSlotOf } from './slot.ts';
import { knownZone, type AskedStay, type Stay } from './stay.ts';
import { heldNights, type ConfirmedStay, type StoredLock } from './stored-lock.ts';

/** The reason, and the actor, of holds that nobody asked for. */
export const platformReason = 'PLATFORM';

const noted: NotedAnswer = { status: 'NOTED' };

export function decideConfirm(draft: DecisionDraft, input: ConfirmInput): NotedAnswer {
  const lock = draft.lock(input.lockId);
  if (lock?.tenantId !== input.tenantId || lock.version !== input.version) return noted;
  if (lock.status === 'TENTATIVE') confirm(draft, lock);
  if (lock.status === 'EXPIRED') takeAgain(draft, lock);
  return noted;
}

/** What took effect after its hold had expired is sold: it is held again, whether it fits or not. */
function takeAgain(draft: DecisionDraft, lock: StoredLock): void {
  const { tenantId, roomTypeId, slot, reservationId, propertyId, roomId } = lock;
  const partitionKey = partitionKeyOf(lock);
  const record = draft.state.slot(partitionKey, slot);
  // Somebody has asked for it again.
  if (record?.lockId !== lock.lockId) return;
  const isOver = lock.stayEndMs <= refusedBeforeMs(draft.atMs, draft.options);
  if (reservationId === undefined || propertyId === undefined || isOver) return;
  const zone = knownZone(draft.state.property({ tenantId, propertyId }))?.zone ?? 'UTC';
  const input = { tenantId, roomTypeId, reservationId };
  const lost = { input, partitionKey, slot, propertyId, zone, stay: lock, roomId };
  const place = placeFor(draft, lost, undefined);
  const { lockId, generation, grantedAtMs } = placeInSlot(draft, undefined, lost);
  const after: StoredLock = {
    ...lock,
    ...{ lockId, generation, roomId: place.roomId, capacity: place.capacity },
    status: 'CONFIRMED',
    ...{ expiresAtMs: undefined, releasedAtMs: undefined, releaseReason: undefined },
    ...{ grantedAtMs, changedAtMs: draft.atMs, versionBeforeEnd: undefined },
    version: draft.nextVersion(partitionKey),
  };
  draft.hold(after, undefined);
  draft.changes.push({ kind: 'slot', after: { ...record, generation, lockId } });
  place.report(after);
}

export function decidePlatformStay(draft: DecisionDraft, input: PlatformStayInput): NotedAnswer {
  const sold = soldOf(draft, input);
  if (sold === undefined) return noted;
  const holds = draft.state
    .reservationHolds(input.tenantId, input.reservationId)
    .map((id) => draft.lock(id))
    .filter((lock) => lock !== undefined)
    .filter((lock) => isLive(lock) && partitionKeyOf(lock) === sold.partitionKey);
  const following = holds.find(({ followsRow }) => followsRow === true);
  const main = holds.find(({ slot }) => slot === sold.slot);
  const candidates = following ? [following] : main ? [main, ...holds] : holds;
  const same = candidates.find((lock) => hasStay(lock, sold));
  if (same !== undefined) {
    const roomFromRow = sold.roomId !== undefined;
    const roomNumber = awaitedRoom(sold);
    const isKnown =
      same.followsRow === true &&
      (same.roomFromRow === true) === roomFromRow &&
      same.roomNumber === roomNumber;
    if (same.status === 'CONFIRMED' && isKnown) return noted;
    confirm(draft, { ...same, followsRow: true, roomFromRow, roomNumber });
    return noted;
  }
  const own = following ?? main;
  if (own?.status === 'TENTATIVE' && !isPartOf(own, sold)) returnTo(draft, own, sold);
  else hold(draft, own, sold);
  return noted;
}

/** What is to have a place, whether there is one or not. */
interface ToPlace {
  readonly input: Pick<PlatformStayInput, 'tenantId' | 'reservationId' | 'roomTypeId'>;
  readonly partitionKey: string;
  readonly slot: string;
  readonly propertyId: string;
  readonly zone: string;
  readonly stay: Stay;
  readonly roomId: string | undefined;
}

/** What the platform sold, as a hold of the reservation's main slot would have it. */
interface Sold extends ToPlace {
  readonly input: PlatformStayInput;
  /** A room is assigned that is not captured (yet). */
  readonly isRoomUnknown: boolean;
  readonly body: string;
}

/** Undefined for a stay that is long over, or that no calendar has. */
function soldOf(draft: DecisionDraft, input: PlatformStayInput): Sold | undefined {
  const { tenantId, reservationId, roomTypeId } = input;
  const partitionKey = partitionKeyOf(input);
  const propertyId = draft.state.typeRooms(partitionKey)?.propertyId ?? input.propertyId;
  const property = knownZone(draft.state.property({ tenantId, propertyId }));
  const zone = property?.zone ?? 'UTC';
  const asked: AskedStay = {
    start: { date: input.arrivalDate },
    end: { date: input.departureDate },
  };
  const stay = platformStay(input, property);
  if (isRefusal(stay) || stay.stayEndMs <= refusedBeforeMs(draft.atMs, draft.options)) {
    return undefined;
  }
  const roomId = assignedRoom(draft, { ...input, propertyId });
  const { roomNumber } = input;
  const isRoomUnknown =
    roomNumber !== undefined &&
    draft.state.roomIdOf({ tenantId, propertyId, roomNumber }) === undefined;
  const body = bodyDigest({ roomTypeId, roomId, reservationId }, asked);
  const slot = mainSlotOf(reservationId);
  return { input, partitionKey, slot, propertyId, zone, stay, roomId, isRoomUnknown, body };
}

/** A room that is unknown, or of another type than was booked, is not held: the type's night is. */
function assignedRoom(draft: DecisionDraft, input: PlatformStayInput): string | undefined {
  const { tenantId, propertyId, roomNumber, roomTypeId } = input;
  if (roomNumber === undefined) return undefined;
  const roomId = draft.state.roomIdOf({ tenantId, propertyId, roomNumber });
  const room = roomId === undefined ? undefined : draft.state.room({ tenantId, roomId });
  if (room?.roomTypeId === roomTypeId && isHandedOver(room)) return roomId;
  draft.leniencies.push(room === undefined ? 'unknown-room' : 'room-of-another-type');
  return undefined;
}

/** The number of the room that its stay gets once that is captured. */
function awaitedRoom({ isRoomUnknown, input }: Sold): string | undefined {
  return isRoomUnknown ? input.roomNumber : undefined;
}

function hasStay(lock: StoredLock, { stay, roomId }: Sold): boolean {
  return String(lock.nights) === String(stay.nights) && hasRoom(lock, lock.roomId, roomId);
}

/** Where the row names no room, a caller's own will do, but none that the row has named before. */
function hasRoom(
  { roomFromRow }: StoredLock,
  heldRoomId: string | undefined,
  soldRoomId: string | undefined,
): boolean {
  if (soldRoomId !== undefined) return heldRoomId === soldRoomId;
  return heldRoomId === undefined || roomFromRow !== true;
}

/** A hold of any room, and the stay has got its room. */
function isPartOf(lock: StoredLock, { stay }: Sold): boolean {
  return lock.roomId === undefined && String(lock.nights) === String(stay.nights);
}

function confirm(draft: DecisionDraft, lock: StoredLock): void {
  const version = draft.nextVersion(partitionKeyOf(lock));
  const confirmed = {
    status: 'CONFIRMED',
    expiresAtMs: undefined,
    confirmedStay: undefined,
  } as const;
  draft.hold({ ...lock, ...confirmed, version }, lock);
}

function hold(draft: DecisionDraft, own: StoredLock | undefined, sold: Sold): void {
  const { propertyId, stay, body, partitionKey, input } = sold;
  const { reservationId, roomTypeId, tenantId } = input;
  const place = placeFor(draft, sold, own);
  const after: StoredLock = {
    ...placeInSlot(draft, own, sold),
    ...{ tenantId, reservationId, roomTypeId, roomId: place.roomId, propertyId },
    ...stay,
    status: 'CONFIRMED',
    ...{ reason: platformReason, actor: platformReason },
    ...{ correlationId: undefined, metadata: {} },
    ...{ expiresAtMs: undefined, releasedAtMs: undefined, releaseReason: undefined },
    version: draft.nextVersion(partitionKey),
    ...{ body, capacity: place.capacity, changedAtMs: draft.atMs },
    roomNumber: awaitedRoom(sold),
    ...{ confirmedStay: undefined, versionBeforeEnd: undefined, followsRow: true },
    roomFromRow: place.roomId !== undefined,
  };
  draft.hold(after, own);
  remember(draft, after, sold);
  place.report(after);
}

/** Which hold of its slot it is: the one that is there, or the next one. */
function placeInSlot(
  draft: DecisionDraft,
  own: StoredLock | undefined,
  { input: { tenantId, roomTypeId }, partitionKey, slot, stay }: ToPlace,
): Pick<
  StoredLock,
  'lockId' | 'slot' | 'generation' | 'iteration' | 'grantedAtMs' | 'lastStayEndMs'
> {
  if (own !== undefined) {
    const { lockId, slot, generation, iteration, grantedAtMs } = own;
    const lastStayEndMs = Math.max(stay.stayEndMs, own.lastStayEndMs);
    return { lockId, slot, generation, iteration, grantedAtMs, lastStayEndMs };
  }
  const record = draft.state.slot(partitionKey, slot);
  const last = record && draft.lock(record.lockId);
  const generation = (record?.generation ?? 0) + 1;
  return {
    lockId: lockIdOf({ tenantId, roomTypeId, slot, generation }),
    ...{ slot, generation, iteration: record?.iteration ?? 0, grantedAtMs: draft.atMs },
    lastStayEndMs: Math.max(stay.stayEndMs, last?.lastStayEndMs ?? stay.stayEndMs),
  };
}

/** A caller's change of the hold still waits; what it returns to is the stay as the platform has it. */
function returnTo(draft: DecisionDraft, own: StoredLock, sold: Sold): void {
  const { input, propertyId, stay, body } = sold;
  const { reservationId } = input;
  const before = own.confirmedStay;
  const isKnown =
    before !== undefined &&
    String(before.nights) === String(stay.nights) &&
    hasRoom(own, before.roomId, sold.roomId) &&
    own.roomNumber === awaitedRoom(sold);
  if (isKnown) return;
  const place = placeFor(draft, sold, own);
  const { roomId, capacity } = place;
  const confirmedStay: ConfirmedStay = {
    reservationId,
    roomId,
    propertyId,
    ...stay,
    capacity,
    body,
  };
  const lastStayEndMs = Math.max(own.lastStayEndMs, stay.stayEndMs);
  const version = draft.nextVersion(sold.partitionKey);
  const roomNumber = awaitedRoom(sold);
  const flags = { followsRow: true, roomFromRow: roomId !== undefined, roomNumber };
  const after: StoredLock = { ...own, confirmedStay, lastStayEndMs, version, ...flags };
  draft.hold(after, own);
  place.report(after);
}

interface Place {
  readonly roomId: string | undefined;
  readonly capacity: readonly (number | null)[];
  /** Says which nights have more than there is, if it does not fit. */
  readonly report: (after: StoredLock) => void;
}

/** No room is held twice: where the assigned one is another's, any room of the type is held. */
function placeFor(draft: DecisionDraft, sold: ToPlace, own: StoredLock | undefined): Place {
  const { input, partitionKey, propertyId, stay, zone, roomId } = sold;
  const { tenantId, roomTypeId } = input;
  const room = roomId === undefined ? undefined : draft.state.room({ tenantId, roomId });
  const wanted: WantedHold = { tenantId, roomTypeId, roomId, room, zone, stay, own };
  const taken = roomConflict(draft, wanted);
  const inTheWay = taken?.reason === 'ROOM_HELD' ? taken : undefined;
  const heldRoomId = inTheWay === undefined ? roomId : undefined;
  const { conflict } = fitOf(draft, { ...wanted, roomId: undefined, room: undefined });
  const isFull = conflict?.reason === 'TYPE_FULL';
  const ground = capacityGround(draft.state, { tenantId, partitionKey });
  const capacityOf = (night: string): number | null =>
    ground === undefined ? null : capacityOn(draft.state, ground, { partitionKey, night });
  const nights = [
    ...new Set([...(taken?.nights ?? []), ...(isFull ? conflict.nights : [])]),
  ].sort();
  return {
    roomId: heldRoomId,
    capacity: stay.nights.map(capacityOf),
    report: ({ lockId, version }) => {
      if (nights.length === 0) return;
      const { reservationId } = input;
      const hold = { tenantId, roomTypeId, propertyId, reservationId, lockId, version, roomId };
      const ownNights = own === undefined ? [] : heldNights(own);
      tellOvercommit(draft, { ...hold, nights, ownNights });
    },
  };
}

function remember(draft: DecisionDraft, lock: StoredLock, { partitionKey, body }: Sold): void {
  const { tenantId, roomTypeId, slot, generation, lockId, iteration } = lock;
  const answered = [...(draft.state.slot(partitionKey, slot)?.answered ?? [])];
  const mark = answeredMark('', body);
  if (!answered.includes(mark)) answered.push(mark);
  const after = { tenantId, roomTypeId, slot, generation, lockId, iteration, answered };
  draft.changes.push({ kind: 'slot', after });
}
