/**
 * What the fronts ask of the Availability Guard, wherever its tasks run: the port between the wire and
 * the engine. Requests come checked and with their tenant; who asks again asks with the same key.
 *
 * A call rejects with REQUEST_INVALID (a cursor it did not give), NOT_READY (the owner restores),
 * QUEUE_FULL, DEADLINE_EXCEEDED (not decided) or OUTCOME_UNKNOWN (a write that may or may not be done).
 * It settles soon after its deadline at the latest: a write under way then is OUTCOME_UNKNOWN.
 */
import type { AuditRecord } from '../../topology/guard/audit.ts';
import type { BulkReleaseAnswer, LockAnswer, ReleaseAnswer } from '../../topology/guard/answer.ts';
import type {
  BulkReleaseCommand,
  LockCommand,
  ReleaseCommand,
} from '../../topology/guard/command.ts';
import type { Lock, LockStatus } from '../../topology/guard/lock.ts';
import type { MissingPartition } from '../peers/scatter.ts';

export interface CallOptions {
  /** By the clock's `nowMs`; a call whose deadline is over is not decided. */
  readonly deadlineMs: number;
  /** True once nobody waits for the answer any more. */
  readonly isGone: () => boolean;
}

export interface GuardCalls {
  lock(command: LockCommand, options: CallOptions): Promise<LockAnswer>;
  release(command: ReleaseCommand, options: CallOptions): Promise<ReleaseAnswer>;
  bulkRelease(command: BulkReleaseCommand, options: CallOptions): Promise<BulkReleased>;
  /** Undefined when the tenant has no such lock, or it is forgotten. */
  getLock(query: LockQuery, options: CallOptions): Promise<Lock | undefined>;
  listLocks(query: LocksQuery, options: CallOptions): Promise<LocksPage>;
  /** One for each night of the range, in order. */
  availability(query: NightsQuery, options: CallOptions): Promise<readonly NightAvailability[]>;
  /** Newest first; none of a lock that is not there, is forgotten, or is of none of the tenants. */
  lockAudit(query: LockAuditQuery, options: CallOptions): Promise<readonly AuditRecord[]>;
  /** Of all locks of these tenants, newest first. */
  searchAudit(query: AuditQuery, options: CallOptions): Promise<AuditFound>;
}

/**
 * Of a release that several partitions are asked for. It rejects only when none of them did anything;
 * a partition that is missing did not, or (OUTCOME_UNKNOWN) may have done, its part.
 */
export interface BulkReleased {
  /** One for each id asked for, in its order; for a reservation, room or type one for each hold found. */
  readonly results: readonly BulkResult[];
  readonly missing: readonly MissingPartition[];
}

export type BulkResult =
  | BulkReleaseAnswer['results'][number]
  /** Of an id whose partition is missing. */
  | { readonly lockId: string; readonly outcome: Undone; readonly lock: undefined };

/** UNKNOWN: it may have been done. */
export type Undone = 'UNKNOWN' | 'NOT_DONE';

export interface AuditFound {
  readonly records: readonly AuditRecord[];
  /** What these partitions have is not among the records. */
  readonly missing: readonly MissingPartition[];
}

export interface AuditQuery {
  readonly tenantIds: readonly string[];
  readonly limit: number;
}

export interface LockAuditQuery extends AuditQuery {
  readonly lockId: string;
}

export interface LockQuery {
  readonly tenantId: string;
  readonly lockId: string;
}

export interface LocksQuery {
  readonly tenantId: string;
  /** Exactly one of room, type and reservation. */
  readonly roomId: string | undefined;
  readonly roomTypeId: string | undefined;
  readonly reservationId: string | undefined;
  /** Locks whose stay overlaps fromMs ≤ t < toMs; undefined: no bound on that side. */
  readonly fromMs: number | undefined;
  readonly toMs: number | undefined;
  /** Undefined: the live ones. */
  readonly status: LockStatus | undefined;
  /** What the page before said; undefined: from the first. */
  readonly cursor: string | undefined;
  readonly limit: number;
}

export interface LocksPage {
  /** In an order that stays the same from page to page. */
  readonly locks: readonly Lock[];
  /** Undefined: this was the last page. At most 500 letters, digits, `-`, `_`. */
  readonly nextCursor: string | undefined;
  /**
   * Their locks are not on the page; those before the cursor are on no later page either, whoever
   * answers then.
   */
  readonly missing: readonly MissingPartition[];
}

export interface NightsQuery {
  readonly tenantId: string;
  readonly roomTypeId: string;
  /** Property-local dates, `YYYY-MM-DD`: from ≤ night < to. */
  readonly from: string;
  readonly to: string;
}

export interface NightAvailability {
  readonly date: string;
  /** Rooms of the type that can be sold that night; undefined: unknown (yet). */
  readonly capacity: number | undefined;
  /** Live holds of the type, of either kind. */
  readonly held: number;
}
