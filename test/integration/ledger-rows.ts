/** Entries written into our own table by one INSERT. */
import type { Database } from '../../database/connection.ts';
import { formatInstantMicros } from '../../topology/calendar/instant.ts';
import { ledgerRowColumns } from '../../topology/roll/entry-fields.ts';
import type { LedgerEntry } from '../../topology/roll/ledger-entry.ts';

const columns = ledgerRowColumns.join(', ');

export async function insertLedgerRows(
  database: Database,
  entries: readonly LedgerEntry[],
): Promise<void> {
  const rows = entries.map((entry) => ({
    ledger_id: entry.ledgerId,
    tenant_id: entry.tenantId,
    reservation_id: entry.reservationId,
    lifecycle_event_id: entry.lifecycleEventId,
    roll_type: entry.rollType,
    roll_date: entry.rollDate,
    occurred_at: formatInstantMicros(entry.occurredMicros),
    source_event_type: entry.sourceEventType,
    event_payload: JSON.parse(entry.eventPayload) as unknown,
    property_id: entry.propertyId,
    business_date: entry.businessDate,
    amount_minor: entry.amountMinor,
    currency: entry.currency,
    revision: entry.revision,
  }));
  await database.query(
    `INSERT INTO roll_service_shadow_ledgers (${columns})
     SELECT ${columns} FROM jsonb_populate_recordset(NULL::roll_service_shadow_ledgers, $1)`,
    [JSON.stringify(rows)],
  );
}
