/**
 * What deciding an input reads, in at most three steps, each found with what the steps before it
 * loaded. Whoever keeps the state in stores loads a step, asks for the next, and then decides without
 * waiting. Nights are also named whose counts a decision changes.
 *
 *   input          first                              second                         third
 *   lock           slot, type, room, nights and       the slot's hold, the room's    two holds of the first
 *                  room days around the stay          holds, property                night that is full
 *   release        the hold                           its type, its nights
 *   bulk release   holds or their index               the holds found                types, nights
 *   expire         what is due                        the holds                      types, nights
 *   forget         what is forgettable                the holds                      slots
 *   room           the room                           its types, the nights held     property, the types' holds
 *   property, catalogue   types held, property        the types, their nights        properties, the types' holds
 */
import { addDays, dateOfUtcDay, utcDayOf } from '../calendar/calendar-date.ts';
import { nightsPerStayMax } from '../calendar/property-time.ts';
import { capacityGround } from './capacity.ts';
import type { BulkReleaseCommand, LockCommand } from './command.ts';
import type { DecisionContext } from './decide.ts';
import { holdToFit } from './decide-lock.ts';
import { nightRange, roomWindow } from './decide-release.ts';
import { DecisionDraft } from './decision-draft.ts';
import { countNights, holdersRead } from './fit.ts';
import { forgottenBeforeMs } from './guard-options.ts';
import type { BoundedWindow, GuardState, NightRange, PropertyRef, RoomRef } from './guard-state.ts';
import type { GuardInput, RoomInput } from './input.ts';
import { partitionKeyOf } from './lock-id.ts';
import { isRefusal } from './refusal.ts';
import { slotOf } from './slot.ts';
import { readStay, type StayPoint } from './stay.ts';
import { heldNights, type StoredLock } from './stored-lock.ts';

/** Everything optional: what is not named is not read. */
export interface ReadSet {
  readonly slots?: readonly { readonly partitionKey: string; readonly slot: string }[];
  readonly lockIds?: readonly string[];
  readonly rooms?: readonly RoomRef[];
  readonly properties?: readonly PropertyRef[];
  /** Partition keys: rooms of the type, sell limit, last version. */
  readonly types?: readonly string[];
  /** The index of holds by room and day; without a window, all of the room. */
  readonly roomDays?: readonly (RoomRef & { readonly window: BoundedWindow | undefined })[];
  /** The index of holds by type and night; without a range, all of the type. */
  readonly nights?: readonly {
    readonly partitionKey: string;
    readonly range: NightRange | undefined;
  }[];
  readonly reservations?: readonly {
    readonly tenantId: string;
    readonly reservationId: string;
  }[];
  /** Which types have holds. */
  readonly typesHeld?: boolean;
  readonly due?: { readonly atMs: number; readonly limit: number };
  readonly forgettable?: { readonly beforeMs: number; readonly limit: number };
}

export type ReadStep = (state: GuardState, input: GuardInput, context: DecisionContext) => ReadSet;

const nothing: ReadSet = {};
const dayMs = 86_400_000;
/** Further than any zone, check-in or check-out time moves the end of a stay. */
const marginDays = 2;

/** To be done in this order; what is due has to be expired before (`decideNow`). */
export const readSteps: readonly ReadStep[] = [firstReads, secondReads, thirdReads];

function firstReads(state: GuardState, input: GuardInput, context: DecisionContext): ReadSet {
  const { atMs } = new DecisionDraft(state, context.nowMs, context.options);
  switch (input.kind) {
    case 'lock':
      return lockReads(input);
    case 'release':
      return { lockIds: [input.lockId] };
    case 'bulk-release':
      return bulkReads(input);
    case 'expire':
      return { due: { atMs, limit: input.limit } };
    case 'forget':
      return {
        forgettable: { beforeMs: forgottenBeforeMs(atMs, context.options), limit: input.limit },
      };
    case 'room':
      return { rooms: [input] };
    case 'property':
      return { properties: [input], typesHeld: true };
    case 'catalogue':
      return { typesHeld: true };
  }
}

function secondReads(state: GuardState, input: GuardInput, context: DecisionContext): ReadSet {
  const first = firstReads(state, input, context);
  switch (input.kind) {
    case 'lock':
      return lockSecondReads(state, input, first);
    case 'release':
      return holdReads(state, first.lockIds ?? []);
    case 'bulk-release':
      return { lockIds: indexedIds(state, first) };
    case 'expire':
    case 'forget':
      return { lockIds: indexedIds(state, first) };
    case 'room':
      return typeReads(roomTypes(state, input));
    case 'property':
    case 'catalogue':
      return typeReads(state.typesHeld());
  }
}

function thirdReads(state: GuardState, input: GuardInput, context: DecisionContext): ReadSet {
  const ids = (): readonly string[] => secondReads(state, input, context).lockIds ?? [];
  switch (input.kind) {
    case 'lock':
      return blockerReads(state, input, context);
    case 'release':
      return nothing;
    case 'bulk-release':
    case 'expire':
      return holdReads(state, ids());
    case 'forget':
      return { slots: locksOf(state, ids()).map(slotRef) };
    case 'room': {
      const reads = allHoldReads(state, roomTypes(state, input));
      // Its type may be new, or be of this property from now on.
      return { ...reads, properties: [...reads.properties, ...(input.row ? [input.row] : [])] };
    }
    case 'property':
    case 'catalogue':
      return allHoldReads(state, state.typesHeld());
  }
}

function lockReads(command: LockCommand): ReadSet {
  const slot = slotOf(command);
  const asked = readStay(command);
  if (isRefusal(slot) || isRefusal(asked)) return nothing;
  const { tenantId, roomId } = command;
  const partitionKey = partitionKeyOf(command);
  const slots = [{ partitionKey, slot: slot.name }];
  const from = addDays(dateOf(asked.start), -marginDays);
  const to = addDays(dateOf(asked.end), marginDays);
  const days = utcDayOf(to) - utcDayOf(from);
  const rooms = roomId === undefined || roomId === '' ? [] : [{ tenantId, roomId }];
  // Refused, unless its slot has answered it before.
  const isRefused = days < 0 || days > nightsPerStayMax + 2 * marginDays;
  if (isRefused) return { slots, types: [partitionKey], rooms };
  const window = { fromMs: utcDayOf(from) * dayMs, toMs: utcDayOf(to) * dayMs };
  return {
    slots,
    types: [partitionKey],
    nights: [{ partitionKey, range: { from, to } }],
    rooms,
    roomDays: rooms.map((room) => ({ ...room, window })),
  };
}

function lockSecondReads(state: GuardState, command: LockCommand, first: ReadSet): ReadSet {
  const { tenantId, propertyId } = command;
  if (first.slots === undefined) return nothing;
  const record = first.slots.map(({ partitionKey, slot }) => state.slot(partitionKey, slot))[0];
  const own = record === undefined ? [] : [record.lockId];
  const captured = state.typeRooms(partitionKeyOf(command))?.propertyId ?? propertyId;
  const properties = captured === undefined ? [] : [{ tenantId, propertyId: captured }];
  return { lockIds: [...own, ...indexedIds(state, first)], properties };
}

function blockerReads(
  state: GuardState,
  command: LockCommand,
  { nowMs, options }: DecisionContext,
): ReadSet {
  const draft = new DecisionDraft(state, nowMs, options);
  const wanted = holdToFit(draft, command);
  if (wanted === undefined) return nothing;
  const { tenantId, own } = wanted;
  const partitionKey = partitionKeyOf(wanted);
  // A hold that is changed may leave nights: their counts change too.
  const nights = own === undefined ? {} : holdReads(state, [own.lockId]);
  const ground = capacityGround(state, { tenantId, partitionKey });
  const [full] = ground === undefined ? [] : countNights(draft, wanted, ground).full;
  if (full === undefined) return nights;
  return { ...nights, lockIds: state.holdersOn(partitionKey, full, holdersRead) };
}

function bulkReads(command: BulkReleaseCommand): ReadSet {
  const { tenantId, lockIds, reservationId, roomId, roomTypeId, window } = command;
  if (lockIds !== undefined) return { lockIds };
  if (reservationId !== undefined) return { reservations: [{ tenantId, reservationId }] };
  if (roomId !== undefined) {
    return { roomDays: [{ tenantId, roomId, window: roomWindow(window) }] };
  }
  if (roomTypeId === undefined) return nothing;
  const partitionKey = partitionKeyOf({ tenantId, roomTypeId });
  return { nights: [{ partitionKey, range: nightRange(window) }] };
}

/** The ids that the loaded parts of the indexes name; of nights only where they are all that is asked. */
function indexedIds(state: GuardState, set: ReadSet): readonly string[] {
  const isByNight = set.slots === undefined;
  return [
    ...(set.lockIds ?? []),
    ...(set.roomDays ?? []).flatMap((room) => state.roomHolds(room, room.window)),
    ...(set.reservations ?? []).flatMap(({ tenantId, reservationId }) =>
      state.reservationHolds(tenantId, reservationId),
    ),
    ...(isByNight ? (set.nights ?? []) : []).flatMap(({ partitionKey, range }) =>
      state.typeHolds(partitionKey, range),
    ),
    ...(set.due === undefined ? [] : state.dueHolds(set.due.atMs, set.due.limit)),
    ...(set.forgettable === undefined
      ? []
      : state.forgettable(set.forgettable.beforeMs, set.forgettable.limit)),
  ];
}

/** What ending or changing these holds counts anew. */
function holdReads(state: GuardState, lockIds: readonly string[]): ReadSet {
  const locks = locksOf(state, lockIds);
  return {
    types: [...new Set(locks.map(partitionKeyOf))],
    nights: locks.map((lock) => {
      const nights = heldNights(lock);
      const [from = '', to = from] = [nights[0], nights.at(-1)];
      return { partitionKey: partitionKeyOf(lock), range: { from, to } };
    }),
  };
}

function roomTypes(state: GuardState, input: RoomInput): readonly string[] {
  const rooms = [state.room(input), input.row].filter((room) => room !== undefined);
  return [...new Set(rooms.map(partitionKeyOf))];
}

function typeReads(types: readonly string[]): ReadSet {
  return { types, nights: types.map((partitionKey) => ({ partitionKey, range: undefined })) };
}

function allHoldReads(
  state: GuardState,
  types: readonly string[],
): ReadSet & { readonly properties: readonly PropertyRef[] } {
  const lockIds = types.flatMap((partitionKey) => state.typeHolds(partitionKey, undefined));
  const properties = types.map((partitionKey) => ({
    tenantId: partitionKey.split('|')[0] ?? '',
    propertyId: state.typeRooms(partitionKey)?.propertyId ?? '',
  }));
  return { lockIds, properties };
}

function locksOf(state: GuardState, lockIds: readonly string[]): readonly StoredLock[] {
  return lockIds.map((id) => state.lock(id)).filter((lock) => lock !== undefined);
}

function slotRef(lock: StoredLock): { readonly partitionKey: string; readonly slot: string } {
  return { partitionKey: partitionKeyOf(lock), slot: lock.slot };
}

function dateOf(point: StayPoint): string {
  return 'date' in point ? point.date : dateOfUtcDay(Math.floor(point.atMs / dayMs));
}
