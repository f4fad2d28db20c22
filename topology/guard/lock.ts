/** A hold on a room, or on a room of a type, for a stay. */

/** TENTATIVE holds expire; CONFIRMED ones stay until the stay ends or somebody releases them. */
export type LockStatus = 'TENTATIVE' | 'CONFIRMED' | 'RELEASED' | 'EXPIRED';

export interface Lock {
  /** UUIDv8 made of the slot, its generation and the partition key's murmur2 hash. */
  readonly lockId: string;
  readonly tenantId: string;
  readonly reservationId: string | undefined;
  readonly roomTypeId: string;
  /** Undefined: any room of the type. */
  readonly roomId: string | undefined;
  /** Undefined when neither the request nor the captured rooms name it. */
  readonly propertyId: string | undefined;
  /** What the request calls its hold by; within the tenant. */
  readonly slot: string;
  /** Orders the changes of a slot; 0 for the first and for keys that carry none. */
  readonly iteration: number;
  /** Half-open: stayStartMs ≤ t < stayEndMs, milliseconds since 1970. */
  readonly stayStartMs: number;
  readonly stayEndMs: number;
  /** Property-local dates it counts on, `YYYY-MM-DD`, in order; at least one. */
  readonly nights: readonly string[];
  readonly status: LockStatus;
  readonly reason: string;
  readonly actor: string;
  readonly correlationId: string | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly grantedAtMs: number;
  /** Undefined: it does not expire. */
  readonly expiresAtMs: number | undefined;
  readonly releasedAtMs: number | undefined;
  readonly releaseReason: string | undefined;
  /** Fencing token: grows with every decision of the partition key. */
  readonly version: number;
}

/** True for a hold that counts. */
export function isLive({ status }: Pick<Lock, 'status'>): boolean {
  return status === 'TENTATIVE' || status === 'CONFIRMED';
}
