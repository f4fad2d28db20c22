import { describe, expect, test } from '@jest/globals';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import { LockVerifier } from '../../tools/verify/lock-verifier.ts';
import type { InventoryEvent } from '../../topology/guard/inventory-event.ts';
import { inventoryEventOf } from '../../topology/guard/inventory-event-codec.ts';

const key = 'tenant|type';
const write = avroWriter(contractSchema('inventory.events'), 1);

function locked(lockId: string, version: number, roomId?: string): Buffer {
  return bytes({
    ...hold(lockId, version, roomId),
    type: 'inventory.locked',
    confirmedStay: undefined,
  });
}

function released(lockId: string, version: number): Buffer {
  const end = { releasedAtMs: 700, releaseReason: 'EXPIRED' };
  return bytes({ ...hold(lockId, version), type: 'inventory.released', ...end });
}

function hold(lockId: string, version: number, roomId?: string) {
  return {
    ...{ lockId, tenantId: 'tenant', roomTypeId: 'type', roomId, version, slot: lockId },
    ...{
      reservationId: undefined,
      propertyId: undefined,
      iteration: 0,
      status: 'TENTATIVE' as const,
    },
    ...{ stayStartMs: 0, stayEndMs: 1_000, nights: ['2026-05-01'], capacity: [1] },
    ...{ expiresAtMs: 500, reason: 'r', actor: 'a', correlationId: undefined, decidedAtMs: 1 },
    commandId: undefined,
  } as const;
}

function bytes(event: InventoryEvent): Buffer {
  return write(inventoryEventOf(event));
}

function verified(events: readonly Buffer[], capacity = 10): LockVerifier {
  const verifier = new LockVerifier(new Map([[key, capacity]]));
  for (const event of events) verifier.add(event);
  return verifier;
}

describe('the lock verifier', () => {
  test('finds nothing in a history that is right, and how late holds expired', () => {
    const verifier = verified(
      [locked('a', 1, 'room'), released('a', 2), locked('b', 3, 'room')],
      1,
    );
    verifier.check([
      { key: 'order', lockId: 'a', version: 1 },
      { key: 'order 2', lockId: 'b', version: 3 },
    ]);

    expect(verifier.violations).toEqual([]);
    expect(verifier.liveCount(key)).toBe(1);
    expect(verifier.expiryDelaysMs).toEqual([200]);
  });

  test.each([
    ['V1: b and a have room', [locked('a', 1, 'room'), locked('b', 2, 'room')]],
    ['V1: 2 holds', [locked('a', 1), locked('b', 2)]],
    ['V1: a was released and is not held', [released('a', 1)]],
    ['V4', [locked('a', 2), released('a', 2)]],
  ])('finds %s', (message, events) => {
    expect(verified(events, 1).violations.some((found) => found.includes(message))).toBe(true);
  });

  test('knows a repeat that was told of an end, if there was one', () => {
    const verifier = verified([locked('a', 1), released('a', 2), locked('b', 3)]);
    verifier.check([
      { key: 'order', lockId: 'a', version: 2, hasEnded: true },
      { key: 'order 2', lockId: 'b', version: 3, hasEnded: true },
    ]);

    expect(verifier.violations).toEqual([
      'V2: order 2 was answered an end of b at 3, which is not in the log',
    ]);
  });

  test('finds a hold that was answered RELEASED and is held', () => {
    const verifier = verified([locked('a', 1), locked('b', 2), released('a', 3)]);
    verifier.checkReleases(['a', 'b']);

    expect(verifier.violations).toEqual(['V2: b was answered RELEASED, and is held']);
  });

  test('finds an answer that is not in the log, and a key that means two holds', () => {
    const verifier = verified([locked('a', 1), locked('b', 2)]);
    verifier.check([
      { key: 'order', lockId: 'a', version: 1 },
      { key: 'order', lockId: 'b', version: 2 },
      { key: 'lost', lockId: 'c', version: 3 },
    ]);

    expect(verifier.violations).toHaveLength(2);
    expect(verifier.violations[0]).toContain('V5');
    expect(verifier.violations[1]).toContain('V2');
  });
});
