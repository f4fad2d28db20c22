import { describe, expect, test } from '@jest/globals';
import { isUuid } from '../../../kernel/uuid.ts';
import { avroReader, avroWriter } from '../../../schemas/avro-codec.ts';
import { contractSchema } from '../../../schemas/contracts.ts';
import type { InventoryEvent as InventoryEventRecord } from '../../../schemas/generated/inventory-event.ts';
import { wireHeaderBytes } from '../../../schemas/wire-format.ts';
import type { InventoryEvent } from '../../../topology/guard/inventory-event.ts';
import { inventoryEventOf } from '../../../topology/guard/inventory-event-codec.ts';

const held = {
  lockId: '1c000000-0000-8000-8000-000000000001',
  tenantId: 'tenant-1',
  reservationId: undefined,
  roomTypeId: 'type-1',
  roomId: 'room-1',
  propertyId: undefined,
  ...{ slot: 'order:5', iteration: 2, stayStartMs: 10_000, stayEndMs: 20_000 },
  ...{ nights: ['2026-05-10', '2026-05-11'], capacity: [40, null] },
  status: 'TENTATIVE',
  ...{ expiresAtMs: 8_000, reason: 'HOLD', actor: 'api', correlationId: 'c-lock' },
  ...{ version: 2 ** 53 - 1, decidedAtMs: 1_000, commandId: undefined },
} as const;
const written = {
  lockId: held.lockId,
  ...{ tenantId: 'tenant-1', reservationId: null, roomTypeId: 'type-1', roomId: 'room-1' },
  ...{ propertyId: null, slot: 'order:5', iteration: 2, stayStart: 10_000, stayEnd: 20_000 },
  ...{ expiresAt: 8_000, reason: 'HOLD', actor: 'api', correlationId: 'c-lock' },
  ...{ version: 2 ** 53 - 1, occurredAt: 1_000 },
  nights: [
    { date: '2026-05-10', capacity: 40, held: null },
    { date: '2026-05-11', capacity: null, held: null },
  ],
};

/** Through the bytes of the contract and back. */
function throughAvro(event: InventoryEvent): InventoryEventRecord {
  const schema = contractSchema('inventory.events');
  const bytes = avroWriter(schema, 1)(inventoryEventOf(event));
  const read = avroReader(schema)(bytes.subarray(wireHeaderBytes));
  return JSON.parse(JSON.stringify(read)) as InventoryEventRecord;
}

describe('an inventory event in Avro', () => {
  test('inventory.locked has the hold, what it was decided against, and the stay it changes', () => {
    const stay = { roomId: undefined, stayStartMs: 1, stayEndMs: 2, nights: ['2026-05-09'] };

    expect(throughAvro({ ...held, type: 'inventory.locked', confirmedStay: stay })).toMatchObject({
      ...written,
      ...{ type: 'inventory.locked', status: 'TENTATIVE', releasedAt: null, releaseReason: null },
      confirmedStay: { roomId: null, stayStart: 1, stayEnd: 2, nights: ['2026-05-09'] },
    });
  });

  test('inventory.release_requested has the hold as it was and who asks why', () => {
    const asked = { releaseReason: 'GUEST_CANCELLED', releaseActor: 'desk' };

    expect(throughAvro({ ...held, type: 'inventory.release_requested', ...asked })).toMatchObject({
      ...written,
      ...{ type: 'inventory.release_requested', status: 'TENTATIVE', releasedAt: null },
      ...{ releaseReason: 'GUEST_CANCELLED', releasedBy: 'desk', confirmedStay: null },
    });
  });

  test('inventory.released has the hold as it ended', () => {
    const end = { status: 'EXPIRED', releasedAtMs: 2_000, releaseReason: 'EXPIRED' } as const;

    expect(throughAvro({ ...held, type: 'inventory.released', ...end })).toMatchObject({
      ...written,
      ...{ type: 'inventory.released', status: 'EXPIRED', releasedAt: 2_000 },
      ...{ releaseReason: 'EXPIRED', releasedBy: null },
    });
  });

  test('inventory.overcommitted names its nights, and no hold', () => {
    const type = { tenantId: 'tenant-1', roomTypeId: 'type-1', propertyId: 'property-1' };
    const nights = [{ night: '2026-05-10', capacity: 1, held: 2 }];

    expect(
      throughAvro({
        ...{ type: 'inventory.overcommitted', ...type, nights, version: 19, decidedAtMs: 1_000 },
        hold: undefined,
      }),
    ).toMatchObject({
      ...{ type: 'inventory.overcommitted', ...type, version: 19, lockId: null },
      nights: [{ date: '2026-05-10', capacity: 1, held: 2 }],
    });
  });

  test('an event id is the same when the same decision is made again, and no other event has it', () => {
    const locked: InventoryEvent = { ...held, type: 'inventory.locked', confirmedStay: undefined };
    const id = inventoryEventOf(locked).eventId;

    expect(isUuid(id)).toBe(true);
    expect(inventoryEventOf({ ...locked }).eventId).toBe(id);
    expect(inventoryEventOf({ ...locked, version: 3 }).eventId).not.toBe(id);
  });
});
