/** An event of the guard as the value of `inventory.events`: the contract `schemas/guard/inventory-event.avsc`. */
import { uuidV5 } from '../../kernel/uuid.ts';
import type { InventoryEvent as InventoryEventRecord } from '../../schemas/generated/inventory-event.ts';
import type { InventoryEvent, InventoryOvercommitted } from './inventory-event.ts';

/** Namespace of event ids, drawn once: the same decision gives the same ids for ever. */
const namespace = '5f0d6f2e-6a43-4f0e-9a5e-6c1b4d9f7a21';

type HoldEvent = Exclude<InventoryEvent, InventoryOvercommitted>;

/** The record the contract describes. */
export function inventoryEventOf(event: InventoryEvent): InventoryEventRecord {
  return event.type === 'inventory.overcommitted' ? overcommitted(event) : ofHold(event);
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
  const { type, tenantId, roomTypeId, propertyId, decidedAtMs, version } = event;
  const name = `${tenantId}|${roomTypeId}|${version}|${decidedAtMs}|${type}`;
  return {
    ...{ type, tenantId, roomTypeId, propertyId, version },
    eventId: uuidV5(namespace, name),
    occurredAt: decidedAtMs,
    ...{ lockId: null, reservationId: null, roomId: null, slot: null, iteration: null },
    ...{ stayStart: null, stayEnd: null, status: null, reason: null, actor: null },
    ...{ expiresAt: null, releasedAt: null, releaseReason: null, releasedBy: null },
    ...{ correlationId: null, confirmedStay: null },
    nights: event.nights.map(({ night: date, capacity, held }) => ({ date, capacity, held })),
  };
}
