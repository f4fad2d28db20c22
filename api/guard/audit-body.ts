/** What is answered about the audit and to a release by hand, as JSON. */
import { z } from 'zod';
import type { AuditRecord } from '../../topology/guard/audit.ts';
import { missingWhenPartial } from '../missing-partitions.ts';

const recordShape = z.object({
  auditId: z.string(),
  lockId: z.string(),
  tenantId: z.string(),
  version: z.int().describe('that the change gave the lock'),
  action: z
    .enum([
      ...(['CREATED', 'CHANGED', 'CONFIRMED', 'RETURNED'] as const),
      ...(['RELEASED', 'BULK_RELEASE', 'MANUAL_RELEASE', 'EXPIRED'] as const),
    ])
    .describe('RETURNED: a change was not confirmed in time; the confirmed stay is held again'),
  actor: z.object({
    id: z.string(),
    name: z.string().nullable(),
    email: z.string().nullable(),
    tokenId: z.string().nullable().describe('of the admin token that was shown'),
  }),
  reason: z.string(),
  correlationId: z.string().nullable(),
  reservationId: z.string().nullable(),
  at: z.iso.datetime(),
});
type AuditRecordBody = z.output<typeof recordShape>;

const example: AuditRecordBody = {
  auditId: '0a000000-0000-5000-8000-000000000001',
  lockId: '1c000000-0000-8000-8000-000000000001',
  tenantId: '7e000000-0000-4000-8000-000000000001',
  version: 18,
  action: 'MANUAL_RELEASE',
  actor: {
    ...{ id: 'u-17', name: 'Maija Meikäläinen', email: 'maija@hotel.example' },
    tokenId: 'night-desk',
  },
  reason: 'guest moved to another hotel',
  correlationId: 'c0000000-0000-4000-8000-000000000001',
  reservationId: '5e000000-0000-4000-8000-000000000001',
  at: '2026-04-01T09:40:00.000Z',
};

export const auditBody = z
  .object({ records: z.array(recordShape).describe('newest first') })
  .meta({ examples: [{ records: [example] }] });
export type AuditBody = z.output<typeof auditBody>;
export const auditSearchBody = z
  .object({ ...auditBody.shape, missingPartitions: missingWhenPartial })
  .meta({ examples: [{ records: [example] }] });
export type AuditSearchBody = z.output<typeof auditSearchBody>;

export const manualReleasedBody = z
  .object({
    status: z.literal('RELEASED'),
    lockId: z.string(),
    auditId: z.string().describe("of the lock's end; of the earlier one when it had ended before"),
  })
  .meta({
    examples: [{ status: 'RELEASED', lockId: example.lockId, auditId: example.auditId }],
  });
export type ManualReleasedBody = z.output<typeof manualReleasedBody>;

export function auditBodyOf(records: readonly AuditRecord[]): AuditBody {
  return { records: records.map(recordBodyOf) };
}

function recordBodyOf(record: AuditRecord): AuditRecordBody {
  const { auditId, lockId, tenantId, version, action, actor, reason, atMs } = record;
  const { id, name = null, email = null, tokenId = null } = actor;
  const { correlationId = null, reservationId = null } = record;
  return {
    ...{ auditId, lockId, tenantId, version, action, actor: { id, name, email, tokenId } },
    ...{ reason, correlationId, reservationId, at: new Date(atMs).toISOString() },
  };
}
