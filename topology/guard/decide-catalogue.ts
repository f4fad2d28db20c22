/**
 * What the guard learns of rooms and properties. A property's zone, once known or changed, moves its
 * holds to the nights they really sleep. When fewer rooms are left than are held on a night, nothing
 * is revoked: an event says which nights.
 */
import { nightInstantMs } from '../calendar/property-time.ts';
import { capacityOn, type CapacityGround } from './capacity.ts';
import {
  updateTypeRooms,
  type PropertyRecord,
  type RoomRecord,
  type TypeRooms,
} from './catalogue.ts';
import type { NotedAnswer } from './decision.ts';
import type { DecisionDraft } from './decision-draft.ts';
import type { GuardState } from './guard-state.ts';
import type { CatalogueInput, HandOverInput, PropertyInput, RoomInput } from './input.ts';
import { settleRooms } from './settle-rooms.ts';
import { partitionKeyOf } from './lock-id.ts';
import { knownZone, nightsOf } from './stay.ts';
import { heldNights, type StoredLock } from './stored-lock.ts';

const noted: NotedAnswer = { status: 'NOTED' };

/** What capacity and nights follow from, at one moment. */
interface Knowledge {
  readonly rooms: TypeRooms | undefined;
  readonly propertyOf: (propertyId: string) => PropertyRecord | undefined;
  readonly isComplete: boolean;
}

interface TypeChange {
  readonly tenantId: string;
  readonly partitionKey: string;
  readonly before: Knowledge;
  readonly after: Knowledge;
  /** The property that this is news of. */
  readonly propertyId?: string;
}

export function decideRoom(draft: DecisionDraft, input: RoomInput): NotedAnswer {
  const before = draft.state.room(input);
  const row = input.row ?? (before && { ...before, isDeleted: true });
  if (row === undefined) return noted;
  return changeRoom(draft, before, { ...row, waitsFor: waitsForAfter(before, row, input.version) });
}

/** The room enters the type it is of now, when every type that it was of has let it go. */
export function decideHandOver(draft: DecisionDraft, input: HandOverInput): NotedAnswer {
  const before = draft.state.room(input);
  const waitsFor = before?.waitsFor?.filter(
    ({ roomTypeId, version }) => roomTypeId !== input.roomTypeId || version !== input.version,
  );
  if (before === undefined || waitsFor?.length === before.waitsFor?.length) return noted;
  return changeRoom(draft, before, { ...before, waitsFor: someOf(waitsFor) });
}

function waitsForAfter(
  before: RoomRecord | undefined,
  { roomTypeId }: RoomRecord,
  version = '',
): RoomRecord['waitsFor'] {
  if (before === undefined) return undefined;
  // Back in a type it was of: that one's own holds keep it.
  const left = (before.waitsFor ?? []).filter((departure) => departure.roomTypeId !== roomTypeId);
  if (before.roomTypeId === roomTypeId) return someOf(left);
  return [...left, { roomTypeId: before.roomTypeId, version }];
}

function someOf<Value>(values: readonly Value[] | undefined): readonly Value[] | undefined {
  return values === undefined || values.length === 0 ? undefined : values;
}

function changeRoom(
  draft: DecisionDraft,
  before: RoomRecord | undefined,
  after: RoomRecord,
): NotedAnswer {
  const { state } = draft;
  const { tenantId } = after;
  draft.changes.push({ kind: 'room', after });
  const types = [before, after].filter((room) => room !== undefined).map(partitionKeyOf);
  for (const partitionKey of new Set(types)) {
    const ofType = (room: RoomRecord | undefined): RoomRecord | undefined =>
      room !== undefined && partitionKeyOf(room) === partitionKey ? room : undefined;
    const known = knowledgeOf(state, tenantId, partitionKey);
    const change = { before: ofType(before), after: ofType(after) };
    const rooms = updateTypeRooms(known.rooms, change);
    if (rooms === undefined) continue;
    draft.changes.push({ kind: 'type-rooms', partitionKey, after: rooms });
    if (state.isCatalogueComplete() && isNewNumber(change)) {
      settleRooms(draft, partitionKey, change.after);
    }
    follow(draft, { tenantId, partitionKey, before: known, after: { ...known, rooms } });
  }
  return noted;
}

/** Whether its type gets a room of this number that it did not have. */
function isNewNumber({
  before,
  after,
}: {
  readonly before: RoomRecord | undefined;
  readonly after: RoomRecord | undefined;
}): boolean {
  return after?.roomNumber !== undefined && after.roomNumber !== before?.roomNumber;
}

export function decideProperty(draft: DecisionDraft, input: PropertyInput): NotedAnswer {
  const { state } = draft;
  const { tenantId, propertyId, row } = input;
  const zoneBefore = state.property(input)?.zone;
  draft.changes.push({ kind: 'property', property: { tenantId, propertyId }, after: row });
  if (zoneBefore === row.zone) return noted;
  for (const partitionKey of typesHeldBy(state, tenantId)) {
    const before = knowledgeOf(state, tenantId, partitionKey);
    const propertyOf = (id: string): PropertyRecord | undefined =>
      id === propertyId ? row : before.propertyOf(id);
    follow(draft, { tenantId, partitionKey, before, after: { ...before, propertyOf }, propertyId });
  }
  return noted;
}

export function decideCatalogue(draft: DecisionDraft, input: CatalogueInput): NotedAnswer {
  const { state } = draft;
  const { isComplete } = input;
  if (state.isCatalogueComplete() === isComplete) return noted;
  draft.changes.push({ kind: 'catalogue', isComplete });
  for (const partitionKey of state.typesHeld()) {
    settleRooms(draft, partitionKey);
    const [tenantId = ''] = partitionKey.split('|');
    const before = knowledgeOf(state, tenantId, partitionKey);
    follow(draft, { tenantId, partitionKey, before, after: { ...before, isComplete } });
  }
  return noted;
}

function knowledgeOf(state: GuardState, tenantId: string, partitionKey: string): Knowledge {
  return {
    rooms: state.typeRooms(partitionKey),
    propertyOf: (propertyId) => state.property({ tenantId, propertyId }),
    isComplete: state.isCatalogueComplete(),
  };
}

function typesHeldBy(state: GuardState, tenantId: string): readonly string[] {
  return state.typesHeld().filter((partitionKey) => partitionKey.startsWith(`${tenantId}|`));
}

/** What follows for a type from knowing more, or otherwise. */
function follow(draft: DecisionDraft, change: TypeChange): void {
  const { before, after, partitionKey } = change;
  const zones = [before, after].map(({ rooms, propertyOf }) =>
    rooms === undefined ? undefined : propertyOf(rooms.propertyId)?.zone,
  );
  const isZoneSame =
    before.rooms?.propertyId === after.rooms?.propertyId &&
    before.rooms !== undefined &&
    zones[0] === zones[1];
  const held = isZoneSame ? undefined : recount(draft, change);
  reportOvercommitment(draft, change, {
    nights: held === undefined ? draft.state.nightsHeld(partitionKey) : [...held.keys()].sort(),
    heldOn: (night) => held?.get(night) ?? draft.state.heldOn(partitionKey, night),
  });
}

/**
 * Moves every live hold of a type to the nights it sleeps by what is known now.
 * @returns how many hold each night then
 */
function recount(draft: DecisionDraft, change: TypeChange): ReadonlyMap<string, number> {
  const { partitionKey } = change;
  const held = new Map<string, number>();
  for (const lockId of draft.state.typeHolds(partitionKey, undefined)) {
    const lock = draft.lock(lockId);
    if (lock === undefined) continue;
    const moved = movedLock(lock, change);
    const isMoved =
      moved.propertyId !== lock.propertyId ||
      moved.confirmedStay?.propertyId !== lock.confirmedStay?.propertyId ||
      String(moved.nights) !== String(lock.nights) ||
      String(moved.confirmedStay?.nights) !== String(lock.confirmedStay?.nights);
    if (isMoved) draft.hold({ ...moved, version: draft.nextVersion(partitionKey) }, lock);
    for (const night of heldNights(moved)) held.set(night, (held.get(night) ?? 0) + 1);
  }
  return held;
}

function movedLock(lock: StoredLock, change: TypeChange): StoredLock {
  const { rooms, propertyOf } = change.after;
  // While no room of the type is known, the hold's property is the one its caller named.
  if (rooms === undefined && lock.propertyId !== change.propertyId) return lock;
  const propertyId = rooms?.propertyId ?? lock.propertyId;
  const property = propertyId === undefined ? undefined : knownZone(propertyOf(propertyId));
  const zone = property?.zone ?? 'UTC';
  const nights = nightsOf(lock, zone);
  const { confirmedStay } = lock;
  return {
    ...lock,
    propertyId,
    nights,
    capacity: capacityFor(lock, nights),
    confirmedStay: confirmedStay && {
      ...confirmedStay,
      propertyId: rooms?.propertyId ?? confirmedStay.propertyId,
      nights: nightsOf(confirmedStay, zone),
      capacity: capacityFor(confirmedStay, nightsOf(confirmedStay, zone)),
    },
  };
}

/** What its nights were decided against; a night it did not have then was not decided. */
function capacityFor(
  was: Pick<StoredLock, 'nights' | 'capacity'>,
  nights: readonly string[],
): readonly (number | null)[] {
  return nights.map((night) => was.capacity[was.nights.indexOf(night)] ?? null);
}

interface Holds {
  readonly nights: readonly string[];
  readonly heldOn: (night: string) => number;
}

/** Names the nights that are not over, have less capacity than before, and less than is held. */
function reportOvercommitment(draft: DecisionDraft, change: TypeChange, holds: Holds): void {
  const { state, atMs } = draft;
  const { partitionKey, tenantId } = change;
  const before = groundOf(change.before);
  const after = groundOf(change.after);
  if (after === undefined) return;
  const capacityOf = (ground: CapacityGround, night: string): number =>
    capacityOn(state, ground, { partitionKey, night });
  const nights = holds.nights
    .filter((night) => nightInstantMs(after.property.zone, night) > atMs)
    .map((night) => ({ night, capacity: capacityOf(after, night), held: holds.heldOn(night) }))
    .filter(({ capacity, held }) => capacity < held)
    .filter(({ night, capacity }) => before === undefined || capacity < capacityOf(before, night));
  if (nights.length === 0) return;
  const [, roomTypeId = ''] = partitionKey.split('|');
  const { propertyId } = after.rooms;
  draft.events.push({
    type: 'inventory.overcommitted',
    tenantId,
    hold: undefined,
    roomTypeId,
    propertyId,
    version: draft.state.lastVersion(partitionKey),
    nights,
    decidedAtMs: atMs,
  });
}

function groundOf({ rooms, propertyOf, isComplete }: Knowledge): CapacityGround | undefined {
  if (!isComplete || rooms === undefined) return undefined;
  const property = knownZone(propertyOf(rooms.propertyId));
  return property === undefined ? undefined : { rooms, property };
}
