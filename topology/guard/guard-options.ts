/** What the settings say about how the guard decides. */

export interface GuardOptions {
  /** LOCK_DEFAULT_TTL_SECONDS: how long a tentative hold lives when the request does not say. */
  readonly defaultTtlSeconds: number;
  /** LOCK_MAX_TTL_SECONDS: longer wishes are cut to it. */
  readonly maxTtlSeconds: number;
  /** LOCK_IDEMPOTENCY_RETENTION_DAYS: how long after a stay's end repeats of its requests are known. */
  readonly retentionDays: number;
  /** GUARD_UNKNOWN_CAPACITY: what becomes of a request when capacity is unknown. */
  readonly unknownCapacity: 'allow' | 'reject';
  /** A room that was never captured: `reject` in enforce mode, `allow` in shadow mode. */
  readonly unknownRoom: 'allow' | 'reject';
  /** True while the lifecycle stream is silent: nothing expires then, due holds go on counting. */
  readonly isExpiryPaused: boolean;
}

export const defaultGuardOptions: GuardOptions = {
  defaultTtlSeconds: 7200,
  maxTtlSeconds: 86_400,
  retentionDays: 30,
  unknownCapacity: 'allow',
  unknownRoom: 'allow',
  isExpiryPaused: false,
};

const dayMs = 86_400_000;

/**
 * Answers are kept two days longer than promised: the end of a stay asked for by date moves with its
 * property's zone and check-out time, and a repeat must never come between forgetting and refusing.
 */
const forgetMarginMs = 2 * dayMs;

/** Stays that ended before this are not granted any more: a repeat of theirs may be forgotten. */
export function refusedBeforeMs(atMs: number, { retentionDays }: GuardOptions): number {
  return atMs - retentionDays * dayMs;
}

/**
 * Commands that were decided before this are forgotten: one to lock that comes again is late by then,
 * and to release a hold that has ended changes nothing.
 */
export function commandsForgottenBeforeMs(atMs: number, { maxTtlSeconds }: GuardOptions): number {
  return atMs - maxTtlSeconds * 1_000 - dayMs;
}

/** Holds of slots whose last stay ended before this are forgotten. */
export function forgottenBeforeMs(atMs: number, options: GuardOptions): number {
  return refusedBeforeMs(atMs, options) - forgetMarginMs;
}
