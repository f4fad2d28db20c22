/**
 * Tries a request again while Kafka asks for it, with a small growing back-off, within one time
 * bound. KAFKA_RETRIABLE (nothing happened) is always tried again; KAFKA_TIMEOUT (sent, no answer)
 * too: a request that must not be sent twice turns it into OUTCOME_UNKNOWN before it comes here.
 */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../../kernel/errors.ts';
import type { BrokerErrorReaction } from './error-reactions.ts';

// The usual reason to wait is the previous transaction's markers, a matter of a few milliseconds.
const firstBackoffMs = 2;
const backoffMaxMs = 250;
// A topic just created may be unknown to a broker for a moment; after this it does not exist.
const topicGraceMs = 3_000;

export interface RetriesOptions {
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  /** Aborted when the port closes: no further attempt. */
  readonly signal: AbortSignal;
}

export class Retries {
  readonly #options: RetriesOptions;

  constructor(options: RetriesOptions) {
    this.#options = options;
  }

  /**
   * @param what names the request in messages.
   * @param attempt gets the milliseconds that are left for it.
   * @throws RollguardError KAFKA_UNAVAILABLE when the time is over, TOPIC_MISSING when a topic stayed
   * unknown, and whatever `attempt` throws that is no reason to try again.
   */
  async run<T>(
    what: string,
    attempt: (remainingMs: number) => Promise<T>,
    timeoutMs = this.#options.requestTimeoutMs,
  ): Promise<T> {
    const { clock, signal } = this.#options;
    const startedMs = clock.monotonicMs();
    for (let backoffMs = firstBackoffMs; ; backoffMs = Math.min(backoffMs * 2, backoffMaxMs)) {
      if (signal.aborted) throw new RollguardError('ILLEGAL_STATE', `${what}: the port is closed`);
      const remainingMs = timeoutMs - (clock.monotonicMs() - startedMs);
      try {
        return await attempt(Math.max(1, remainingMs));
      } catch (error) {
        if (!isRetriable(error)) throw error;
        const spentMs = clock.monotonicMs() - startedMs;
        if (isTopicUnknown(error) && spentMs + backoffMs > topicGraceMs) {
          throw new RollguardError('TOPIC_MISSING', messageOf(error), { cause: error });
        }
        if (spentMs + backoffMs > timeoutMs) throw unavailable(what, timeoutMs, error);
      }
      await clock.sleep(backoffMs, signal);
    }
  }
}

function isRetriable(error: unknown): error is RollguardError {
  return isRollguardError(error, 'KAFKA_RETRIABLE') || isRollguardError(error, 'KAFKA_TIMEOUT');
}

function isTopicUnknown(error: RollguardError): boolean {
  return error.context['reaction'] === ('find-topic' satisfies BrokerErrorReaction);
}

function unavailable(what: string, timeoutMs: number, cause: RollguardError): RollguardError {
  return new RollguardError(
    'KAFKA_UNAVAILABLE',
    `${what}: no success within ${timeoutMs} ms, last: ${cause.message}`,
    { cause, context: { ...cause.context } },
  );
}
