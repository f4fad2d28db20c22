import { describe, expect, test } from '@jest/globals';
import { avroReader, avroWriter } from '../../../schemas/avro-codec.ts';
import { contractSchema } from '../../../schemas/contracts.ts';
import { wireHeaderBytes } from '../../../schemas/wire-format.ts';
import type { InventoryEvent } from '../../../topology/guard/inventory-event.ts';
import { inventoryEventOf } from '../../../topology/guard/inventory-event-codec.ts';
import type { Lock } from '../../../topology/guard/lock.ts';

const eventId = '0b6f5b5e-6a54-5a35-9d0e-0d3d7a9d0001';
const head = { eventId, occurredAtMs: 1_000 };
const held: Lock = {
  lockId: '1c000000-0000-8000-8000-000000000001',
  tenantId: 'tenant-1',
  reservationId: undefined,
  roomTypeId: 'type-1',
  roomId: 'room-1',
  propertyId: undefined,
  slot: 'order:5',
  iteration: 2,
  stayStartMs: 10_000,
  stayEndMs: 20_000,
  nights: ['2026-05-10'],
  status: 'TENTATIVE',
  reason: 'HOLD',
  actor: 'api',
  correlationId: 'c-lock',
  metadata: { source: 'web' },
  grantedAtMs: 1_000,
  expiresAtMs: 8_000,
  releasedAtMs: undefined,
  releaseReason: undefined,
  version: 2 ** 53 - 1,
};
const ended: Lock = {
  ...held,
  ...{ status: 'RELEASED', releasedAtMs: 2_000, releaseReason: 'GUEST_CANCELLED', version: 18 },
};
const nights = [
  { date: '2026-05-10', capacity: 40, held: 38 },
  { date: '2026-05-11', capacity: undefined, held: 1 },
];
const readNights = [
  { date: '2026-05-10', capacity: 40, held: 38 },
  { date: '2026-05-11', capacity: null, held: 1 },
];
const ofHold = {
  ...{ eventId, occurredAt: 1_000, tenantId: 'tenant-1', roomTypeId: 'type-1' },
  ...{ lockId: held.lockId, reservationId: null, roomId: 'room-1', propertyId: null },
  ...{ slot: 'order:5', iteration: 2, stayStart: 10_000, stayEnd: 20_000, grantedAt: 1_000 },
  ...{ reason: 'HOLD', actor: 'api', metadata: { source: 'web' }, expiresAt: 8_000 },
};
const released = {
  ...ofHold,
  ...{ status: 'RELEASED', version: 18, releasedAt: 2_000, releaseReason: 'GUEST_CANCELLED' },
};

/** Through the bytes of the contract and back. */
function throughAvro(event: InventoryEvent): unknown {
  const schema = contractSchema('inventory.events');
  const bytes = avroWriter(schema, 1)(inventoryEventOf(event));
  return JSON.parse(JSON.stringify(avroReader(schema)(bytes.subarray(wireHeaderBytes))));
}

describe('an inventory event in Avro', () => {
  test('inventory.locked has the hold and what it was decided against', () => {
    expect(throughAvro({ ...head, type: 'inventory.locked', lock: held, nights })).toEqual({
      ...ofHold,
      ...{ type: 'inventory.locked', status: 'TENTATIVE', version: 2 ** 53 - 1 },
      ...{ releasedAt: null, releaseReason: null, releasedBy: null, correlationId: 'c-lock' },
      nights: readNights,
    });
  });

  test('inventory.release_requested has the hold as it was and who asks why', () => {
    const event: InventoryEvent = {
      ...{ ...head, type: 'inventory.release_requested', lock: held },
      ...{ releaseReason: 'GUEST_CANCELLED', releasedBy: 'desk', correlationId: undefined },
    };

    expect(throughAvro(event)).toEqual({
      ...ofHold,
      ...{ type: 'inventory.release_requested', status: 'TENTATIVE', version: 2 ** 53 - 1 },
      ...{ releasedAt: null, releaseReason: 'GUEST_CANCELLED', releasedBy: 'desk' },
      ...{ correlationId: null, nights: [] },
    });
  });

  test('inventory.released has the hold as it ended', () => {
    const event: InventoryEvent = {
      ...{ ...head, type: 'inventory.released', lock: ended, nights },
      ...{ releasedBy: 'desk', correlationId: 'c-release' },
    };

    expect(throughAvro(event)).toEqual({
      ...released,
      ...{ type: 'inventory.released', releasedBy: 'desk', correlationId: 'c-release' },
      nights: readNights,
    });
  });

  test.each([
    ['no hold', undefined, null, null],
    ['the hold that was taken over capacity', held, held.lockId, 'c-lock'],
  ])('inventory.overcommitted names its nights, and %s', (_what, lock, lockId, correlationId) => {
    const type = { tenantId: 'tenant-1', roomTypeId: 'type-1', propertyId: 'property-1' };
    const over = [{ date: '2026-05-10', capacity: 1, held: 2 }];
    const event: InventoryEvent = {
      ...{ ...head, type: 'inventory.overcommitted', ...type, lock, nights: over, version: 19 },
    };

    expect(throughAvro(event)).toMatchObject({
      ...{ type: 'inventory.overcommitted', ...type, version: 19, lockId, correlationId },
      nights: over,
    });
  });
});
