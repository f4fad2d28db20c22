/**
 * What the guard learns of rooms and properties. When that leaves fewer rooms than are held on a
 * night, nothing is revoked: an event says which nights.
 */
import { nightInstantMs } from '../calendar/property-time.ts';
import { capacityOn, latentGround, type CapacityGround } from './capacity.ts';
import { updateTypeRooms, type RoomRecord, type TypeRooms } from './catalogue.ts';
import type { NotedAnswer } from './decision.ts';
import type { DecisionDraft } from './decision-draft.ts';
import type { CatalogueInput, PropertyInput, RoomInput } from './input.ts';
import { partitionKeyOf } from './lock-id.ts';

const noted: NotedAnswer = { status: 'NOTED' };

export function decideRoom(draft: DecisionDraft, input: RoomInput): NotedAnswer {
  const { state } = draft;
  const before = state.room(input);
  const after = input.row ?? (before && { ...before, isDeleted: true });
  if (after === undefined) return noted;
  draft.changes.push({ kind: 'room', after });
  const keys = new Set([before, after].flatMap((room) => (room ? [partitionKeyOf(room)] : [])));
  for (const partitionKey of keys) {
    const isOfType = (room: RoomRecord | undefined): RoomRecord | undefined =>
      room !== undefined && partitionKeyOf(room) === partitionKey ? room : undefined;
    const roomsBefore = state.typeRooms(partitionKey);
    const change = { before: isOfType(before), after: isOfType(after) };
    const roomsAfter = updateTypeRooms(roomsBefore, change);
    if (roomsAfter === undefined) continue;
    draft.changes.push({ kind: 'type-rooms', partitionKey, after: roomsAfter });
    if (state.isCatalogueComplete()) {
      const { tenantId } = input;
      reportOvercommitment(draft, { tenantId, partitionKey, roomsBefore, roomsAfter });
    }
  }
  return noted;
}

export function decideProperty(draft: DecisionDraft, input: PropertyInput): NotedAnswer {
  const { tenantId, propertyId, row } = input;
  draft.changes.push({ kind: 'property', property: { tenantId, propertyId }, after: row });
  return noted;
}

export function decideCatalogue(draft: DecisionDraft, input: CatalogueInput): NotedAnswer {
  const { state } = draft;
  if (state.isCatalogueComplete() === input.isComplete) return noted;
  draft.changes.push({ kind: 'catalogue', isComplete: input.isComplete });
  if (!input.isComplete) return noted;
  for (const partitionKey of state.typesHeld()) {
    const [tenantId = ''] = partitionKey.split('|');
    const roomsAfter = state.typeRooms(partitionKey);
    reportOvercommitment(draft, { tenantId, partitionKey, roomsBefore: undefined, roomsAfter });
  }
  return noted;
}

interface TypeChange {
  readonly tenantId: string;
  readonly partitionKey: string;
  /** Undefined: capacity was not known before. */
  readonly roomsBefore: TypeRooms | undefined;
  readonly roomsAfter: TypeRooms | undefined;
}

/** Names the nights that are not over, have less capacity than before, and less than is held. */
function reportOvercommitment(draft: DecisionDraft, change: TypeChange): void {
  const { state, atMs } = draft;
  const { partitionKey } = change;
  const before = latentGround(state, change, change.roomsBefore);
  const after = latentGround(state, change, change.roomsAfter);
  if (after === undefined) return;
  const capacityOf = (ground: CapacityGround, night: string): number =>
    capacityOn(state, ground, { partitionKey, night });
  const nights = state
    .nightsHeld(partitionKey)
    .filter((night) => nightInstantMs(after.property.zone, night) > atMs)
    .map((night) => ({
      night,
      capacity: capacityOf(after, night),
      capacityBefore: before === undefined ? Infinity : capacityOf(before, night),
      held: state.heldOn(partitionKey, night),
    }))
    .filter(({ capacity, capacityBefore, held }) => capacity < held && capacity < capacityBefore)
    .map(({ night, capacity, held }) => ({ night, capacity, held }));
  if (nights.length === 0) return;
  const [, roomTypeId = ''] = partitionKey.split('|');
  draft.events.push({
    type: 'inventory.overcommitted',
    tenantId: change.tenantId,
    roomTypeId,
    propertyId: after.rooms.propertyId,
    version: draft.state.lastVersion(partitionKey),
    nights,
    decidedAtMs: atMs,
  });
}
