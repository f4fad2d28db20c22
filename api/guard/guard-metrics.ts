/** How the guard's calls end and how long they take, counted once for every front. */
import type { Clock } from '../../kernel/clock.ts';
import { isRollguardError } from '../../kernel/errors.ts';
import type { Metrics } from '../../kernel/metrics.ts';

export type GuardOperation =
  | 'lockRoom'
  | 'releaseLock'
  | 'bulkRelease'
  | 'getLock'
  | 'listLocks'
  | 'checkAvailability'
  | 'manualRelease'
  | 'lockAudit'
  | 'searchAudit';

/** `refused`: the caller has to change something; `error`: it may come again as it is. */
export type GuardResult = 'success' | 'conflict' | 'refused' | 'error';

export interface GuardMeter {
  /** Runs the work and counts it; `resultOf` tells a conflict from a success. */
  measure<T>(
    operation: GuardOperation,
    work: () => Promise<T>,
    resultOf?: (answer: T) => GuardResult,
  ): Promise<T>;
}

export interface GuardMeterOptions {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Decisions are made in shadow mode: nothing downstream acts on them. */
  readonly isShadow: boolean;
}

const secondsBuckets = [
  ...[0.000_5, 0.001, 0.002, 0.003, 0.004, 0.005, 0.007_5, 0.01, 0.015, 0.02, 0.025],
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

export function guardMeter({ metrics, clock, isShadow }: GuardMeterOptions): GuardMeter {
  const requests = metrics.counter({
    name: 'availability_guard_requests_total',
    help: 'requests to the guard by operation and result (success, conflict, refused, error)',
    labels: ['operation', 'result'],
  });
  const durations = metrics.histogram({
    name: 'availability_guard_request_duration_seconds',
    help: 'from a request to its answer',
    labels: ['operation'],
    buckets: secondsBuckets,
  });
  const shadowLocks = metrics.histogram({
    name: 'availability_guard_shadow_lock_latency_ms',
    help: 'from a lock request to its answer, LOCKED or CONFLICT, in shadow mode',
    buckets: secondsBuckets.map((seconds) => seconds * 1_000),
  });
  const note = (operation: GuardOperation, result: GuardResult, startedMs: number): void => {
    const elapsedMs = clock.monotonicMs() - startedMs;
    requests.add(1, { operation, result });
    durations.observe(elapsedMs / 1_000, { operation });
    const isDecided = result === 'success' || result === 'conflict';
    if (isShadow && operation === 'lockRoom' && isDecided) shadowLocks.observe(elapsedMs);
  };
  return {
    measure: async (operation, work, resultOf) => {
      const startedMs = clock.monotonicMs();
      try {
        const answer = await work();
        note(operation, resultOf?.(answer) ?? 'success', startedMs);
        return answer;
      } catch (error) {
        note(operation, isRefusal(error) ? 'refused' : 'error', startedMs);
        throw error;
      }
    },
  };
}

/** A full queue and a deadline say nothing against the request. */
function isRefusal(error: unknown): boolean {
  return (
    isRollguardError(error) &&
    error.row.reaction === 'reject' &&
    error.code !== 'QUEUE_FULL' &&
    error.code !== 'DEADLINE_EXCEEDED'
  );
}
