/**
 * The guard's log of decisions as `inventory_lock_audits`: one row for each change of a hold, the same
 * records as the guard's own audit has, since they are made of the decision alone. They stay when the
 * guard forgets the hold.
 */
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import { auditOf, type AuditRecord } from '../topology/guard/audit.ts';
import { readDecisionLine } from '../topology/guard/decision-log.ts';
import { millisField, nullable, textField, uuidField } from './event-fields.ts';
import type { Applied, Projection } from './projection.ts';
import { insertNewInto } from './set-based.ts';

type AuditRow = Readonly<
  Record<
    'id' | 'lockId' | 'tenantId' | 'action' | 'byId' | 'byName' | 'metadata' | 'createdAt',
    string
  > &
    Record<'byEmail' | 'reason', string | null>
>;

const table = 'inventory_lock_audits';
const insert = insertNewInto<AuditRow>({
  table,
  key: ['id'],
  columns: [
    { name: 'id', type: 'uuid', of: (row) => row.id },
    { name: 'lock_id', type: 'uuid', of: (row) => row.lockId },
    { name: 'tenant_id', type: 'uuid', of: (row) => row.tenantId },
    { name: 'action', type: 'text', of: (row) => row.action },
    { name: 'performed_by_id', type: 'text', of: (row) => row.byId },
    { name: 'performed_by_name', type: 'text', of: (row) => row.byName },
    { name: 'performed_by_email', type: 'text', of: (row) => row.byEmail },
    { name: 'reason', type: 'text', of: (row) => row.reason },
    { name: 'metadata', type: 'jsonb', of: (row) => row.metadata },
    { name: 'created_at', type: 'timestamptz', of: (row) => row.createdAt },
  ],
});

/** @param topic of the decisions. */
export function auditProjection(topic: string): Projection<readonly AuditRow[]> {
  return {
    topic,
    read: ({ value }) => (value === null ? undefined : rowsOf(value)),
    nameOf: (rows, { timestampMs }) => ({ eventId: rows.at(-1)?.id, createdAtMs: timestampMs }),
    write: async (database, decisions): Promise<Applied> => {
      const rows = new Map(decisions.flat().map((row) => [row.id, row]));
      const count = await insert(database, [...rows.values()]);
      return { rows: [{ table, operation: 'upsert', count }] };
    },
  };
}

/** Undefined: no hold was changed. */
function rowsOf(line: Buffer): readonly AuditRow[] | undefined {
  try {
    const records = auditOf(readDecisionLine(line));
    return records.length === 0 ? undefined : records.map(rowOf);
  } catch (error) {
    if (isRollguardError(error)) throw error;
    throw new RollguardError('DECODE_FAILED', 'this is no line of the log of decisions', {
      cause: error,
    });
  }
}

function rowOf(record: AuditRecord): AuditRow {
  const { actor, version, correlationId, reservationId } = record;
  const text = nullable(textField);
  const { tokenId } = actor;
  return {
    id: uuidField('auditId', record.auditId),
    lockId: uuidField('lockId', record.lockId),
    tenantId: uuidField('tenantId', record.tenantId),
    action: textField('action', record.action, 100),
    byId: textField('actor.id', actor.id),
    byName: textField('actor.name', actor.name ?? actor.id),
    byEmail: text('actor.email', actor.email),
    reason: text('reason', record.reason),
    metadata: JSON.stringify({ version, correlationId, reservationId, tokenId }),
    createdAt: millisField('atMs', record.atMs),
  };
}
