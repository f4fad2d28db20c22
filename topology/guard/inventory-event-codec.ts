/** An event of the guard as the value of `inventory.events`: the contract `schemas/guard/inventory-event.avsc`. */
import type { InventoryEvent as InventoryEventRecord } from '../../schemas/generated/inventory-event.ts';
import type { InventoryEvent, NightCount } from './inventory-event.ts';
import type { Lock } from './lock.ts';

type HoldFields = Omit<
  InventoryEventRecord,
  'type' | 'eventId' | 'occurredAt' | 'releasedBy' | 'nights'
>;

/** The record the contract describes. */
export function inventoryEventOf(event: InventoryEvent): InventoryEventRecord {
  const { type, eventId, occurredAtMs } = event;
  const head = { type, eventId, occurredAt: occurredAtMs };
  switch (event.type) {
    case 'inventory.locked':
      return {
        ...head,
        ...fieldsOf(event.lock),
        releasedBy: null,
        nights: event.nights.map(nightOf),
      };
    case 'inventory.release_requested':
      return {
        ...head,
        ...fieldsOf(event.lock),
        releaseReason: event.releaseReason,
        releasedBy: event.releasedBy,
        correlationId: event.correlationId ?? null,
        nights: [],
      };
    case 'inventory.released':
      return {
        ...head,
        ...fieldsOf(event.lock),
        releasedBy: event.releasedBy,
        correlationId: event.correlationId ?? null,
        nights: event.nights.map(nightOf),
      };
    case 'inventory.overcommitted': {
      const { tenantId, roomTypeId, propertyId, version, lock } = event;
      return {
        ...head,
        ...(lock === undefined ? noHold : fieldsOf(lock)),
        ...{ tenantId, roomTypeId, version, propertyId: propertyId ?? null },
        releasedBy: null,
        nights: event.nights.map(nightOf),
      };
    }
  }
}

function fieldsOf(lock: Lock): HoldFields {
  const { lockId, tenantId, roomTypeId, slot, iteration, status, reason, actor } = lock;
  return {
    ...{ lockId, tenantId, roomTypeId, slot, iteration, status, reason, actor },
    metadata: lock.metadata,
    version: lock.version,
    reservationId: lock.reservationId ?? null,
    roomId: lock.roomId ?? null,
    propertyId: lock.propertyId ?? null,
    stayStart: lock.stayStartMs,
    stayEnd: lock.stayEndMs,
    grantedAt: lock.grantedAtMs,
    expiresAt: lock.expiresAtMs ?? null,
    releasedAt: lock.releasedAtMs ?? null,
    releaseReason: lock.releaseReason ?? null,
    correlationId: lock.correlationId ?? null,
  };
}

const noHold = {
  ...{ lockId: null, reservationId: null, roomId: null, slot: null, iteration: null },
  ...{ stayStart: null, stayEnd: null, status: null, reason: null, actor: null, metadata: {} },
  ...{ grantedAt: null, expiresAt: null, releasedAt: null, releaseReason: null },
  correlationId: null,
} as const;

function nightOf({ date, capacity, held }: NightCount): InventoryEventRecord['nights'][number] {
  return { date, capacity: capacity ?? null, held };
}
