/**
 * What a decision reads and what it leaves behind. Reads are synchronous: a partition's holds are in
 * memory. Indexes hold ids of holds that count; which of them really overlap is seen in the holds
 * themselves.
 */
import type { PropertyRecord, RoomRecord, TypeRooms, Window } from './catalogue.ts';
import type { StoredLock } from './stored-lock.ts';

/** What a slot has answered. It outlives its holds until all their stays are long over. */
export interface SlotRecord {
  readonly tenantId: string;
  readonly roomTypeId: string;
  /** The slot's name, see `slot.ts`. */
  readonly slot: string;
  /** Of its newest hold, which is the only one that may count. */
  readonly generation: number;
  readonly lockId: string;
  /** The highest that came; 0 when none did. */
  readonly iteration: number;
  /** Marks of the requests answered LOCKED, in the order in which they came. */
  readonly answered: readonly string[];
}

export interface GuardState {
  slot(partitionKey: string, slot: string): SlotRecord | undefined;
  /** Any hold that is remembered, ended ones too. */
  lock(lockId: string): StoredLock | undefined;

  /**
   * Ids, in byte order, of the holds that count and have this room on a UTC day that the window
   * touches: a few more than those that overlap it. Without a window: all of the room.
   */
  roomHolds(room: RoomRef, window: BoundedWindow | undefined): readonly string[];
  /** How many holds count on a night of a type. */
  heldOn(partitionKey: string, night: string): number;
  /** The first `limit` of their ids in byte order. */
  holdersOn(partitionKey: string, night: string, limit: number): readonly string[];
  /** Ids of the holds that count on a night of the range, in byte order; without one: on any. */
  typeHolds(partitionKey: string, range: NightRange | undefined): readonly string[];
  /** The nights of a type that holds count on, in order. */
  nightsHeld(partitionKey: string): readonly string[];
  /** The partition keys that have such nights, in order. */
  typesHeld(): readonly string[];
  /** Ids of a reservation's holds that count, in byte order. */
  reservationHolds(tenantId: string, reservationId: string): readonly string[];

  /** Ids of holds that count and whose time is over at `atMs`, the longest over first. */
  dueHolds(atMs: number, limit: number): readonly string[];
  /** Ids of ended holds whose slot's last stay ended before this, the longest ago first. */
  forgettable(lastStayEndBeforeMs: number, limit: number): readonly string[];
  /** When a command of this id was decided; undefined: it was not, or is forgotten. */
  commandDecidedMs(command: CommandRef): number | undefined;
  /** Commands that were decided before this, the longest ago first. */
  oldCommands(beforeMs: number, limit: number): readonly CommandRef[];

  room(room: RoomRef): RoomRecord | undefined;
  /** The id of the property's room with this number; undefined: it is not captured. */
  roomIdOf(room: RoomNumberRef): string | undefined;
  typeRooms(partitionKey: string): TypeRooms | undefined;
  property(property: PropertyRef): PropertyRecord | undefined;
  /** False until the snapshots of rooms and properties were read to their end. */
  isCatalogueComplete(): boolean;
  /** At most this many holds a night, however many rooms there are (GUARD_SELL_LIMITS_FILE). */
  sellLimit(partitionKey: string, night: string): number | undefined;

  /** The highest version given under a partition key; 0: none was. */
  lastVersion(partitionKey: string): number;
  /** When this partition's last decision was made, by its decision clock. */
  lastDecisionMs(): number;
}

/** Takes what a decision changed; keeps the indexes of `GuardState` in step. */
export interface GuardStateWriter {
  putLock(after: StoredLock): void;
  removeLock(lockId: string): void;
  putSlot(record: SlotRecord): void;
  removeSlot(partitionKey: string, slot: string): void;
  putCommand(command: CommandRef, decidedAtMs: number): void;
  removeCommand(command: CommandRef): void;
  putRoom(room: RoomRecord): void;
  putTypeRooms(partitionKey: string, rooms: TypeRooms): void;
  putProperty(property: PropertyRef, record: PropertyRecord): void;
  putCatalogueComplete(isComplete: boolean): void;
  putLastVersion(partitionKey: string, version: number): void;
  putLastDecisionMs(atMs: number): void;
}

export interface RoomRef {
  readonly tenantId: string;
  readonly roomId: string;
}

/** A room as the hotel's staff call it. */
export interface RoomNumberRef {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly roomNumber: string;
}

/** A command that came through Kafka. */
export interface CommandRef {
  readonly tenantId: string;
  readonly commandId: string;
}

export interface PropertyRef {
  readonly tenantId: string;
  readonly propertyId: string;
}

export type BoundedWindow = { readonly [Side in keyof Window]: number };

/** Both dates included. */
export interface NightRange {
  readonly from: string;
  readonly to: string;
}
