/** Rooms that are captured after they were sold: the stays that name them get them then. */
import { isHandedOver, overlaps, type RoomRecord } from './catalogue.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { roomConflict } from './fit.ts';
import { partitionKeyOf } from './lock-id.ts';
import { tellOvercommit } from './overcommit.ts';
import type { Stay } from './stay.ts';
import { heldNights, type StoredLock } from './stored-lock.ts';

interface GivenRoom {
  readonly roomId: string;
  readonly stay: Stay;
}

/**
 * Gives the holds of a type the rooms they were sold with, once those are captured; where another has
 * the room by then, it is told.
 * @param captured by this very decision; undefined: all that are known.
 */
export function settleRooms(
  draft: DecisionDraft,
  partitionKey: string,
  captured?: RoomRecord,
): void {
  // What a decision has changed is in nobody's index yet.
  const given: GivenRoom[] = [];
  for (const id of draft.state.typeHolds(partitionKey, undefined)) {
    const lock = draft.lock(id);
    if (lock === undefined) continue;
    const room = awaitedRoomOf(draft, lock, captured);
    if (room !== undefined) settle(draft, lock, { room, given });
  }
}

/** Undefined: it waits for none, or for one that is not there yet. */
function awaitedRoomOf(
  { state }: DecisionDraft,
  { tenantId, roomTypeId, propertyId, roomNumber }: StoredLock,
  captured: RoomRecord | undefined,
): RoomRecord | undefined {
  if (roomNumber === undefined || propertyId === undefined) return undefined;
  const roomId = state.roomIdOf({ tenantId, propertyId, roomNumber });
  const known = roomId === undefined ? undefined : state.room({ tenantId, roomId });
  const room = captured ?? known;
  const isIt = room?.propertyId === propertyId && room.roomNumber === roomNumber;
  return isIt && room.roomTypeId === roomTypeId && isHandedOver(room) ? room : undefined;
}

function settle(
  draft: DecisionDraft,
  lock: StoredLock,
  { room, given }: { readonly room: RoomRecord; readonly given: GivenRoom[] },
): void {
  const { tenantId, roomTypeId, confirmedStay } = lock;
  const { roomId } = room;
  const stay = confirmedStay ?? lock;
  const wanted = { tenantId, roomTypeId, roomId, room, zone: 'UTC', stay, own: lock };
  const conflict = roomConflict(draft, wanted);
  const inTheWay = conflict?.reason === 'ROOM_HELD' ? conflict.nights : undefined;
  const taken = inTheWay ?? nightsGiven(given, roomId, stay);
  const isFree = taken === undefined;
  const version = draft.nextVersion(partitionKeyOf(lock));
  const heldRoomId = isFree ? roomId : undefined;
  const settled = { roomFromRow: isFree, roomNumber: undefined, version };
  const after: StoredLock =
    confirmedStay === undefined
      ? { ...lock, ...settled, roomId: heldRoomId }
      : { ...lock, ...settled, confirmedStay: { ...confirmedStay, roomId: heldRoomId } };
  draft.hold(after, lock);
  if (isFree) {
    given.push({ roomId, stay });
    return;
  }
  const { propertyId, reservationId, lockId } = lock;
  if (propertyId === undefined || reservationId === undefined) return;
  const sold = { tenantId, roomTypeId, propertyId, reservationId, lockId, version, roomId };
  tellOvercommit(draft, { ...sold, nights: taken, ownNights: heldNights(lock) });
}

/** The nights for which this very decision has given the room away; undefined: it has not. */
function nightsGiven(
  given: readonly GivenRoom[],
  roomId: string,
  stay: Stay,
): readonly string[] | undefined {
  const window = { fromMs: stay.stayStartMs, toMs: stay.stayEndMs };
  const others = given.filter(
    (one) =>
      one.roomId === roomId &&
      overlaps({ fromMs: one.stay.stayStartMs, toMs: one.stay.stayEndMs }, window),
  );
  if (others.length === 0) return undefined;
  return stay.nights.filter((night) => others.some((one) => one.stay.nights.includes(night)));
}
