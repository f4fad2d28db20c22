/**
 * Hand-overs: a room that changed its type is granted in the new one when the old one's partition, which
 * alone knows its holds, says that the last of them has ended. Pure; the processor writes what follows.
 */
import type { Departure, RoomRecord } from './catalogue.ts';
import type { RoomRef } from './guard-state.ts';
import type { HandOverInput } from './input.ts';
import { isLive } from './lock.ts';
import { heldParts, type StoredLock } from './stored-lock.ts';

/** What the partition's state has to answer, after the decision was made. */
interface HoldsByRoom {
  waitingRooms(): readonly RoomRecord[];
  roomHolds(room: RoomRef, window: undefined): readonly string[];
  lock(lockId: string): StoredLock | undefined;
}

/**
 * Of each room that waits, the types of this partition that hold it no more. Few rooms ever wait, so all
 * of them are looked at.
 * @param owns whether this partition decides a type's holds.
 */
export function handOversOf(
  state: HoldsByRoom,
  owns: (type: { readonly tenantId: string; readonly roomTypeId: string }) => boolean,
): readonly HandOverInput[] {
  return state.waitingRooms().flatMap(({ tenantId, roomId, waitsFor = [] }) =>
    waitsFor
      .filter(({ roomTypeId }) => owns({ tenantId, roomTypeId }))
      .filter((departure) => !isHeldIn(state, { tenantId, roomId }, departure))
      .map((departure) => ({ kind: 'hand-over', tenantId, roomId, ...departure })),
  );
}

function isHeldIn(state: HoldsByRoom, ref: RoomRef, { roomTypeId }: Departure): boolean {
  return state.roomHolds(ref, undefined).some((id) => {
    const lock = state.lock(id);
    if (lock?.roomTypeId !== roomTypeId || !isLive(lock)) return false;
    return heldParts(lock).some((part) => part.roomId === ref.roomId);
  });
}
