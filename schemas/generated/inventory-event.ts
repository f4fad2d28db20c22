/** The type of the values of inventory.events. Generated from the contract (`npm run generate`), not for editing. */

/** One event of one hold, or of one room type. Key: tenant_id|room_type_id; in a key, in the order of the decisions. */
export interface InventoryEvent {
  /** inventory.locked, inventory.release_requested, inventory.released, inventory.rejected or inventory.overcommitted; leave out what you do not know. */
  readonly type: string;
  /** The same when the same decision is made again. */
  readonly eventId: string;
  /** The decision's time. */
  readonly occurredAt: number | bigint;
  readonly tenantId: string;
  readonly roomTypeId: string;
  /** Fencing token: grows with every decision of the key. Of an inventory.overcommitted: the last one given. */
  readonly version: number | bigint;
  readonly propertyId: string | null;
  /** Null, as the other fields of a hold, in an inventory.rejected, and in an inventory.overcommitted that no hold caused: the capacity shrank. */
  readonly lockId: string | null;
  readonly reservationId: string | null;
  /** Null: any room of the type. */
  readonly roomId: string | null;
  /** What the tenant calls the hold by. */
  readonly slot: string | null;
  /** Orders the changes of a slot. */
  readonly iteration: number | bigint | null;
  /** Half-open: stayStart <= t < stayEnd. */
  readonly stayStart: number | bigint | null;
  readonly stayEnd: number | bigint | null;
  /** Of the hold: TENTATIVE, CONFIRMED, RELEASED or EXPIRED. */
  readonly status: string | null;
  /** Why it was taken; of an inventory.rejected why not. */
  readonly reason: string | null;
  /** Who took it. */
  readonly actor: string | null;
  /** Null: it does not expire. */
  readonly expiresAt: number | bigint | null;
  readonly releasedAt: number | bigint | null;
  /** EXPIRED: its time was over. */
  readonly releaseReason: string | null;
  /** Who asked for the release. */
  readonly releasedBy: string | null;
  /** Of the request the hold was last granted for. */
  readonly correlationId: string | null;
  /** Of the command through Kafka that this is the result of. */
  readonly commandId: string | null;
  /** What the hold was decided against, night by night; of an inventory.overcommitted the nights that are over. */
  readonly nights: readonly InventoryNight[];
  /** Of an inventory.locked that changes a confirmed hold: the stay that is held too until the change is confirmed. */
  readonly confirmedStay: ConfirmedStay | null;
}

interface InventoryNight {
  /** YYYY-MM-DD of the property's calendar. */
  readonly date: string;
  /** Rooms of the type that can be sold; null: unknown when it was decided. */
  readonly capacity: number | null;
  /** Live holds of the type; told by an inventory.overcommitted. */
  readonly held: number | null;
}

interface ConfirmedStay {
  readonly roomId: string | null;
  readonly stayStart: number | bigint;
  readonly stayEnd: number | bigint;
  readonly nights: readonly string[];
}
