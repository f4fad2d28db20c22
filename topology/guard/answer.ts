/** What the guard answers a caller. */
import type { Lock } from './lock.ts';

export type ConflictReason =
  /** another hold has this room then */
  | 'ROOM_HELD'
  /** every room of the type is held on these nights */
  | 'TYPE_FULL'
  | 'ROOM_OUT_OF_ORDER'
  | 'ROOM_BLOCKED'
  /** rooms or the property are not captured (yet), and GUARD_UNKNOWN_CAPACITY=reject */
  | 'CAPACITY_UNKNOWN';

export interface Conflict {
  readonly reason: ConflictReason;
  /** One of the holds in the way, when there is one; always the caller's own tenant's. */
  readonly blockingLock: Lock | undefined;
  /** The nights that do not fit, `YYYY-MM-DD`, in order, at most 31 of them. */
  readonly nights: readonly string[];
}

/** Nothing was changed, and the same request would be refused again: the caller has to change it. */
export interface Refusal {
  readonly status: 'REFUSED';
  readonly code: 'REQUEST_INVALID' | 'PRECONDITION_FAILED' | 'NOT_FOUND';
  /** The request's field that is at fault, in camelCase, when it is one. */
  readonly field: string | undefined;
  readonly message: string;
}

export type LockAnswer =
  | {
      readonly status: 'LOCKED';
      /** As it is now: for a repeat it may have ended since. */
      readonly lock: Lock;
      /** The answer to a repeat: nothing was changed. */
      readonly isRepeat: boolean;
    }
  | { readonly status: 'CONFLICT'; readonly conflict: Conflict }
  | Refusal;

export type ReleaseAnswer =
  /** RELEASED also for a hold that had ended before: releasing is idempotent. */
  { readonly status: 'RELEASED'; readonly lock: Lock; readonly isRepeat: boolean } | Refusal;

export interface BulkReleaseAnswer {
  readonly status: 'DONE';
  /** One for each id asked for, in its order; for a reservation, room or type one for each hold found. */
  readonly results: readonly {
    readonly lockId: string;
    readonly outcome: 'RELEASED' | 'ALREADY_ENDED' | 'NOT_FOUND';
    readonly lock: Lock | undefined;
  }[];
}
