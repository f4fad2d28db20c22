/**
 * Stands in for a member whose own heartbeats fail to come: sends them until they come again, the
 * membership ends, or the member's thread has been silent for too long. What the group answers is for
 * the member to find out itself; here it only tells whether another heartbeat makes sense.
 */
import type { Clock } from '../../kernel/clock.ts';
import { isRollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import { brokerErrorCode } from './error-reactions.ts';
import type { KeepAliveTimes } from './keep-alive.ts';
import type { GroupGeneration } from './protocol/transaction-messages.ts';
import { SignsOfLife } from './signs-of-life.ts';

/** One membership, as the member's thread hands it over. */
export interface WatchedMembership extends GroupGeneration, KeepAliveTimes {
  /** Its number among those that the shared memory is used for. */
  readonly membership: number;
  readonly memory: SharedArrayBuffer;
}

export interface StandInOptions {
  readonly watched: WatchedMembership;
  readonly heartbeat: (generation: GroupGeneration, timeoutMs: number) => Promise<unknown>;
  readonly clock: Clock;
  readonly logger: Logger;
}

// A thread that lives is seldom half an interval late; three intervals are the shortest session.
const intervalsOfPatience = 1.5;
// How exactly a silence is measured: its first heartbeat comes after two intervals at the latest.
const looksPerInterval = 4;
// A busy machine's answer is late too, and one that comes after its time-out costs the connection.
const answerTimeoutMinMs = 1_000;

/** Resolves when the membership has ended, or heartbeats have become pointless. */
export async function standIn({
  watched,
  heartbeat,
  clock,
  logger,
}: StandInOptions): Promise<void> {
  const { heartbeatIntervalMs, maxPollIntervalMs, membership, groupId, memberId } = watched;
  const patienceMs = intervalsOfPatience * heartbeatIntervalMs;
  const signs = new SignsOfLife(watched.memory);
  let beats = signs.beats;
  let lastSignMs = clock.monotonicMs();
  let sentMs = -Infinity;
  let isLetGo = false;
  for (;;) {
    await clock.sleep(heartbeatIntervalMs / looksPerInterval);
    if (!signs.isCurrent(membership)) return;
    const nowMs = clock.monotonicMs();
    if (signs.beats !== beats) {
      beats = signs.beats;
      lastSignMs = nowMs;
      isLetGo = false;
    }
    const silentMs = nowMs - lastSignMs;
    if (isLetGo || silentMs < patienceMs || nowMs - sentMs < heartbeatIntervalMs) continue;
    if (silentMs >= maxPollIntervalMs) {
      isLetGo = true;
      const fields = { groupId, memberId, silentMs: Math.round(silentMs) };
      logger.warn('no sign of life from the main thread: no more heartbeats for it', fields);
      continue;
    }
    sentMs = nowMs;
    try {
      await heartbeat(watched, Math.max(patienceMs, answerTimeoutMinMs));
    } catch (error) {
      if (isTransient(error)) continue;
      // That the group has moved on is what the member will hear itself.
      if (!isRollguardError(error, 'ILLEGAL_GENERATION'))
        logger.warn('no heartbeats for a busy main thread', { groupId, memberId, error });
      return;
    }
  }
}

/** Nobody answered; or the group gathers: until it joins, a member has to be heard of. */
function isTransient(error: unknown): boolean {
  if (isRollguardError(error, 'KAFKA_UNAVAILABLE')) return true;
  return (
    isRollguardError(error, 'ILLEGAL_GENERATION') &&
    error.context['kafkaErrorCode'] === brokerErrorCode.rebalanceInProgress
  );
}
