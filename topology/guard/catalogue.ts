/**
 * What the guard knows of the hotel: rooms and properties as captured, and each room type's rooms
 * summed up, so that a night's capacity is found without looking at every room. A room counts that is
 * not deleted, and not closed (out of order or blocked) at the instant that decides the night.
 */
import { nightInstantMs } from '../calendar/property-time.ts';

export interface PropertyRecord {
  /** IANA name. */
  readonly zone: string;
  /** `HH:MM`: what a date without a time means. */
  readonly checkInTime: string;
  readonly checkOutTime: string;
}

/** Half-open, milliseconds since 1970; undefined: open on that side. */
export interface Window {
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
}

export interface RoomRecord {
  readonly tenantId: string;
  readonly roomId: string;
  readonly roomTypeId: string;
  readonly propertyId: string;
  /** As reservations name it; undefined: not captured. */
  readonly roomNumber?: string | undefined;
  readonly isDeleted: boolean;
  /** `out_of_order_since` to `expected_ready_date`; undefined: in order. */
  readonly outOfOrder: Window | undefined;
  /** `blocked_from` to `blocked_until`; undefined: not blocked. */
  readonly blocked: Window | undefined;
  /**
   * The types it was of, where it may still be held: nobody grants it, and it counts for no type, until
   * each has handed it over. Undefined: none.
   */
  readonly waitsFor?: readonly Departure[] | undefined;
}

/** A room left its type. */
export interface Departure {
  readonly roomTypeId: string;
  /** Of the row that said so. */
  readonly version: string;
}

/** The rooms of one type, summed up. */
export interface TypeRooms {
  /** Of the room that came last: a type belongs to one property. */
  readonly propertyId: string;
  readonly roomCount: number;
  /** Those of them that are closed at some time, by room id. */
  readonly closedRooms: readonly ClosedRoom[];
}

interface ClosedRoom {
  readonly roomId: string;
  readonly windows: readonly Window[];
}

/** A type's rooms after one of them changed from `before` to `after` (undefined: not of this type). */
export function updateTypeRooms(
  rooms: TypeRooms | undefined,
  change: { readonly before: RoomRecord | undefined; readonly after: RoomRecord | undefined },
): TypeRooms | undefined {
  const { before, after } = change;
  const propertyId = after?.propertyId ?? rooms?.propertyId;
  const roomId = after?.roomId ?? before?.roomId;
  if (propertyId === undefined || roomId === undefined) return rooms;
  const others = (rooms?.closedRooms ?? []).filter((room) => room.roomId !== roomId);
  const windows = isCounted(after) ? closuresOf(after) : [];
  const closedRooms = windows.length === 0 ? others : [...others, { roomId, windows }];
  return {
    propertyId,
    roomCount: (rooms?.roomCount ?? 0) - Number(isCounted(before)) + Number(isCounted(after)),
    closedRooms: closedRooms.sort((left, right) => (left.roomId < right.roomId ? -1 : 1)),
  };
}

/** How many rooms of a type can be slept in on a night. */
export function roomsOpenOn(rooms: TypeRooms, zone: string, night: string): number {
  if (rooms.closedRooms.length === 0) return rooms.roomCount;
  const atMs = nightInstantMs(zone, night);
  const isClosed = ({ windows }: ClosedRoom): boolean =>
    windows.some((window) => overlaps(window, { fromMs: atMs, toMs: atMs + 1 }));
  return rooms.roomCount - rooms.closedRooms.filter(isClosed).length;
}

/** True when two windows share an instant; one that ends before it begins has none. */
export function overlaps(left: Window, right: Window): boolean {
  const fromMs = Math.max(left.fromMs ?? -Infinity, right.fromMs ?? -Infinity);
  const toMs = Math.min(left.toMs ?? Infinity, right.toMs ?? Infinity);
  return fromMs < toMs;
}

/** False while a type that it was of may still hold it. */
export function isHandedOver({ waitsFor }: Pick<RoomRecord, 'waitsFor'>): boolean {
  return waitsFor === undefined || waitsFor.length === 0;
}

function isCounted(room: RoomRecord | undefined): room is RoomRecord {
  return room !== undefined && !room.isDeleted && isHandedOver(room);
}

function closuresOf({ outOfOrder, blocked }: RoomRecord): Window[] {
  return [outOfOrder, blocked].filter((window) => window !== undefined);
}
