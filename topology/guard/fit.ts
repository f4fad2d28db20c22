/**
 * Whether a stay fits beside what is held. Room-level and type-level holds see each other: both count
 * on the nights of their type, and a room-level hold also keeps its room. Only one hold is left out,
 * that of the request's own slot.
 */
import { nightInstantMs } from '../calendar/property-time.ts';
import type { Conflict, ConflictReason } from './answer.ts';
import { capacityGround, capacityOn, type CapacityGround } from './capacity.ts';
import { overlaps, type RoomRecord, type Window } from './catalogue.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { partitionKeyOf } from './lock-id.ts';
import type { Stay } from './stay.ts';
import { heldNights, heldParts, publicLock, type StoredLock } from './stored-lock.ts';

export interface WantedHold {
  readonly tenantId: string;
  readonly roomTypeId: string;
  /** Undefined: any room of the type. */
  readonly roomId: string | undefined;
  /** The captured room; undefined: none is wanted, or it is unknown and allowed. */
  readonly room: RoomRecord | undefined;
  /** Of the property, UTC when it is not known. */
  readonly zone: string;
  readonly stay: Stay;
  /** The hold that this one would replace. */
  readonly own: StoredLock | undefined;
}

export type Fit =
  | { readonly conflict: Conflict }
  /** The capacity of each night; null: unknown. */
  | { readonly conflict: undefined; readonly capacity: readonly (number | null)[] };

const nightsNamedMax = 31;
/** One of two holders of a night is not the request's own. */
const holdersRead = 2;

export function fitOf(draft: DecisionDraft, wanted: WantedHold): Fit {
  const conflict = roomConflict(draft, wanted);
  if (conflict !== undefined) return { conflict };
  const { tenantId, stay } = wanted;
  const partitionKey = partitionKeyOf(wanted);
  const ground = capacityGround(draft.state, { tenantId, partitionKey });
  if (ground !== undefined) return typeFit(draft, wanted, ground);
  if (draft.options.unknownCapacity === 'reject') {
    return { conflict: conflictOf('CAPACITY_UNKNOWN', undefined, stay.nights) };
  }
  draft.leniencies.push('unknown-capacity');
  return { conflict: undefined, capacity: stay.nights.map(() => null) };
}

function typeFit(draft: DecisionDraft, wanted: WantedHold, ground: CapacityGround): Fit {
  const { capacity, full } = countNights(draft, wanted, ground);
  const [firstFull] = full;
  if (firstFull === undefined) return { conflict: undefined, capacity };
  const holders = draft.state.holdersOn(partitionKeyOf(wanted), firstFull, holdersRead);
  const blockerId = holders.find((id) => id !== wanted.own?.lockId);
  const blocker = blockerId === undefined ? undefined : draft.lock(blockerId);
  return { conflict: conflictOf('TYPE_FULL', blocker, full) };
}

/** The capacity of each night that is wanted, and the nights on which others have all of it. */
export function countNights(
  { state }: DecisionDraft,
  wanted: WantedHold,
  ground: CapacityGround,
): { readonly capacity: readonly number[]; readonly full: readonly string[] } {
  const { stay, own } = wanted;
  const partitionKey = partitionKeyOf(wanted);
  const ownNights = new Set(own === undefined ? [] : heldNights(own));
  const capacity: number[] = [];
  const full: string[] = [];
  for (const night of stay.nights) {
    const rooms = capacityOn(state, ground, { partitionKey, night });
    const others = state.heldOn(partitionKey, night) - Number(ownNights.has(night));
    capacity.push(rooms);
    if (others >= rooms) full.push(night);
  }
  return { capacity, full };
}

/** What keeps the wanted room from being had, if one is wanted. */
export function roomConflict(draft: DecisionDraft, wanted: WantedHold): Conflict | undefined {
  const { tenantId, roomId, room, stay, own } = wanted;
  if (roomId === undefined) return undefined;
  const window = { fromMs: stay.stayStartMs, toMs: stay.stayEndMs };
  const blockers = draft.state
    .roomHolds({ tenantId, roomId }, window)
    .filter((id) => id !== own?.lockId)
    .map((id) => draft.lock(id))
    .filter((lock) => lock !== undefined)
    .filter((lock) => keepsRoom(lock, roomId, window))
    .sort(byStay);
  const [blocker] = blockers;
  if (blocker !== undefined) {
    const held = new Set(blockers.flatMap((lock) => heldNights(lock)));
    const nights = stay.nights.filter((night) => held.has(night));
    return conflictOf('ROOM_HELD', blocker, nights);
  }
  return (
    closedConflict('ROOM_OUT_OF_ORDER', room?.outOfOrder, wanted) ??
    closedConflict('ROOM_BLOCKED', room?.blocked, wanted)
  );
}

/** True when a hold has this room at some instant of the window. */
export function keepsRoom(lock: StoredLock, roomId: string, window: Window): boolean {
  return heldParts(lock).some(
    (part) =>
      part.roomId === roomId &&
      overlaps({ fromMs: part.stayStartMs, toMs: part.stayEndMs }, window),
  );
}

function closedConflict(
  reason: ConflictReason,
  closed: Window | undefined,
  { stay, zone }: WantedHold,
): Conflict | undefined {
  const window = { fromMs: stay.stayStartMs, toMs: stay.stayEndMs };
  if (closed === undefined || !overlaps(closed, window)) return undefined;
  const nights = stay.nights.filter((night) => {
    const atMs = nightInstantMs(zone, night);
    return overlaps(closed, { fromMs: atMs, toMs: atMs + 1 });
  });
  return conflictOf(reason, undefined, nights);
}

function byStay(left: StoredLock, right: StoredLock): number {
  return left.stayStartMs - right.stayStartMs || (left.lockId < right.lockId ? -1 : 1);
}

function conflictOf(
  reason: ConflictReason,
  blocker: StoredLock | undefined,
  nights: readonly string[],
): Conflict {
  return {
    reason,
    blockingLock: blocker && publicLock(blocker),
    nights: nights.slice(0, nightsNamedMax),
  };
}
