/**
 * The calls that wait for one task: requests from outside that are decided between records, by the same
 * processor, and answered after the transaction that holds what they changed has committed.
 *
 *   waiting ──take──▶ decided ──commit──▶ answered
 *      └── deadline, caller gone, task lost: refused, nothing was changed
 *
 * Knows nothing of stores or Kafka; `stream-task.ts` drives it.
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';

export interface CallOptions {
  /** Milliseconds since 1970; a call that is not decided by then is refused. */
  readonly deadlineMs: number;
  /** True once the caller is gone: a call that is not decided yet is dropped. */
  readonly isGone?: () => boolean;
}

export interface WaitingCall {
  readonly request: unknown;
  readonly options: CallOptions;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: RollguardError) => void;
}

interface DecidedCall {
  readonly call: WaitingCall;
  readonly answer: unknown;
}

export interface CallQueueOptions {
  /** Of the task, for messages. */
  readonly name: string;
  readonly waitingMax: number;
  readonly clock: Clock;
}

export class CallQueue {
  readonly #options: CallQueueOptions;
  #waiting: WaitingCall[] = [];
  #decided: DecidedCall[] = [];
  /** No call that is here has an earlier one. */
  #nextDeadlineMs = Infinity;

  constructor(options: CallQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length + this.#decided.length;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  /** Calls whose answers wait for the commit. */
  get decidedCount(): number {
    return this.#decided.length;
  }

  /** @throws QUEUE_FULL at once; the answer rejects with DEADLINE_EXCEEDED, NOT_READY or OUTCOME_UNKNOWN. */
  add(request: unknown, options: CallOptions): Promise<unknown> {
    const { name, waitingMax } = this.#options;
    if (this.#waiting.length >= waitingMax) {
      throw new RollguardError(
        'QUEUE_FULL',
        `${waitingMax} calls wait for ${name}; try again in a moment`,
      );
    }
    this.#watch(options);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, options, resolve, reject });
    });
  }

  /** The next calls that are still worth deciding, at most `max`; the others are refused. */
  take(max: number): readonly WaitingCall[] {
    const nowMs = this.#options.clock.nowMs();
    const taken: WaitingCall[] = [];
    let count = 0;
    for (const call of this.#waiting) {
      if (taken.length === max) break;
      count += 1;
      const refusal = this.#refusalOf(call, nowMs);
      if (refusal === undefined) taken.push(call);
      else call.reject(refusal);
    }
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }

  /** Keeps the answer until the commit. */
  decided(call: WaitingCall, answer: unknown): void {
    this.#decided.push({ call, answer });
  }

  /** Puts back what was taken and not decided, in front. */
  giveBack(calls: readonly WaitingCall[]): void {
    if (calls.length > 0) this.#waiting = [...calls, ...this.#waiting];
  }

  /** Answers calls whose deadline is over: nobody waits for the commit any more, or for a turn. */
  expire(): void {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs < this.#nextDeadlineMs) return;
    this.#nextDeadlineMs = Infinity;
    for (const { call } of this.#decided) {
      if (nowMs >= call.options.deadlineMs) call.reject(this.#lateAnswer());
      else this.#watch(call.options);
    }
    this.#waiting = this.#waiting.filter((call) => {
      const refusal = this.#refusalOf(call, nowMs);
      if (refusal === undefined) this.#watch(call.options);
      else call.reject(refusal);
      return refusal === undefined;
    });
  }

  /** The transaction of everything decided is committed: the answers go out. */
  committed(): void {
    const decided = this.#decided;
    this.#decided = [];
    for (const { call, answer } of decided) call.resolve(answer);
  }

  /**
   * The task's memory is dropped. What was decided is void, or, when the transaction's outcome is not
   * known, may hold: its callers have to ask again, with the same key. What waited was not looked at.
   */
  failed(cause: unknown): void {
    const { name } = this.#options;
    const decided = this.#decided;
    this.#decided = [];
    const isUnknown = isRollguardError(cause, 'OUTCOME_UNKNOWN');
    for (const { call } of decided) {
      call.reject(
        isUnknown
          ? new RollguardError(
              'OUTCOME_UNKNOWN',
              `${name}: whether this was done is not known; ask again with the same key`,
              { cause },
            )
          : this.#notReady(`nothing was changed (${messageOf(cause)})`),
      );
    }
    this.refuseWaiting(messageOf(cause));
  }

  /** Nobody will decide what waits here. */
  refuseWaiting(reason: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#notReady(reason));
  }

  #watch({ deadlineMs }: CallOptions): void {
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, deadlineMs);
  }

  #lateAnswer(): RollguardError {
    return new RollguardError(
      'OUTCOME_UNKNOWN',
      `${this.#options.name}: the deadline was over before the commit ended; it may still be done`,
    );
  }

  #notReady(reason: string): RollguardError {
    return new RollguardError(
      'NOT_READY',
      `${this.#options.name} is not served here now: ${reason}; try again shortly`,
    );
  }

  #refusalOf({ options }: WaitingCall, nowMs: number): RollguardError | undefined {
    if (options.isGone?.() === true) {
      return new RollguardError('DEADLINE_EXCEEDED', 'the caller is gone; nothing was decided');
    }
    if (nowMs < options.deadlineMs) return undefined;
    const lateMs = Math.round(nowMs - options.deadlineMs);
    return new RollguardError(
      'DEADLINE_EXCEEDED',
      `the deadline was over ${lateMs} ms before the call could be decided; nothing was changed`,
    );
  }
}
