/** An event of the guard as the value of `inventory.events`: the contract `schemas/guard/inventory-event.avsc`. */
import { uuidV5 } from '../../kernel/uuid.ts';
import type { InventoryEvent as InventoryEventRecord } from '../../schemas/generated/inventory-event.ts';
import type {
  InventoryEvent,
  InventoryOvercommitted,
  InventoryRejected,
} from './inventory-event.ts';

/** Namespace of event ids, drawn once: the same decision gives the same ids for ever. */
const namespace = '5f0d6f2e-6a43-4f0e-9a5e-6c1b4d9f7a21';

type HoldEvent = Exclude<InventoryEvent, InventoryOvercommitted | InventoryRejected>;

/** The record the contract describes. */
export function inventoryEventOf(event: InventoryEvent): InventoryEventRecord {
  switch (event.type) {
    case 'inventory.overcommitted':
      return overcommitted(event);
    case 'inventory.rejected':
      return rejected(event);
    default:
      return ofHold(event);
  }
}

/** Written out: a spread into a literal of this size costs ten times as much. */
function ofHold(event: HoldEvent): InventoryEventRecord {
  const { type, lockId, version } = event;
  return {
    type,
    eventId: uuidV5(namespace, `${lockId}|${version}|${type}`),
    occurredAt: event.decidedAtMs,
    tenantId: event.tenantId,
    lockId,
    reservationId: event.reservationId ?? null,
    roomTypeId: event.roomTypeId,
    roomId: event.roomId ?? null,
    propertyId: event.propertyId ?? null,
    stayStart: event.stayStartMs,
    stayEnd: event.stayEndMs,
    status: event.status,
    expiresAt: event.expiresAtMs ?? null,
    releasedAt: type === 'inventory.released' ? event.releasedAtMs : null,
    releaseReason: type === 'inventory.locked' ? null : event.releaseReason,
    releasedBy: type === 'inventory.release_requested' ? event.releaseActor : null,
    reason: event.reason,
    actor: event.actor,
    correlationId: event.correlationId ?? null,
    commandId: event.commandId ?? null,
    version,
    slot: event.slot,
    iteration: event.iteration,
    nights: event.nights.map((date, index) => ({
      date,
      capacity: event.capacity[index] ?? null,
      held: null,
    })),
    confirmedStay: type === 'inventory.locked' ? confirmedStayOf(event.confirmedStay) : null,
  };
}

function confirmedStayOf(
  stay: (HoldEvent & { readonly type: 'inventory.locked' })['confirmedStay'],
): InventoryEventRecord['confirmedStay'] {
  if (stay === undefined) return null;
  const { roomId = null, stayStartMs: stayStart, stayEndMs: stayEnd, nights } = stay;
  return { roomId, stayStart, stayEnd, nights };
}

function overcommitted(event: InventoryOvercommitted): InventoryEventRecord {
  const { type, tenantId, roomTypeId, propertyId, decidedAtMs, version, hold } = event;
  const name = `${tenantId}|${roomTypeId}|${version}|${decidedAtMs}|${type}`;
  return {
    ...{ type, tenantId, roomTypeId, propertyId, version },
    eventId: uuidV5(namespace, name),
    occurredAt: decidedAtMs,
    ...nothingHeld,
    lockId: hold?.lockId ?? null,
    reservationId: hold?.reservationId ?? null,
    roomId: hold?.roomId ?? null,
    nights: event.nights.map(({ night: date, capacity, held }) => ({ date, capacity, held })),
  };
}

function rejected(event: InventoryRejected): InventoryEventRecord {
  const { type, tenantId, roomTypeId, decidedAtMs, version, commandId, actor, reason } = event;
  return {
    ...{ type, tenantId, roomTypeId, version },
    eventId: uuidV5(namespace, `${tenantId}|${roomTypeId}|${commandId}|${type}`),
    occurredAt: decidedAtMs,
    ...nothingHeld,
    propertyId: event.propertyId ?? null,
    roomId: event.roomId ?? null,
    reservationId: event.reservationId ?? null,
    correlationId: event.correlationId ?? null,
    ...{ commandId, actor, reason },
    nights: event.nights.map((date) => ({ date, capacity: null, held: null })),
  };
}

/** The fields of a hold, in an event that is of none. */
const nothingHeld = {
  ...{ lockId: null, reservationId: null, roomId: null, slot: null, iteration: null },
  ...{ stayStart: null, stayEnd: null, status: null, reason: null, actor: null },
  ...{ expiresAt: null, releasedAt: null, releaseReason: null, releasedBy: null },
  ...{ correlationId: null, commandId: null, confirmedStay: null },
} as const;
