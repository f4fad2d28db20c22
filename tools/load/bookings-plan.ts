/**
 * All bookings of a file as one history: the two hotels with rooms enough for every booking, and for
 * each business date the commands of that date in event-time order, the date's close last. A booking
 * is turned into commands only when its date comes, so memory holds dates and not commands.
 */
import { addDays, nightInstantOf } from '../../examples/reservation-platform/local-time.ts';
import type {
  ChainSetup,
  PlatformAction,
  PropertyRow,
  RoomRow,
  RoomTypeRow,
  TenantRow,
} from '../../examples/reservation-platform/model.ts';
import { moneyText } from '../../examples/reservation-platform/model.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import {
  lifeOf,
  loadNamespace,
  roomTypeId,
  stayOf,
  toCommand,
  type LifeContext,
  type LifeEvent,
} from './booking-life.ts';
import type { Booking } from './bookings-csv.ts';

/** Both hotels of the data set are in Portugal. */
const timezone = 'Europe/Lisbon';
const currency = 'EUR';

export interface BookingsPlan {
  readonly setup: ChainSetup;
  /** Every date from the first booking to the last fact, each to be closed. */
  readonly dates: readonly string[];
  readonly commandCount: number;
  /** The commands issued on a date, then the close of the date for every property. */
  actionsOn(date: string): PlatformAction[];
}

interface PlannedEvent {
  readonly context: LifeContext;
  readonly event: LifeEvent;
}

export function planBookings(bookings: readonly Booking[]): BookingsPlan {
  const tenant = { id: tenantId, name: 'Hotels of the bookings file', slug: 'hotel-bookings' };
  const hotels = [...new Set(bookings.map(({ hotel }) => hotel))].sort();
  const inventory = hotels.map((hotel) =>
    inventoryOf(
      hotel,
      tenant,
      bookings.filter((booking) => booking.hotel === hotel),
    ),
  );
  const eventsByDate = new Map<string, PlannedEvent[]>();
  let lastDate = '';
  for (const context of inventory.flatMap(({ contexts }) => contexts)) {
    for (const event of lifeOf(context.booking)) {
      const events = eventsByDate.get(event.date) ?? [];
      events.push({ context, event });
      eventsByDate.set(event.date, events);
    }
    lastDate = latest(lastDate, lastDateOf(context.booking));
  }
  const firstDate = [...eventsByDate.keys()].reduce((first, date) => (date < first ? date : first));
  const properties = inventory.map(({ property }) => property);
  return {
    setup: {
      tenants: [tenant],
      properties,
      roomTypes: inventory.flatMap(({ roomTypes }) => roomTypes),
      rooms: inventory.flatMap(({ rooms }) => rooms),
      firstBusinessDate: firstDate,
    },
    dates: datesBetween(firstDate, lastDate),
    commandCount: [...eventsByDate.values()].reduce((sum, events) => sum + events.length, 0),
    actionsOn: (date) => [
      ...(eventsByDate.get(date) ?? [])
        .map(({ context, event }) => toCommand(context, event))
        .sort((left, right) => left.atMs - right.atMs),
      ...properties.map((property) => closeOf(property, date)),
    ],
  };
}

export const tenantId = uuidV5(loadNamespace, 'tenant');

interface HotelInventory {
  readonly property: PropertyRow;
  readonly roomTypes: readonly RoomTypeRow[];
  readonly rooms: readonly RoomRow[];
  readonly contexts: readonly LifeContext[];
}

function inventoryOf(
  hotel: string,
  tenant: TenantRow,
  bookings: readonly Booking[],
): HotelInventory {
  const propertyId = uuidV5(loadNamespace, `property|${hotel}`);
  const codes = [
    ...new Set(bookings.flatMap((booking) => [booking.reservedRoomType, booking.assignedRoomType])),
  ].sort();
  const roomTypes = codes.map((code) => ({
    id: roomTypeId(propertyId, code),
    tenant_id: tenant.id,
    property_id: propertyId,
    type_name: `Room type ${code}`,
    type_code: code,
    base_price: moneyText(0),
    currency,
  }));
  const roomNumbers = new Map<Booking, string>();
  const rooms = roomTypes.flatMap((type) => {
    const occupying = bookings.filter(
      (booking) => booking.outcome === 'Check-Out' && booking.assignedRoomType === type.type_code,
    );
    const roomCount = Math.max(
      assignRooms(type.type_code, occupying, roomNumbers),
      busiestNight(bookings, type.type_code),
    );
    return Array.from({ length: roomCount }, (_, index) =>
      roomOf(type, roomNumberOf(type.type_code, index)),
    );
  });
  const property = {
    id: propertyId,
    tenant_id: tenant.id,
    property_name: hotel,
    property_code: hotel.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '-'),
    total_rooms: rooms.length,
    currency,
    timezone,
  };
  const contexts = bookings.map((booking) => ({
    booking,
    property,
    roomNumber: roomNumbers.get(booking) ?? null,
  }));
  return { property, roomTypes, rooms, contexts };
}

/** Gives every stay the first room that is free for all of it; returns how many rooms that takes. */
function assignRooms(
  typeCode: string,
  bookings: readonly Booking[],
  roomNumbers: Map<Booking, string>,
): number {
  const freeFromMs: number[] = [];
  const stays = bookings
    .map((booking) => ({ booking, ...stayOf(booking, timezone) }))
    .sort((left, right) => left.startMs - right.startMs);
  for (const { booking, startMs, endMs } of stays) {
    const free = freeFromMs.findIndex((fromMs) => fromMs <= startMs);
    const index = free === -1 ? freeFromMs.length : free;
    freeFromMs[index] = endMs;
    roomNumbers.set(booking, roomNumberOf(typeCode, index));
  }
  return freeFromMs.length;
}

/** Bookings that hold a room type, as reserved or as assigned, on its busiest night. */
function busiestNight(bookings: readonly Booking[], typeCode: string): number {
  const held = new Map<string, number>();
  let most = 1;
  for (const booking of bookings) {
    if (booking.reservedRoomType !== typeCode && booking.assignedRoomType !== typeCode) continue;
    // Day use takes its date like a night.
    for (let night = 0; night < Math.max(1, booking.nights); night += 1) {
      const date = addDays(booking.arrivalDate, night);
      const count = (held.get(date) ?? 0) + 1;
      held.set(date, count);
      most = Math.max(most, count);
    }
  }
  return most;
}

function roomOf(type: RoomTypeRow, roomNumber: string): RoomRow {
  return {
    id: uuidV5(type.property_id, `room:${roomNumber}`),
    tenant_id: type.tenant_id,
    property_id: type.property_id,
    room_type_id: type.id,
    room_number: roomNumber,
  };
}

function roomNumberOf(typeCode: string, index: number): string {
  return `${typeCode}${String(index + 1).padStart(3, '0')}`;
}

/** The last date that must be closed for the booking's facts and nights to be complete. */
function lastDateOf(booking: Booking): string {
  if (booking.outcome !== 'Check-Out') return booking.outcomeDate;
  return latest(
    booking.arrivalDate,
    booking.outcomeDate,
    addDays(booking.arrivalDate, booking.nights - 1),
  );
}

function closeOf(property: PropertyRow, date: string): PlatformAction {
  return {
    kind: 'advance-date',
    atMs: nightInstantOf(date, property.timezone),
    tenantId: property.tenant_id,
    propertyId: property.id,
    businessDate: date,
  };
}

function datesBetween(firstDate: string, lastDate: string): string[] {
  const dates: string[] = [];
  for (let date = firstDate; date <= lastDate; date = addDays(date, 1)) dates.push(date);
  return dates;
}

function latest(...dates: readonly string[]): string {
  return dates.reduce((last, date) => (date > last ? date : last));
}
