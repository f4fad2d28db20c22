/**
 * The guard's state of one partition: in memory with its indexes, so that a request is decided without
 * waiting, and every entry in the task's stores as well, from which it is read when the task starts.
 * Indexes are not stored: they follow from the holds.
 */
import type { KeyValueStore } from '../../streams/index.ts';
import type { PropertyRecord, RoomRecord, TypeRooms } from './catalogue.ts';
import type { CommandRef, PropertyRef, SlotRecord } from './guard-state.ts';
import { partitionKeyOf } from './lock-id.ts';
import { MemoryGuardState } from './memory-guard-state.ts';
import type { StoredLock } from './stored-lock.ts';

export const guardStores = {
  locks: 'locks',
  slots: 'slots',
  commands: 'commands',
  rooms: 'rooms',
  types: 'types',
  properties: 'properties',
  versions: 'versions',
  marks: 'marks',
} as const;

/** A key of two parts, such as tenant and room. */
type PairKey = readonly string[];

/** The stores, by name; `marks` holds the few numbers that are one for the partition. */
export interface GuardStores {
  readonly locks: KeyValueStore<string, StoredLock>;
  readonly slots: KeyValueStore<PairKey, SlotRecord>;
  /** When each was decided. */
  readonly commands: KeyValueStore<PairKey, number>;
  readonly rooms: KeyValueStore<PairKey, RoomRecord>;
  readonly types: KeyValueStore<string, TypeRooms>;
  readonly properties: KeyValueStore<PairKey, PropertyRecord>;
  readonly versions: KeyValueStore<string, number>;
  readonly marks: KeyValueStore<string, number>;
}

const lastDecisionMark = 'last-decision-ms';
const catalogueMark = 'catalogue-complete';
const pageSize = 1_000;

export class StoredGuardState extends MemoryGuardState {
  /** Undefined while it is read from the stores: then nothing is written back. */
  #stores: GuardStores | undefined;

  static async load(stores: GuardStores): Promise<StoredGuardState> {
    const state = new StoredGuardState();
    await each(stores.properties, ([tenantId = '', propertyId = ''], record) =>
      state.putProperty({ tenantId, propertyId }, record),
    );
    await each(stores.rooms, (_key, room) => state.putRoom(room));
    await each(stores.types, (partitionKey, rooms) => state.putTypeRooms(partitionKey, rooms));
    await each(stores.versions, (partitionKey, version) =>
      state.putLastVersion(partitionKey, version),
    );
    await each(stores.slots, (_key, record) => state.putSlot(record));
    await each(stores.commands, ([tenantId = '', commandId = ''], decidedAtMs) =>
      state.putCommand({ tenantId, commandId }, decidedAtMs),
    );
    await each(stores.locks, (_key, lock) => state.putLock(lock));
    state.putLastDecisionMs((await stores.marks.get(lastDecisionMark)) ?? 0);
    state.putCatalogueComplete((await stores.marks.get(catalogueMark)) === 1);
    state.#stores = stores;
    return state;
  }

  override putLock(after: StoredLock): void {
    super.putLock(after);
    this.#stores?.locks.put(after.lockId, after);
  }

  override removeLock(lockId: string): void {
    super.removeLock(lockId);
    this.#stores?.locks.delete(lockId);
  }

  override putSlot(record: SlotRecord): void {
    super.putSlot(record);
    this.#stores?.slots.put([partitionKeyOf(record), record.slot], record);
  }

  override removeSlot(partitionKey: string, slot: string): void {
    super.removeSlot(partitionKey, slot);
    this.#stores?.slots.delete([partitionKey, slot]);
  }

  override putCommand(command: CommandRef, decidedAtMs: number): void {
    super.putCommand(command, decidedAtMs);
    this.#stores?.commands.put([command.tenantId, command.commandId], decidedAtMs);
  }

  override removeCommand(command: CommandRef): void {
    super.removeCommand(command);
    this.#stores?.commands.delete([command.tenantId, command.commandId]);
  }

  override putRoom(room: RoomRecord): void {
    super.putRoom(room);
    this.#stores?.rooms.put([room.tenantId, room.roomId], room);
  }

  override putTypeRooms(partitionKey: string, rooms: TypeRooms): void {
    super.putTypeRooms(partitionKey, rooms);
    this.#stores?.types.put(partitionKey, rooms);
  }

  override putProperty(property: PropertyRef, record: PropertyRecord): void {
    super.putProperty(property, record);
    this.#stores?.properties.put([property.tenantId, property.propertyId], record);
  }

  override putCatalogueComplete(isComplete: boolean): void {
    super.putCatalogueComplete(isComplete);
    this.#stores?.marks.put(catalogueMark, isComplete ? 1 : 0);
  }

  override putLastVersion(partitionKey: string, version: number): void {
    super.putLastVersion(partitionKey, version);
    this.#stores?.versions.put(partitionKey, version);
  }

  override putLastDecisionMs(atMs: number): void {
    super.putLastDecisionMs(atMs);
    this.#stores?.marks.put(lastDecisionMark, atMs);
  }
}

async function each<Key, Value>(
  store: KeyValueStore<Key, Value>,
  visit: (key: Key, value: Value) => void,
): Promise<void> {
  let from: Key | undefined;
  for (;;) {
    // The page begins with the last entry of the one before.
    const page = await store.range(from, undefined, { limit: pageSize });
    const fresh = from === undefined ? page : page.slice(1);
    for (const [key, value] of fresh) visit(key, value);
    if (page.length < pageSize) return;
    from = page.at(-1)?.[0];
  }
}
