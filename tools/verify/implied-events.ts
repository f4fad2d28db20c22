/**
 * The events that a line of the log of decisions says were written with it, whole: a hold's event has
 * the hold as the line's changes have it. Of an overcommitment or a rejection the line tells no more than
 * that there was one, so it is known by its time.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { InventoryEvent as InventoryEventRecord } from '../../schemas/generated/inventory-event.ts';
import { unframe } from '../../schemas/wire-format.ts';
import type { LoggedDecision, LoggedEvent } from '../../topology/guard/decision-log.ts';
import type { GuardState } from '../../topology/guard/guard-state.ts';
import {
  lockedEvent,
  releasedEvent,
  releaseRequestedEvent,
  type InventoryEvent,
} from '../../topology/guard/inventory-event.ts';
import { inventoryEventOf } from '../../topology/guard/inventory-event-codec.ts';
import { partitionKeyOf } from '../../topology/guard/lock-id.ts';
import type { StoredLock } from '../../topology/guard/stored-lock.ts';

export interface ImpliedEvent {
  /** One event, one name: a person finds it by it. */
  readonly name: string;
  /** Undefined where the line does not say all of it. */
  readonly payload: Buffer | undefined;
  /** Events of one key are in the order of their decisions; undefined: the line does not say. */
  readonly partitionKey: string | undefined;
}

// Nobody looks the schema up: what is compared comes after its id.
const write = avroWriter(contractSchema('inventory.events'), 0);

/** @param state before the decision. @throws STATE_DAMAGED for an event of a hold that nothing tells of */
export function impliedEvents(
  state: Pick<GuardState, 'lock'>,
  decision: LoggedDecision,
): readonly ImpliedEvent[] {
  return decision.events.map((event) => {
    const name = eventName({ ...event, occurredAt: decision.decidedAtMs });
    if (event.lockId === undefined) return { name, payload: undefined, partitionKey: undefined };
    const hold = holdOf(state, decision, event);
    if (hold === undefined) {
      throw new RollguardError('STATE_DAMAGED', `nothing tells of the hold of ${name}`);
    }
    const value = write(inventoryEventOf(holdEvent(event.type, hold, decision)));
    return { name, payload: unframe(value).payload, partitionKey: partitionKeyOf(hold) };
  });
}

export function eventName(event: {
  readonly type: string;
  readonly lockId: string | null | undefined;
  readonly version: InventoryEventRecord['version'];
  readonly occurredAt: InventoryEventRecord['occurredAt'];
}): string {
  const subject = isOfHold(event)
    ? event.lockId
    : `at ${new Date(Number(event.occurredAt)).toISOString()}`;
  return `${event.type} ${subject} version ${event.version}`;
}

/** True for events whose content follows from a hold as its decision's line has it. */
export function isOfHold(event: {
  readonly type: string;
  readonly lockId: string | null | undefined;
}): boolean {
  return typeof event.lockId === 'string' && event.type !== 'inventory.overcommitted';
}

/** The hold at the event's version: as the decision left it, or found it. */
function holdOf(
  state: Pick<GuardState, 'lock'>,
  { changes }: LoggedDecision,
  { lockId, version }: LoggedEvent,
): StoredLock | undefined {
  for (const change of changes) {
    if (change.kind === 'lock' && change.lockId === lockId && change.after.version === version) {
      return change.after;
    }
  }
  const before = lockId === undefined ? undefined : state.lock(lockId);
  return before?.version === version ? before : undefined;
}

function holdEvent(
  type: LoggedEvent['type'],
  hold: StoredLock,
  { decidedAtMs, command: input }: LoggedDecision,
): InventoryEvent {
  const [command, commandId] =
    input.kind === 'command' ? [input.command, input.commandId] : [input, undefined];
  const moment = { decidedAtMs, commandId };
  if (type === 'inventory.locked') return lockedEvent(hold, moment);
  if (type === 'inventory.released') return releasedEvent(hold, moment);
  const { reason, actor } =
    'reason' in command && 'actor' in command ? command : { reason: '', actor: '' };
  return releaseRequestedEvent(hold, { reason, actor, ...moment });
}
