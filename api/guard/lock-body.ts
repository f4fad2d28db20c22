/**
 * What the guard answers, as JSON: the one shape that HTTP sends, the CLI prints and gRPC carries field
 * by field (`proto/availabilityguard/v1`). Instants are ISO 8601 in UTC; what is not there is null.
 */
import { z } from 'zod';
import type { Conflict, Refusal } from '../../topology/guard/answer.ts';
import type { Lock } from '../../topology/guard/lock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import {
  missingPartitionBodyOf,
  missingPartitionExample,
  missingPartitionShape,
  missingToldOf,
  missingWhenPartial,
} from '../missing-partitions.ts';
import { fieldError } from '../request-fields.ts';
import { undoneOf } from './bulk-release.ts';
import type { BulkReleased, LocksPage, NightAvailability, NightsQuery } from './guard-calls.ts';

const instant = z.iso.datetime();
const date = z.iso.date();

const lockShape = z.object({
  lockId: z.string(),
  tenantId: z.string(),
  reservationId: z.string().nullable(),
  roomTypeId: z.string(),
  roomId: z.string().nullable().describe('null: any room of the type'),
  propertyId: z.string().nullable(),
  slot: z.string().describe('what the tenant calls this hold by'),
  iteration: z.int().describe('orders the changes of a slot'),
  stayStart: instant,
  stayEnd: instant.describe('not included'),
  nights: z.array(date).describe('property-local dates it counts on'),
  status: z
    .enum(['TENTATIVE', 'CONFIRMED', 'RELEASED', 'EXPIRED'])
    .describe('TENTATIVE and CONFIRMED hold'),
  reason: z.string(),
  actor: z.string(),
  correlationId: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  grantedAt: instant,
  expiresAt: instant.nullable().describe('null: it does not expire'),
  releasedAt: instant.nullable(),
  releaseReason: z.string().nullable(),
  version: z.int().describe('fencing token: grows with every decision'),
});
export type LockBody = z.output<typeof lockShape>;

const lockExample: LockBody = {
  lockId: '1c000000-0000-8000-8000-000000000001',
  tenantId: '7e000000-0000-4000-8000-000000000001',
  reservationId: '5e000000-0000-4000-8000-000000000001',
  roomTypeId: '4e000000-0000-4000-8000-000000000001',
  roomId: null,
  propertyId: '9e000000-0000-4000-8000-000000000001',
  slot: '5e000000-0000-4000-8000-000000000001',
  iteration: 0,
  stayStart: '2026-05-10T12:00:00.000Z',
  stayEnd: '2026-05-12T08:00:00.000Z',
  nights: ['2026-05-10', '2026-05-11'],
  status: 'TENTATIVE',
  reason: 'HOLD',
  actor: 'api',
  correlationId: 'c0000000-0000-4000-8000-000000000001',
  metadata: {},
  grantedAt: '2026-04-01T09:30:00.120Z',
  expiresAt: '2026-04-01T09:45:00.120Z',
  releasedAt: null,
  releaseReason: null,
  version: 17,
};
export const lockBody = lockShape.meta({ examples: [lockExample] });

const releasedExample: LockBody = {
  ...lockExample,
  status: 'RELEASED',
  releasedAt: '2026-04-01T09:40:00.000Z',
  releaseReason: 'GUEST_CANCELLED',
  version: 18,
};

const conflictShape = z.object({
  reason: z.enum([
    'ROOM_HELD',
    'TYPE_FULL',
    'ROOM_OUT_OF_ORDER',
    'ROOM_BLOCKED',
    'CAPACITY_UNKNOWN',
  ]),
  blockingLock: lockShape.nullable().describe("one of the holds in the way, the caller's own"),
  nights: z.array(date).describe('the nights that do not fit, at most 31'),
});
export type ConflictBody = z.output<typeof conflictShape>;

export const lockedBody = z
  .object({
    status: z.literal('LOCKED'),
    lock: lockShape.describe('as it is now: for a repeat it may have ended since'),
    isRepeat: z.boolean().describe('true: the answer to a repeat; nothing was changed'),
  })
  .meta({ examples: [{ status: 'LOCKED', lock: lockExample, isRepeat: false }] });
export const refusedBody = z
  .object({ status: z.literal('CONFLICT'), conflict: conflictShape })
  .meta({
    examples: [
      {
        status: 'CONFLICT',
        conflict: { reason: 'TYPE_FULL', blockingLock: null, nights: ['2026-05-10'] },
      },
    ],
  });
export type LockRoomBody = z.output<typeof lockedBody> | z.output<typeof refusedBody>;

export const releasedBody = z
  .object({
    status: z.literal('RELEASED'),
    lock: lockShape,
    isRepeat: z.boolean().describe('true: it had ended before; nothing was changed'),
  })
  .meta({ examples: [{ status: 'RELEASED', lock: releasedExample, isRepeat: false }] });
export type ReleasedBody = z.output<typeof releasedBody>;

const resultShape = z.object({
  lockId: z.string(),
  outcome: z
    .enum(['RELEASED', 'ALREADY_ENDED', 'NOT_FOUND', 'UNKNOWN', 'NOT_DONE'])
    .describe('of a missing partition: UNKNOWN, it may have been done, or NOT_DONE'),
  lock: lockShape.nullable(),
});
const undonePartitionShape = missingPartitionShape.extend({
  outcome: z
    .enum(['UNKNOWN', 'NOT_DONE'])
    .describe('UNKNOWN: it may have been done there; the same request again finds out'),
});
export const bulkReleasedBody = z
  .object({
    status: z.enum(['DONE', 'INCOMPLETE']),
    complete: z
      .boolean()
      .describe('false: of some partitions it is not known, or not so, that they did their part'),
    released: z.int().describe('how many results are RELEASED'),
    results: z
      .array(resultShape)
      .describe('one for each id, in its order; else one for each hold found'),
    missingPartitions: z
      .array(undonePartitionShape)
      .describe('those that did not answer; empty when complete'),
  })
  .meta({
    examples: [
      {
        ...{ status: 'DONE', complete: true, released: 1 },
        results: [{ lockId: lockExample.lockId, outcome: 'RELEASED', lock: releasedExample }],
        missingPartitions: [],
      },
      {
        ...{ status: 'INCOMPLETE', complete: false, released: 0 },
        results: [{ lockId: lockExample.lockId, outcome: 'NOT_DONE', lock: null }],
        missingPartitions: [{ ...missingPartitionExample, outcome: 'NOT_DONE' }],
      },
    ],
  });
export type BulkReleasedBody = z.output<typeof bulkReleasedBody>;

export const locksBody = z
  .object({
    locks: z.array(lockShape),
    nextCursor: z.string().nullable().describe('null: this was the last page'),
    missingPartitions: missingWhenPartial,
  })
  .meta({
    examples: [
      { locks: [lockExample], nextCursor: null },
      { locks: [], nextCursor: null, missingPartitions: [missingPartitionExample] },
    ],
  });
export type LocksBody = z.output<typeof locksBody>;

const nightShape = z.object({
  date,
  capacity: z.int().nullable().describe('rooms that can be sold; null: unknown (yet)'),
  held: z.int().describe('live holds of the type, with a room or without'),
  free: z.int().nullable().describe('never below 0; null: capacity unknown'),
});
export const availabilityBody = z
  .object({
    tenantId: z.string(),
    roomTypeId: z.string(),
    from: date,
    to: date,
    nights: z.array(nightShape),
  })
  .meta({
    examples: [
      {
        ...{ tenantId: lockExample.tenantId, roomTypeId: lockExample.roomTypeId },
        ...{ from: '2026-05-10', to: '2026-05-11' },
        nights: [{ date: '2026-05-10', capacity: 40, held: 38, free: 2 }],
      },
    ],
  });
export type AvailabilityBody = z.output<typeof availabilityBody>;

/** Written out: a spread into a literal of this size costs ten times as much. */
export function lockBodyOf(lock: Lock): LockBody {
  return {
    lockId: lock.lockId,
    tenantId: lock.tenantId,
    reservationId: lock.reservationId ?? null,
    roomTypeId: lock.roomTypeId,
    roomId: lock.roomId ?? null,
    propertyId: lock.propertyId ?? null,
    slot: lock.slot,
    iteration: lock.iteration,
    stayStart: isoOf(lock.stayStartMs),
    stayEnd: isoOf(lock.stayEndMs),
    nights: [...lock.nights],
    status: lock.status,
    reason: lock.reason,
    actor: lock.actor,
    correlationId: lock.correlationId ?? null,
    metadata: lock.metadata,
    grantedAt: isoOf(lock.grantedAtMs),
    expiresAt: isoOrNull(lock.expiresAtMs),
    releasedAt: isoOrNull(lock.releasedAtMs),
    releaseReason: lock.releaseReason ?? null,
    version: lock.version,
  };
}

export function conflictBodyOf({ reason, blockingLock, nights }: Conflict): ConflictBody {
  const blocking = blockingLock === undefined ? null : lockBodyOf(blockingLock);
  return { reason, blockingLock: blocking, nights: [...nights] };
}

export function bulkReleasedBodyOf({ results, missing }: BulkReleased): BulkReleasedBody {
  const complete = missing.length === 0;
  return {
    status: complete ? 'DONE' : 'INCOMPLETE',
    complete,
    released: results.filter(({ outcome }) => outcome === 'RELEASED').length,
    results: results.map(({ lockId, outcome, lock }) => ({
      lockId,
      outcome,
      lock: lock === undefined ? null : lockBodyOf(lock),
    })),
    missingPartitions: missing.map((each) => ({
      ...missingPartitionBodyOf(each),
      outcome: undoneOf(each.error),
    })),
  };
}

/** @throws NOT_READY when partitions are missing and the page may not be partial. */
export function locksBodyOf(
  { locks, nextCursor, missing }: LocksPage,
  isPartial: boolean,
): LocksBody {
  const told = missingToldOf(missing, isPartial);
  return { locks: locks.map(lockBodyOf), nextCursor: nextCursor ?? null, ...told };
}

export function availabilityBodyOf(
  query: NightsQuery,
  nights: readonly NightAvailability[],
): AvailabilityBody {
  return {
    ...query,
    nights: nights.map(({ date: night, capacity, held }) => ({
      ...{ date: night, capacity: capacity ?? null, held },
      free: capacity === undefined ? null : Math.max(0, capacity - held),
    })),
  };
}

/** A refusal as the error that both fronts tell. */
export function refusalError({ code, field, message }: Refusal): RollguardError {
  if (field === undefined) return new RollguardError(code, message);
  const { message: named, context } = fieldError({ field, message });
  return new RollguardError(code, named, { context });
}

/** The last texts given: stays begin and end at a few instants, and calls come together. */
const isoTexts = new Map<number, string>();
const isoTextsMax = 4_096;

function isoOf(ms: number): string {
  const known = isoTexts.get(ms);
  if (known !== undefined) return known;
  const text = new Date(ms).toISOString();
  if (isoTexts.size >= isoTextsMax) isoTexts.clear();
  isoTexts.set(ms, text);
  return text;
}

function isoOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : isoOf(ms);
}
