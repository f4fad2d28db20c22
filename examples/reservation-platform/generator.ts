/**
 * A seeded hotel chain: the same options give the same actions, in time order across all properties.
 * Each day every property takes bookings and, at 03:05 local time, closes the date. Pure: no clock, no
 * database; `feed.ts` writes the actions at full speed or paced.
 */
import { seededRandom, type Random } from '../../kernel/random.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import { bookingActions } from './booking.ts';
import { addDays, instantOf, nightInstantOf } from './local-time.ts';
import {
  moneyText,
  type AdvanceDateAction,
  type ChainSetup,
  type PlatformAction,
  type PropertyRow,
  type RoomRow,
  type RoomTypeRow,
} from './model.ts';
import { RoomCalendar } from './room-calendar.ts';

export interface ChainOptions {
  readonly seed: number;
  readonly tenants?: number;
  /** Per tenant. */
  readonly properties?: number;
  readonly roomsPerProperty?: number;
  /** Per property; not every request finds a room. */
  readonly bookingsPerDay?: number;
  /** The first business date of every property. */
  readonly startDate?: string;
  /** Business dates to live through and close; Infinity never ends. */
  readonly days: number;
}

export interface Chain {
  readonly setup: ChainSetup;
  /** In time order; may be iterated again, with the same result. */
  readonly actions: Iterable<PlatformAction>;
}

/** In the default period the clocks change in Helsinki and Lisbon (29 March) and on Lord Howe (5 April). */
const defaults = {
  tenants: 2,
  properties: 3,
  roomsPerProperty: 24,
  bookingsPerDay: 8,
  startDate: '2026-03-25',
};

const chainNamespace = '7a1f5a52-3c0e-5d0b-9a64-0d9f5f0f8c21';

const places = [
  { city: 'Helsinki', code: 'HEL', timezone: 'Europe/Helsinki', currency: 'EUR' },
  { city: 'New York', code: 'NYC', timezone: 'America/New_York', currency: 'USD' },
  { city: 'Kolkata', code: 'CCU', timezone: 'Asia/Kolkata', currency: 'INR' },
  { city: 'Lord Howe', code: 'LDH', timezone: 'Australia/Lord_Howe', currency: 'AUD' },
  { city: 'Lisbon', code: 'LIS', timezone: 'Europe/Lisbon', currency: 'EUR' },
] as const;

/** Every fourth room is a suite, every other one a double, the rest singles. */
const typePattern = ['DBL', 'SGL', 'DBL', 'STE'] as const;
const types = [
  { code: 'SGL', name: 'Single', priceCents: 8900 },
  { code: 'DBL', name: 'Double', priceCents: 12900 },
  { code: 'STE', name: 'Suite', priceCents: 24900 },
] as const;

const meanLeadDays = 5;
/** The date is closed this long after the instant that decides who slept. */
const closingDelayMs = 5 * 60_000;

export function generateChain(options: ChainOptions): Chain {
  const chain = { ...defaults, ...options };
  const setup = chainSetup(chain);
  return { setup, actions: { [Symbol.iterator]: () => liveThrough(chain, setup) } };
}

type FullOptions = Required<ChainOptions>;

interface House {
  readonly property: PropertyRow;
  readonly roomTypes: readonly RoomTypeRow[];
  readonly calendar: RoomCalendar;
  bookings: number;
}

function* liveThrough(options: FullOptions, setup: ChainSetup): Generator<PlatformAction> {
  const random = seededRandom(options.seed);
  const houses = setup.properties.map((property) => houseOf(property, setup));
  let pending: PlatformAction[] = [];
  for (let day = 0; day < options.days; day += 1) {
    const date = addDays(options.startDate, day);
    for (const house of houses) {
      pending.push(...bookingsOn(date, house, random, options), closingOf(house.property, date));
      house.calendar.forget(addDays(date, -1));
    }
    const nextDate = addDays(date, 1);
    const nextDayMs = Math.min(
      ...houses.map(({ property }) => instantOf(nextDate, 0, property.timezone)),
    );
    // Whatever later days bring happens after this instant.
    yield* inTimeOrder(pending.filter(({ atMs }) => atMs < nextDayMs));
    pending = pending.filter(({ atMs }) => atMs >= nextDayMs);
  }
  yield* inTimeOrder(
    beforeLastClosing(pending, setup, addDays(options.startDate, options.days - 1)),
  );
}

function bookingsOn(
  bookedDate: string,
  house: House,
  random: Random,
  { bookingsPerDay }: FullOptions,
): PlatformAction[] {
  const actions: PlatformAction[] = [];
  for (let call = 0; call < bookingsPerDay; call += 1) {
    house.bookings += 1;
    const { property, roomTypes, calendar, bookings: bookingNumber } = house;
    const request = {
      random,
      property,
      roomTypes,
      calendar,
      bookedDate,
      bookingNumber,
      meanLeadDays,
    };
    actions.push(...bookingActions(request));
  }
  return actions;
}

function closingOf(property: PropertyRow, businessDate: string): AdvanceDateAction {
  return {
    kind: 'advance-date',
    atMs: nightInstantOf(businessDate, property.timezone) + closingDelayMs,
    tenantId: property.tenant_id,
    propertyId: property.id,
    businessDate,
  };
}

/** A property's story ends with the closing of its last date; what would come later never happens. */
function beforeLastClosing(
  actions: readonly PlatformAction[],
  setup: ChainSetup,
  lastDate: string,
): PlatformAction[] {
  const closings = new Map(
    setup.properties.map((property) => [property.id, closingOf(property, lastDate).atMs]),
  );
  return actions.filter((action) => {
    const propertyId =
      action.kind === 'advance-date' ? action.propertyId : action.reservation.property_id;
    return action.atMs <= (closings.get(propertyId) ?? 0);
  });
}

/** Actions of one instant keep the order in which they were planned. */
function inTimeOrder(actions: readonly PlatformAction[]): PlatformAction[] {
  return [...actions].sort((left, right) => left.atMs - right.atMs);
}

function houseOf(property: PropertyRow, setup: ChainSetup): House {
  return {
    property,
    roomTypes: setup.roomTypes.filter(({ property_id }) => property_id === property.id),
    calendar: new RoomCalendar(
      setup.rooms.filter(({ property_id }) => property_id === property.id),
    ),
    bookings: 0,
  };
}

function chainSetup(options: FullOptions): ChainSetup {
  const tenants = Array.from({ length: options.tenants }, (_, index) => ({
    id: uuidV5(chainNamespace, `seed ${options.seed} tenant ${index}`),
    name: `Sample chain ${options.seed}-${index + 1}`,
    slug: `sample-chain-${options.seed}-${index + 1}`,
  }));
  const properties = tenants.flatMap((tenant, tenantIndex) =>
    Array.from({ length: options.properties }, (_, index): PropertyRow => {
      const number = tenantIndex * options.properties + index;
      const place = places[number % places.length] ?? places[0];
      return {
        id: uuidV5(tenant.id, `property ${index}`),
        tenant_id: tenant.id,
        property_name: `${place.city} ${number + 1}`,
        property_code: `${place.code}${number + 1}-${options.seed}`,
        total_rooms: options.roomsPerProperty,
        currency: place.currency,
        timezone: place.timezone,
      };
    }),
  );
  const roomTypes = properties.flatMap(roomTypesOf);
  const rooms = properties.flatMap((property) => roomsOf(property, roomTypes));
  return { tenants, properties, roomTypes, rooms, firstBusinessDate: options.startDate };
}

function roomTypesOf(property: PropertyRow): RoomTypeRow[] {
  return types.map(({ code, name, priceCents }) => ({
    id: uuidV5(property.id, `room type ${code}`),
    tenant_id: property.tenant_id,
    property_id: property.id,
    type_name: name,
    type_code: code,
    base_price: moneyText(priceCents),
    currency: property.currency,
  }));
}

function roomsOf(property: PropertyRow, roomTypes: readonly RoomTypeRow[]): RoomRow[] {
  return Array.from({ length: property.total_rooms }, (_, index) => {
    const code = typePattern[index % typePattern.length];
    const type = roomTypes.find(
      ({ property_id, type_code }) => property_id === property.id && type_code === code,
    );
    const roomNumber = String(100 + index + 1);
    return {
      id: uuidV5(property.id, `room ${roomNumber}`),
      tenant_id: property.tenant_id,
      property_id: property.id,
      room_type_id: type?.id ?? '',
      room_number: roomNumber,
    };
  });
}
