/**
 * Ledger events for a bench: nights of reservations, each entry once as it begins, and once more with
 * another rate. Nothing is random: an entry's number makes its ids.
 */
import { partitionFor } from '../../kernel/murmur2.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import { avroWriter } from '../../schemas/avro-codec.ts';
import { contractSchema } from '../../schemas/contracts.ts';
import type { PlainProducer, ProduceRecord } from '../../streams/kafka/port.ts';
import { dateOfUtcDay } from '../../topology/calendar/calendar-date.ts';
import { ledgerEntry } from '../../topology/roll/ledger-entry.ts';
import { rollEventOf } from '../../topology/roll/roll-event-codec.ts';

const namespace = '0d8b4a36-3f4e-4c39-9a1b-6b6f6d1f7a55';
const nightsPerStay = 4;
/** 2026-01-01. */
const firstDay = 20_454;
const daysMax = 300;
const batchRecords = 1_000;
export const firstRateMinor = 10_000;
export const revisedRateMinor = 12_000;
export const schemaId = 1;

export async function writeRollEvents(
  producer: PlainProducer,
  to: { readonly topic: string; readonly partitionCount: number },
  events: { readonly entries: number; readonly amountMinor: number },
): Promise<void> {
  const { topic, partitionCount } = to;
  const { entries, amountMinor } = events;
  const encode = avroWriter(contractSchema('roll.events'), schemaId);
  const kind = amountMinor === firstRateMinor ? 'created' : 'revised';
  const batches = new Map<number, ProduceRecord[]>();
  const send = async (partition: number): Promise<void> => {
    const records = batches.get(partition) ?? [];
    batches.delete(partition);
    if (records.length > 0) await producer.produce([{ topic, partition, records }]);
  };
  for (let number = 0; number < entries; number += 1) {
    const entry = nightOf(number, amountMinor);
    const key = Buffer.from(`${entry.tenantId}|${entry.reservationId}`);
    const partition = partitionFor(key, partitionCount);
    const value = encode(rollEventOf({ kind, entry, adjustment: false }));
    const batch = batches.get(partition) ?? [];
    batch.push({ key, value, timestampMs: Math.floor(entry.occurredMicros / 1_000) });
    batches.set(partition, batch);
    if (batch.length >= batchRecords) await send(partition);
  }
  for (let partition = 0; partition < partitionCount; partition += 1) await send(partition);
}

function nightOf(number: number, amountMinor: number) {
  const stay = Math.floor(number / nightsPerStay);
  const day = firstDay + (stay % daysMax) + (number % nightsPerStay);
  const reservationId = uuidV5(namespace, `stay ${stay}`);
  const rollDate = dateOfUtcDay(day);
  const owner = {
    tenantId: namespace,
    reservationId,
    propertyId: uuidV5(namespace, `property ${stay % 6}`),
    currency: 'EUR',
  };
  return ledgerEntry(owner, {
    ...{ lifecycleEventId: uuidV5(reservationId, rollDate), rollType: 'EOD', rollDate },
    ...{ occurredMicros: (day + 1) * 86_400_000_000, sourceEventType: 'business_date.closed' },
    payload: { businessDate: rollDate, rate: String(amountMinor / 100) },
    amountMinor,
  });
}
