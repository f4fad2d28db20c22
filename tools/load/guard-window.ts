/** The guard as a caller sees it, whatever carries the call. */
import type { SampleType } from './sample-rooms.ts';

export interface Wish {
  readonly type: SampleType;
  /** Idempotency key. */
  readonly key: string;
  readonly roomId?: string;
  readonly stayStart: string;
  readonly stayEnd: string;
  readonly ttlSeconds?: number;
  readonly version?: number;
}

export interface Refused {
  readonly kind: 'refused';
  readonly code: string;
  readonly why: string;
}

/** Not now, or nobody knows: to be asked again with the same key. */
export interface Again {
  readonly kind: 'again';
  readonly why: string;
}

export type LockAnswer =
  | {
      readonly kind: 'locked';
      readonly lockId: string;
      readonly version: number;
      /** True: the answer to a repeat, whose hold has ended since. */
      readonly hasEnded: boolean;
    }
  | {
      readonly kind: 'conflict';
      readonly reason: string;
      readonly blockingLockId: string | undefined;
      readonly nights: readonly string[];
    }
  | Refused
  | Again;
export type ReleaseAnswer = { readonly kind: 'released' } | Refused | Again;
export type CapacityAnswer =
  { readonly kind: 'capacity'; readonly rooms: number | undefined } | Refused | Again;

/** Each asks once. */
export interface GuardWindow {
  lock(wish: Wish): Promise<LockAnswer>;
  release(type: SampleType, lockId: string): Promise<ReleaseAnswer>;
  /** Rooms that can be sold on a night; undefined while that is not known. */
  capacity(type: SampleType, night: string): Promise<CapacityAnswer>;
}
