/**
 * What the guard tells the world of its holds: the events of `inventory.events`, as `decide` makes them.
 * Key: tenant_id|room_type_id. The order within a key is that of the decisions.
 */
import type { Lock } from './lock.ts';

/** A night and what a decision was made against. */
export interface NightCount {
  /** Property-local date, `YYYY-MM-DD`. */
  readonly date: string;
  /** Rooms of the type that can be sold that night; undefined: unknown (yet). */
  readonly capacity: number | undefined;
  /** Live holds of the type that night once the decision is made, its own included. */
  readonly held: number;
}

interface OfEveryEvent {
  /** UUID derived from the decision: the same when it is made again from the same records. */
  readonly eventId: string;
  /** The decision's time. */
  readonly occurredAtMs: number;
}

/** A hold was granted, changed or confirmed: it is as `lock` says from now on. */
export interface InventoryLocked extends OfEveryEvent {
  readonly type: 'inventory.locked';
  readonly lock: Lock;
  /** For each of the lock's nights, in order. */
  readonly nights: readonly NightCount[];
}

/** Somebody, or the stream, asked to release a live hold; its release is the next event of this lock. */
export interface InventoryReleaseRequested extends OfEveryEvent {
  readonly type: 'inventory.release_requested';
  /** As it was before. */
  readonly lock: Lock;
  readonly releaseReason: string;
  /** Who asks for it; the lock's own actor is who took it. */
  readonly releasedBy: string;
  /** Of the request. */
  readonly correlationId: string | undefined;
}

/** A hold ended: released, or expired (releaseReason EXPIRED, without a request before it). */
export interface InventoryReleased extends OfEveryEvent {
  readonly type: 'inventory.released';
  /** As it ended: its status, version, releasedAtMs and releaseReason are those of the release. */
  readonly lock: Lock;
  /** For each of the lock's nights, in order; what is held without it. */
  readonly nights: readonly NightCount[];
  readonly releasedBy: string;
  /** Of the request; undefined when nobody asked. */
  readonly correlationId: string | undefined;
}

/** More is held than there is; nothing was revoked. */
export interface InventoryOvercommitted extends OfEveryEvent {
  readonly type: 'inventory.overcommitted';
  readonly tenantId: string;
  readonly roomTypeId: string;
  readonly propertyId: string | undefined;
  /** The hold that was taken over capacity; undefined: the capacity shrank below what is held. */
  readonly lock: Lock | undefined;
  /** The nights that are over, in order; at least one. */
  readonly nights: readonly NightCount[];
  /** Of the partition key, as in a lock. */
  readonly version: number;
}

export type InventoryEvent =
  InventoryLocked | InventoryReleaseRequested | InventoryReleased | InventoryOvercommitted;
