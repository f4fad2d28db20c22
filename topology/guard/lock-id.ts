/**
 * Lock ids: UUIDs of version 8 that are made, not drawn, so that deciding again gives the same ids.
 * Their first four bytes are the murmur2 hash of the partition key: an id leads to its partition
 * whatever the number of partitions is.
 *
 *   bytes 0–3    murmur2 of the partition key, big-endian
 *   bytes 4–15   SHA-256 of tenant, slot, generation and partition key, with version and variant set
 */
import { hash } from 'node:crypto';
import { murmur2 } from '../../kernel/murmur2.ts';
import { formatUuid, isUuid } from '../../kernel/uuid.ts';

/** Everything that can conflict has the same one. Ids that hold a `|` are refused before. */
export function partitionKeyOf({ tenantId, roomTypeId }: TenantType): string {
  return `${tenantId}|${roomTypeId}`;
}

interface TenantType {
  readonly tenantId: string;
  readonly roomTypeId: string;
}

export interface LockIdSource extends TenantType {
  readonly slot: string;
  /** Counts the holds that one slot had, from 1. */
  readonly generation: number;
}

export function lockIdOf({ tenantId, roomTypeId, slot, generation }: LockIdSource): string {
  const partitionKey = partitionKeyOf({ tenantId, roomTypeId });
  const name = JSON.stringify([tenantId, slot, generation, partitionKey]);
  const bytes = hash('sha256', name, 'buffer').subarray(0, 16);
  bytes.writeInt32BE(murmur2(Buffer.from(partitionKey)), 0);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return formatUuid(bytes);
}

/** The murmur2 hash of the partition key of a lock id; undefined for text that is no lock id. */
export function keyHashOf(lockId: string): number | undefined {
  if (!isUuid(lockId) || lockId[14] !== '8') return undefined;
  return Number.parseInt(lockId.slice(0, 8), 16) | 0;
}

/** The partition that a lock id belongs to, as Kafka's partitioner would choose for its key. */
export function partitionOfLock(lockId: string, partitionCount: number): number | undefined {
  const keyHash = keyHashOf(lockId);
  return keyHash === undefined ? undefined : (keyHash & 0x7fffffff) % partitionCount;
}
