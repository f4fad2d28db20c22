/**
 * The log of decisions: one line of JSON for each, kept for ever. A line says what was asked, when, from
 * where, what was answered and every change whole, so that the state can be folded from it again. Holds
 * in answers and events are named by id and version only: changes, or lines before, have them whole.
 */
import type { RecordOrigin } from '../../streams/index.ts';
import type { Change, CommandAnswer, Decision, NotedAnswer, SweepAnswer } from './decision.ts';
import type { GuardInput } from './input.ts';
import type { InventoryEvent } from './inventory-event.ts';

/** A decision about to be logged. */
export interface DecisionRecord {
  /** Where the input stood; undefined: a caller's request, or the time. */
  readonly origin: RecordOrigin | undefined;
  readonly partition: number;
  readonly decision: Decision;
}

/** A line as it is read again. */
export interface LoggedDecision {
  readonly origin: RecordOrigin | undefined;
  readonly partition: number;
  readonly decidedAtMs: number;
  readonly command: GuardInput;
  readonly answer: LoggedAnswer;
  readonly changes: readonly Change[];
  readonly events: readonly LoggedEvent[];
  readonly leniencies: readonly string[];
}

/** What was answered, its holds by name. */
interface LoggedAnswer {
  readonly status: Answer['status'];
  readonly [field: string]: unknown;
}

/** An event of the decision; its content follows from the changes. */
export interface LoggedEvent {
  readonly type: InventoryEvent['type'];
  /** Undefined: of a type's capacity. */
  readonly lockId: string | undefined;
  readonly version: number;
}

type Answer = CommandAnswer | SweepAnswer | NotedAnswer;

export function decisionLine({ origin, partition, decision }: DecisionRecord): Buffer {
  const { decidedAtMs, command, answer, changes, events, leniencies } = decision;
  const line: LoggedDecision = {
    origin,
    partition,
    decidedAtMs,
    command,
    answer: loggedAnswer(answer),
    changes,
    events: events.map(loggedEvent),
    leniencies,
  };
  return Buffer.from(JSON.stringify(line), 'utf8');
}

export function readDecisionLine(bytes: Buffer): LoggedDecision {
  return JSON.parse(bytes.toString('utf8')) as LoggedDecision;
}

function loggedEvent(event: InventoryEvent): LoggedEvent {
  const lockId = 'lockId' in event ? event.lockId : undefined;
  return { type: event.type, lockId, version: event.version };
}

function loggedAnswer(answer: Answer): LoggedAnswer {
  switch (answer.status) {
    case 'LOCKED':
    case 'RELEASED': {
      const { status, lock, isRepeat } = answer;
      return { status, ...nameOf(lock), isRepeat };
    }
    case 'CONFLICT': {
      const { reason, blockingLock, nights } = answer.conflict;
      return { status: answer.status, reason, blockingLock: nameOf(blockingLock), nights };
    }
    case 'DONE': {
      const results = answer.results.map(({ lockId, outcome, lock }) => ({
        ...{ lockId, outcome, version: lock?.version },
      }));
      return { status: answer.status, results };
    }
    default:
      return { ...answer };
  }
}

function nameOf(
  lock: { readonly lockId: string; readonly version: number } | undefined,
): { readonly lockId: string; readonly version: number } | undefined {
  return lock && { lockId: lock.lockId, version: lock.version };
}
