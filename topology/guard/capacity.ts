/** How many holds a type can have on a night, as far as the captured tables tell. */
import { roomsOpenOn, type PropertyRecord, type TypeRooms } from './catalogue.ts';
import type { GuardState } from './guard-state.ts';
import { knownZone } from './stay.ts';

/** What a type's capacity is computed from; undefined: it is not known. */
export interface CapacityGround {
  readonly rooms: TypeRooms;
  readonly property: PropertyRecord;
}

/**
 * Capacity is known once rooms and properties were read to their end, for a type that has, or had,
 * rooms of a property whose zone is known: half a list of rooms says nothing.
 */
export function capacityGround(
  state: GuardState,
  { tenantId, partitionKey }: { readonly tenantId: string; readonly partitionKey: string },
): CapacityGround | undefined {
  const rooms = state.typeRooms(partitionKey);
  if (!state.isCatalogueComplete() || rooms === undefined) return undefined;
  const property = knownZone(state.property({ tenantId, propertyId: rooms.propertyId }));
  return property === undefined ? undefined : { rooms, property };
}

/** A night's capacity: rooms that can be slept in, at most the sell limit. */
export function capacityOn(
  state: GuardState,
  { rooms, property }: CapacityGround,
  at: { readonly partitionKey: string; readonly night: string },
): number {
  const open = roomsOpenOn(rooms, property.zone, at.night);
  return Math.min(open, state.sellLimit(at.partitionKey, at.night) ?? open);
}
