/**
 * What an action looks like in the lifecycle, outbox and payments tables: pure translations into
 * records for `statements.ts`, with the JSON that the platform's services put there.
 */
import { uuidV5 } from '../../kernel/uuid.ts';
import type { CommandAction, LifecycleState, PathStep } from './model.ts';

const commandService = 'reservations-command-service';
const dispatcher = 'outbox-dispatcher-1';
const reservationEventsTopic = 'reservations.events';

/** How long accepting a command takes: the PERSISTED transition's distance from RECEIVED. */
const acceptMs = 4;

export function isoText(atMs: number): string {
  return new Date(atMs).toISOString();
}

export function lifecycleRecord(command: CommandAction): Record<string, unknown> {
  const { reservation } = command;
  const details = {
    tenantId: reservation.tenant_id,
    reservationId: reservation.id,
    command: command.commandName,
  };
  return {
    event_id: command.eventId,
    tenant_id: reservation.tenant_id,
    reservation_id: reservation.id,
    command_name: command.commandName,
    correlation_id: correlationId(command),
    partition_key: partitionKey(command),
    current_state: 'PERSISTED',
    state_transitions: [
      transition('RECEIVED', command.atMs, details),
      transition('PERSISTED', command.atMs + acceptMs, details),
    ],
    metadata: lifecycleMetadata(command),
    created_at: isoText(command.atMs),
    updated_at: isoText(command.atMs + acceptMs),
  };
}

/** The UPDATE of one step of the path. */
export function transitionRecord(command: CommandAction, step: number): Record<string, unknown> {
  const { state, atMs } = stepOf(command, step);
  return {
    event_id: command.eventId,
    state,
    transition: transition(state, atMs, detailsOf(command, state)),
    at: isoText(atMs),
  };
}

export function outboxRecord(command: CommandAction): Record<string, unknown> {
  const { reservation } = command;
  return {
    event_id: command.eventId,
    tenant_id: reservation.tenant_id,
    aggregate_id: reservation.id,
    aggregate_type: 'reservation',
    event_type: eventType(command),
    payload: outboxPayload(command),
    headers: {},
    status: 'PENDING',
    priority: 0,
    available_at: isoText(command.atMs),
    retry_count: 0,
    correlation_id: correlationId(command),
    partition_key: partitionKey(command),
    metadata: { lifecycleState: 'PERSISTED', source: commandService },
    created_at: isoText(command.atMs),
    updated_at: isoText(command.atMs),
  };
}

/** What the dispatcher writes into the outbox row at this step; undefined when it writes nothing. */
export function outboxStatusAt(
  command: CommandAction,
  step: number,
): Record<string, unknown> | undefined {
  const { state, atMs } = stepOf(command, step);
  if (state !== 'PUBLISHED' && state !== 'FAILED') return undefined;
  const delivered = state === 'PUBLISHED';
  return {
    event_id: command.eventId,
    status: delivered ? 'DELIVERED' : 'FAILED',
    retries: delivered ? 0 : 1,
    last_error: delivered ? null : publishError.message,
    at: isoText(atMs),
  };
}

/** The guest pays the whole amount when leaving. */
export function paymentRecord(command: CommandAction): Record<string, unknown> {
  const { reservation } = command;
  return {
    id: uuidV5(reservation.id, 'payment'),
    tenant_id: reservation.tenant_id,
    property_id: reservation.property_id,
    reservation_id: reservation.id,
    guest_id: reservation.guest_id,
    payment_reference: `${reservation.confirmation_number}-P1`,
    payment_type: 'FULL_PAYMENT',
    payment_method: 'CREDIT_CARD',
    amount: reservation.paid_amount,
    currency: reservation.currency,
    status: 'COMPLETED',
    processed_at: isoText(command.atMs),
    metadata: {},
  };
}

const publishError = { name: 'KafkaJSConnectionError', message: 'broker not reachable' };
const handlerError = { name: 'ReservationHandlerError', message: 'could not be applied' };

function lifecycleMetadata(command: CommandAction): Record<string, unknown> {
  const asksGuard = ['reservation.create', 'reservation.modify', 'reservation.cancel'].includes(
    command.commandName,
  );
  return {
    source: commandService,
    commandName: command.commandName,
    eventType: eventType(command),
    ...(asksGuard ? { availabilityGuard: { status: 'SKIPPED' } } : {}),
    ...(command.commandName === 'reservation.cancel' ? { action: 'cancel' } : {}),
    ...(command.stay === undefined ? {} : { stay: command.stay }),
  };
}

function outboxPayload(command: CommandAction): Record<string, unknown> {
  const { reservation } = command;
  return {
    metadata: {
      id: command.eventId,
      source: commandService,
      type: eventType(command),
      timestamp: isoText(command.atMs),
      version: '1.0',
      tenantId: reservation.tenant_id,
      retryCount: 0,
    },
    payload: {
      id: reservation.id,
      tenant_id: reservation.tenant_id,
      property_id: reservation.property_id,
      status: reservation.status,
    },
  };
}

/** Creates are keyed by guest, everything later by reservation: the platform's own inconsistency. */
function partitionKey(command: CommandAction): string {
  const { reservation } = command;
  return command.commandName === 'reservation.create' ? reservation.guest_id : reservation.id;
}

function eventType(command: CommandAction): string {
  switch (command.commandName) {
    case 'reservation.create':
    case 'reservation.walkin_checkin':
      return 'reservation.created';
    case 'reservation.cancel':
      return 'reservation.cancelled';
    default:
      return 'reservation.updated';
  }
}

function correlationId(command: CommandAction): string {
  return uuidV5(command.eventId, 'correlation');
}

function transition(
  state: LifecycleState,
  atMs: number,
  details: Record<string, unknown>,
): Record<string, unknown> {
  return { state, timestamp: isoText(atMs), actor: commandService, details };
}

function detailsOf(command: CommandAction, state: LifecycleState): Record<string, unknown> {
  const reservationId = command.reservation.id;
  switch (state) {
    case 'IN_PROGRESS':
      return { workerId: dispatcher, aggregateId: reservationId };
    case 'PUBLISHED':
      return { topic: reservationEventsTopic, partitionKey: partitionKey(command) };
    case 'CONSUMED':
      return { topic: reservationEventsTopic };
    case 'APPLIED':
      return { reservationId, attempts: 1 };
    case 'FAILED':
      return { error: publishError, workerId: dispatcher };
    case 'DLQ':
      return { attempts: 3, failureCause: handlerError };
    case 'RECEIVED':
    case 'PERSISTED':
      return { tenantId: command.reservation.tenant_id, reservationId };
  }
}

function stepOf(command: CommandAction, step: number): PathStep {
  const found = command.path[step];
  if (found === undefined) throw new Error(`command ${command.eventId} has no step ${step}`);
  return found;
}
