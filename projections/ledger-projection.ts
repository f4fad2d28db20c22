/**
 * `roll.events` as `roll_service_shadow_ledgers`: one row an entry, as its last event says. An event that was
 * told once more (`replay-header.ts`) is compared with its row, and counted.
 */
import type { Database } from '../database/connection.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { Metrics } from '../kernel/metrics.ts';
import type { AvroDecoder } from '../schemas/avro-decoder.ts';
import type { RollEvent } from '../schemas/generated/roll-event.ts';
import { replayIdOf } from '../topology/roll/replay-header.ts';
import { dateField, microsField, textField, uuidField, wholeField } from './event-fields.ts';
import { foldLedger, type EntryEvent, type FoldCounts } from './ledger-fold.ts';
import type { Applied, Projection } from './projection.ts';
import { upsertInto } from './set-based.ts';
import { valueReader } from './value-reader.ts';

/** An event whose fields its columns take. */
interface LedgerRow extends EntryEvent {
  readonly tenantId: string;
  readonly reservationId: string;
  readonly lifecycleEventId: string;
  readonly rollType: string;
  readonly rollDate: string;
  readonly occurredAt: string;
  readonly sourceEventType: string;
  readonly eventPayload: string;
  readonly propertyId: string;
  readonly businessDate: string;
  readonly amountMinor: string;
  readonly currency: string;
}

const table = 'roll_service_shadow_ledgers';
const upsert = upsertInto<LedgerRow>({
  table,
  key: ['ledger_id'],
  columns: [
    { name: 'ledger_id', type: 'uuid', of: (row) => row.ledgerId },
    { name: 'tenant_id', type: 'uuid', of: (row) => row.tenantId },
    { name: 'reservation_id', type: 'uuid', of: (row) => row.reservationId },
    { name: 'lifecycle_event_id', type: 'uuid', of: (row) => row.lifecycleEventId },
    { name: 'roll_type', type: 'text', of: (row) => row.rollType },
    { name: 'roll_date', type: 'date', of: (row) => row.rollDate },
    { name: 'occurred_at', type: 'timestamptz', of: (row) => row.occurredAt },
    { name: 'source_event_type', type: 'text', of: (row) => row.sourceEventType },
    { name: 'event_payload', type: 'jsonb', of: (row) => row.eventPayload },
    { name: 'property_id', type: 'uuid', of: (row) => row.propertyId },
    { name: 'business_date', type: 'date', of: (row) => row.businessDate },
    { name: 'amount_minor', type: 'bigint', of: (row) => row.amountMinor },
    { name: 'currency', type: 'text', of: (row) => row.currency },
    { name: 'revision', type: 'text', of: (row) => row.revision },
  ],
});

export function ledgerProjection(options: {
  readonly topic: string;
  readonly decoder: AvroDecoder;
  readonly metrics: Metrics;
}): Projection<LedgerRow> {
  const { topic, decoder } = options;
  const count = replayCounters(options.metrics);
  const readRow = valueReader((value) => decoder.decode(value), rowOf);
  return {
    topic,
    read: (record) => {
      const isToldAgain = replayIdOf(record) !== undefined;
      const row = readRow(record);
      if (!isToldAgain || row === undefined) return row;
      return row instanceof Promise
        ? row.then((read) => read && { ...read, isToldAgain })
        : { ...row, isToldAgain };
    },
    nameOf: ({ lifecycleEventId }, { timestampMs }) => ({
      ...{ eventId: lifecycleEventId, createdAtMs: timestampMs },
    }),
    write: async (database, rows): Promise<Applied> => {
      const fold = foldLedger(await revisionsOf(database, rows), rows);
      // First: an entry may take over what another one stood for, which only one may have.
      await remove(database, fold.voided);
      await upsert(database, fold.upserts);
      return {
        rows: [
          { table, operation: 'delete', count: fold.voided.length },
          { table, operation: 'upsert', count: fold.upserts.length },
        ],
        committed: () => count(fold),
      };
    },
  };
}

function rowOf(decoded: unknown): LedgerRow {
  const event = decoded as RollEvent;
  if (!kinds.has(event.kind)) {
    const message = `field kind: '${event.kind as string}' is not one of ${[...kinds].join(', ')}`;
    throw new RollguardError('DECODE_FAILED', message);
  }
  return {
    kind: event.kind,
    isToldAgain: false,
    ledgerId: uuidField('ledgerId', event.ledgerId),
    revision: textField('revision', event.revision, 64),
    tenantId: uuidField('tenantId', event.tenantId),
    reservationId: uuidField('reservationId', event.reservationId),
    lifecycleEventId: uuidField('lifecycleEventId', event.lifecycleEventId),
    rollType: textField('rollType', event.rollType, 64),
    rollDate: dateField('rollDate', event.rollDate),
    occurredAt: microsField('occurredAt', event.occurredAt),
    sourceEventType: textField('sourceEventType', event.sourceEventType, 150),
    eventPayload: textField('eventPayload', event.eventPayload),
    propertyId: uuidField('propertyId', event.propertyId),
    businessDate: dateField('businessDate', event.businessDate),
    amountMinor: wholeField('amountMinor', event.amountMinor),
    currency: textField('currency', event.currency, 3),
  };
}

const kinds = new Set(['CREATED', 'REVISED', 'VOIDED']);

async function revisionsOf(
  database: Database,
  rows: readonly LedgerRow[],
): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(rows.map(({ ledgerId }) => ledgerId))];
  const { rows: found } = await database.query(
    `SELECT ledger_id, revision FROM ${table} WHERE ledger_id = ANY($1::uuid[])`,
    [ids],
  );
  return new Map(found.map((row) => [String(row['ledger_id']), String(row['revision'])]));
}

async function remove(database: Database, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await database.query(`DELETE FROM ${table} WHERE ledger_id = ANY($1::uuid[])`, [ids]);
}

/** Every event of an entry that is one: what it found in the table. */
function replayCounters(
  metrics: Metrics,
): (counts: FoldCounts & { readonly toldAgain: FoldCounts }) => void {
  const counter = (name: string, help: string) =>
    metrics.counter({ name: `roll_service_replay_${name}_total`, help });
  const matches = counter('matches', 'Ledger events that said what the table had.');
  const mismatches = counter('mismatches', 'Ledger events that changed an entry of the table.');
  const missing = counter('missing', 'Ledger events of an entry that the table had not.');
  const toldAgain = metrics.counter({
    name: 'rollguard_projector_events_told_again_total',
    help: 'Ledger events that were told once more on request, by how they compare with the table.',
    labels: ['result'],
  });
  return (counts) => {
    for (const result of ['matches', 'mismatches', 'missing'] as const) {
      if (counts.toldAgain[result] > 0) toldAgain.add(counts.toldAgain[result], { result });
    }
    matches.add(counts.matches);
    mismatches.add(counts.mismatches);
    missing.add(counts.missing);
  };
}
