/**
 * The guard's state in memory: for tests and tools, and the model of what an implementation on stores
 * has to answer. Every read costs what it returns; `visits` counts what was looked at.
 */
import { addDays } from '../calendar/calendar-date.ts';
import { isHandedOver, type PropertyRecord, type RoomRecord, type TypeRooms } from './catalogue.ts';
import type {
  BoundedWindow,
  CommandRef,
  GuardState,
  GuardStateWriter,
  NightRange,
  PropertyRef,
  RoomNumberRef,
  RoomRef,
  SlotRecord,
} from './guard-state.ts';
import { IdShelf } from './id-shelf.ts';
import { partitionKeyOf } from './lock-id.ts';
import { lockIndexKeys, utcDays } from './lock-index.ts';
import type { StoredLock } from './stored-lock.ts';
import { TimedIds } from './timed-ids.ts';

/** A room's holds by day, a type's by night. */
type Shelves = Map<string, IdShelf<string>>;

export class MemoryGuardState implements GuardState, GuardStateWriter {
  /** Index entries and holds that were looked at. */
  visits = 0;

  readonly #slots = new Map<string, SlotRecord>();
  readonly #locks = new Map<string, StoredLock>();
  readonly #byRoomDay: Shelves = new Map();
  readonly #byNight: Shelves = new Map();
  readonly #byReservation = new IdShelf<string>();
  readonly #due = new TimedIds();
  readonly #forgettable = new TimedIds();
  readonly #commands = new Map<string, number>();
  readonly #commandTimes = new TimedIds();
  readonly #rooms = new Map<string, RoomRecord>();
  readonly #roomNumbers = new Map<string, string>();
  readonly #waitingRooms = new Map<string, RoomRecord>();
  readonly #types = new Map<string, TypeRooms>();
  readonly #properties = new Map<string, PropertyRecord>();
  readonly #versions = new Map<string, number>();
  readonly #sellLimits: ReadonlyMap<string, number>;
  #isCatalogueComplete = false;
  #lastDecisionMs = 0;

  constructor(options: { readonly sellLimits?: ReadonlyMap<string, number> } = {}) {
    this.#sellLimits = options.sellLimits ?? new Map();
  }

  slot(partitionKey: string, slot: string): SlotRecord | undefined {
    return this.#slots.get(pair(partitionKey, slot));
  }

  lock(lockId: string): StoredLock | undefined {
    this.visits += 1;
    return this.#locks.get(lockId);
  }

  roomHolds({ tenantId, roomId }: RoomRef, window: BoundedWindow | undefined): readonly string[] {
    const days = this.#byRoomDay.get(pair(tenantId, roomId));
    return this.#gather(days, window === undefined ? undefined : utcDays(window));
  }

  heldOn(partitionKey: string, night: string): number {
    this.visits += 1;
    return this.#byNight.get(partitionKey)?.sizeOf(night) ?? 0;
  }

  holdersOn(partitionKey: string, night: string, limit: number): readonly string[] {
    const holders = this.#byNight.get(partitionKey)?.first(night, limit) ?? [];
    this.visits += holders.length;
    return holders;
  }

  typeHolds(partitionKey: string, range: NightRange | undefined): readonly string[] {
    const nights = this.#byNight.get(partitionKey);
    return this.#gather(nights, range === undefined ? undefined : datesOf(range));
  }

  nightsHeld(partitionKey: string): readonly string[] {
    return [...(this.#byNight.get(partitionKey)?.keys() ?? [])].sort();
  }

  typesHeld(): readonly string[] {
    return [...this.#byNight.keys()].sort();
  }

  reservationHolds(tenantId: string, reservationId: string): readonly string[] {
    return this.#gather(this.#byReservation, [pair(tenantId, reservationId)]);
  }

  dueHolds(atMs: number, limit: number): readonly string[] {
    return this.#timed(this.#due, atMs + 1, limit);
  }

  forgettable(lastStayEndBeforeMs: number, limit: number): readonly string[] {
    return this.#timed(this.#forgettable, lastStayEndBeforeMs, limit);
  }

  commandDecidedMs({ tenantId, commandId }: CommandRef): number | undefined {
    return this.#commands.get(pair(tenantId, commandId));
  }

  oldCommands(beforeMs: number, limit: number): readonly CommandRef[] {
    return this.#timed(this.#commandTimes, beforeMs, limit).map((id) => {
      const bar = id.indexOf('|');
      return { tenantId: id.slice(0, bar), commandId: id.slice(bar + 1) };
    });
  }

  roomIdOf(room: RoomNumberRef): string | undefined {
    return this.#roomNumbers.get(numberKey(room));
  }

  room({ tenantId, roomId }: RoomRef): RoomRecord | undefined {
    return this.#rooms.get(pair(tenantId, roomId));
  }

  typeRooms(partitionKey: string): TypeRooms | undefined {
    return this.#types.get(partitionKey);
  }

  property({ tenantId, propertyId }: PropertyRef): PropertyRecord | undefined {
    return this.#properties.get(pair(tenantId, propertyId));
  }

  isCatalogueComplete(): boolean {
    return this.#isCatalogueComplete;
  }

  sellLimit(partitionKey: string): number | undefined {
    return this.#sellLimits.get(partitionKey);
  }

  lastVersion(partitionKey: string): number {
    return this.#versions.get(partitionKey) ?? 0;
  }

  lastDecisionMs(): number {
    return this.#lastDecisionMs;
  }

  putLock(after: StoredLock): void {
    const before = this.#locks.get(after.lockId);
    if (before !== undefined) this.#unindex(before);
    this.#locks.set(after.lockId, after);
    this.#index(after);
  }

  removeLock(lockId: string): void {
    const before = this.#locks.get(lockId);
    if (before !== undefined) this.#unindex(before);
    this.#locks.delete(lockId);
  }

  putSlot(record: SlotRecord): void {
    this.#slots.set(pair(partitionKeyOf(record), record.slot), record);
  }

  removeSlot(partitionKey: string, slot: string): void {
    this.#slots.delete(pair(partitionKey, slot));
  }

  putCommand(command: CommandRef, decidedAtMs: number): void {
    this.removeCommand(command);
    const id = pair(command.tenantId, command.commandId);
    this.#commands.set(id, decidedAtMs);
    this.#commandTimes.add(decidedAtMs, id);
  }

  removeCommand({ tenantId, commandId }: CommandRef): void {
    const id = pair(tenantId, commandId);
    const decidedAtMs = this.#commands.get(id);
    if (decidedAtMs === undefined) return;
    this.#commands.delete(id);
    this.#commandTimes.delete(decidedAtMs, id);
  }

  putRoom(room: RoomRecord): void {
    const name = pair(room.tenantId, room.roomId);
    const before = this.#rooms.get(name);
    const [was, is] = [before, room].map((one) => one && numberKeyOf(one));
    // A number that another room has got meanwhile stays that one's.
    if (was !== undefined && this.#roomNumbers.get(was) === room.roomId) {
      this.#roomNumbers.delete(was);
    }
    if (is !== undefined) this.#roomNumbers.set(is, room.roomId);
    this.#rooms.set(name, room);
    if (isHandedOver(room)) this.#waitingRooms.delete(name);
    else this.#waitingRooms.set(name, room);
  }

  putTypeRooms(partitionKey: string, rooms: TypeRooms): void {
    this.#types.set(partitionKey, rooms);
  }

  putProperty({ tenantId, propertyId }: PropertyRef, record: PropertyRecord): void {
    this.#properties.set(pair(tenantId, propertyId), record);
  }

  putCatalogueComplete(isComplete: boolean): void {
    this.#isCatalogueComplete = isComplete;
  }

  putLastVersion(partitionKey: string, version: number): void {
    this.#versions.set(partitionKey, version);
  }

  putLastDecisionMs(atMs: number): void {
    this.#lastDecisionMs = atMs;
  }

  /** Rooms that a type they were of may still hold. */
  waitingRooms(): readonly RoomRecord[] {
    return this.#waitingRooms.size === 0 ? [] : [...this.#waitingRooms.values()];
  }

  /** Every hold, by id: what two states are compared by. */
  locks(): readonly StoredLock[] {
    return sortedValues(this.#locks);
  }

  /** Everything it holds, in one order: equal states give equal contents. */
  contents(): unknown {
    const shelvesOf = (shelves: Shelves): unknown =>
      sortedEntries(shelves).map(([name, shelf]) => [name, shelfContents(shelf)]);
    return {
      slots: sortedValues(this.#slots),
      locks: this.locks(),
      byRoomDay: shelvesOf(this.#byRoomDay),
      byNight: shelvesOf(this.#byNight),
      byReservation: shelfContents(this.#byReservation),
      due: this.#due.all(),
      forgettable: this.#forgettable.all(),
      commands: sortedEntries(this.#commands),
      rooms: sortedValues(this.#rooms),
      types: sortedEntries(this.#types),
      properties: sortedEntries(this.#properties),
      versions: sortedEntries(this.#versions),
      isCatalogueComplete: this.#isCatalogueComplete,
      lastDecisionMs: this.#lastDecisionMs,
    };
  }

  #index(lock: StoredLock): void {
    const { lockId, tenantId } = lock;
    const keys = lockIndexKeys(lock);
    for (const { roomId, day } of keys.roomDays) {
      shelve(this.#byRoomDay, [pair(tenantId, roomId), day], lockId);
    }
    for (const night of keys.nights) shelve(this.#byNight, [partitionKeyOf(lock), night], lockId);
    for (const reservationId of keys.reservationIds) {
      this.#byReservation.add(pair(tenantId, reservationId), lockId);
    }
    if (keys.dueMs !== undefined) this.#due.add(keys.dueMs, lockId);
    if (keys.forgettableMs !== undefined) this.#forgettable.add(keys.forgettableMs, lockId);
  }

  #unindex(lock: StoredLock): void {
    const { lockId, tenantId } = lock;
    const keys = lockIndexKeys(lock);
    for (const { roomId, day } of keys.roomDays) {
      unshelve(this.#byRoomDay, [pair(tenantId, roomId), day], lockId);
    }
    for (const night of keys.nights) unshelve(this.#byNight, [partitionKeyOf(lock), night], lockId);
    for (const reservationId of keys.reservationIds) {
      this.#byReservation.delete(pair(tenantId, reservationId), lockId);
    }
    if (keys.dueMs !== undefined) this.#due.delete(keys.dueMs, lockId);
    if (keys.forgettableMs !== undefined) this.#forgettable.delete(keys.forgettableMs, lockId);
  }

  #gather(
    shelf: IdShelf<string> | undefined,
    keys: readonly string[] | undefined,
  ): readonly string[] {
    if (shelf === undefined) return [];
    const ids = new Set<string>();
    for (const key of keys ?? shelf.keys()) {
      const found = shelf.all(key);
      this.visits += 1 + found.length;
      for (const id of found) ids.add(id);
    }
    return ids.size === 0 ? [] : [...ids].sort();
  }

  #timed(ids: TimedIds, beforeMs: number, limit: number): readonly string[] {
    const found = ids.first(limit, beforeMs);
    this.visits += found.length;
    return found;
  }
}

type Place = readonly [name: string, key: string];

function shelve(shelves: Shelves, [name, key]: Place, id: string): void {
  let shelf = shelves.get(name);
  if (shelf === undefined) {
    shelf = new IdShelf();
    shelves.set(name, shelf);
  }
  shelf.add(key, id);
}

function unshelve(shelves: Shelves, [name, key]: Place, id: string): void {
  const shelf = shelves.get(name);
  shelf?.delete(key, id);
  if (shelf?.size === 0) shelves.delete(name);
}

function shelfContents(shelf: IdShelf<string>): unknown {
  return [...shelf.keys()].sort().map((key) => [key, shelf.all(key)]);
}

/** No tenant id holds a `|`. */
function pair(left: string, right: string): string {
  return `${left}|${right}`;
}

function numberKey({ tenantId, propertyId, roomNumber }: RoomNumberRef): string {
  return pair(pair(tenantId, propertyId), roomNumber);
}

/** A deleted room has no number any more. */
function numberKeyOf(room: RoomRecord): string | undefined {
  const { roomNumber, isDeleted } = room;
  return roomNumber === undefined || isDeleted ? undefined : numberKey({ ...room, roomNumber });
}

function datesOf({ from, to }: NightRange): string[] {
  const dates: string[] = [];
  for (let date = from; date <= to; date = addDays(date, 1)) dates.push(date);
  return dates;
}

function sortedEntries<Value>(
  map: ReadonlyMap<string, Value>,
): readonly (readonly [string, Value])[] {
  return [...map].sort(([left], [right]) => (left < right ? -1 : 1));
}

function sortedValues<Value>(map: ReadonlyMap<string, Value>): readonly Value[] {
  return sortedEntries(map).map(([, value]) => value);
}
