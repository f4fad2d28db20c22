/** Random entries, and how Postgres gives them back: JSONB reordered, dates and instants as its own text. */
import fc from 'fast-check';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import { canonicalJson, type JsonValue } from '../../../topology/canonical-json.ts';
import { formatInstantMicros } from '../../../topology/calendar/instant.ts';
import type { LedgerRow } from '../../../topology/roll/entry-fields.ts';
import { ledgerEntry, type LedgerEntry } from '../../../topology/roll/ledger-entry.ts';
import { micros, propertyId, reservationId, tenantId } from './roll-fixtures.ts';

const member = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 8 }).filter((text) => !text.includes('\0')),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.integer(), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('b', 'aa', 'c'), fc.integer()),
);
const payload = fc.dictionary(
  fc.constantFrom('night', 'slept_at', 'room_rate_minor', 'currency', 'fee_minor', 'z', 'ab'),
  member,
);

export const entries: fc.Arbitrary<LedgerEntry> = fc
  .record({
    lifecycleEventId: fc.uuid(),
    rollType: fc.constantFrom('EOD', 'CHECKOUT', 'CANCEL', 'NO_SHOW'),
    day: fc.integer({ min: 0, max: 20_000 }),
    offset: fc.integer({ min: 0, max: 1_800_000_000_000_000 }),
    payload,
    amountMinor: fc.maxSafeInteger(),
    currency: fc.constantFrom('EUR', 'JPY', 'BHD'),
  })
  .map(({ day, offset, payload: said, amountMinor, currency, ...content }) =>
    ledgerEntry(
      { tenantId, reservationId, propertyId, currency },
      {
        ...content,
        rollDate: addDays('1970-01-01', day),
        occurredMicros: micros('1960-01-01T00:00:00Z') + offset,
        sourceEventType: 'business_date.closed',
        payload: said,
        // Zero is written without its sign.
        amountMinor: amountMinor === 0 ? 0 : amountMinor,
      },
    ),
  );

export function rowOf(entry: LedgerEntry, zoneMinutes = 0): LedgerRow {
  return {
    ledger_id: entry.ledgerId,
    tenant_id: entry.tenantId,
    reservation_id: entry.reservationId,
    lifecycle_event_id: entry.lifecycleEventId,
    roll_type: entry.rollType,
    roll_date: entry.rollDate,
    occurred_at: timestamptzText(entry.occurredMicros, zoneMinutes),
    source_event_type: entry.sourceEventType,
    event_payload: jsonbText(JSON.parse(entry.eventPayload) as JsonValue),
    property_id: entry.propertyId,
    business_date: entry.businessDate,
    amount_minor: String(entry.amountMinor),
    currency: entry.currency,
    revision: entry.revision,
  };
}

/** `2026-03-28 20:00:00.1234+00`: no zeros at the end, the offset of the session's zone. */
function timestamptzText(at: number, zoneMinutes: number): string {
  const local = formatInstantMicros(at + zoneMinutes * 60_000_000);
  const time = local.replace('T', ' ').replace(/\.?0*Z$/, '');
  const [hours, minutes] = [Math.trunc(Math.abs(zoneMinutes) / 60), Math.abs(zoneMinutes) % 60];
  const two = (part: number): string => String(part).padStart(2, '0');
  const offset = `${two(hours)}${minutes === 0 ? '' : `:${two(minutes)}`}`;
  return `${time}${zoneMinutes < 0 ? '-' : '+'}${offset}`;
}

/** Short keys first, a blank after each colon and comma. */
function jsonbText(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return canonicalJson(value);
  if (Array.isArray(value)) return `[${value.map(jsonbText).join(', ')}]`;
  const members = Object.entries(value as Readonly<Record<string, JsonValue>>)
    .sort(([left], [right]) => left.length - right.length || (left < right ? -1 : 1))
    .map(([name, each]) => `${JSON.stringify(name)}: ${jsonbText(each)}`);
  return `{${members.join(', ')}}`;
}
