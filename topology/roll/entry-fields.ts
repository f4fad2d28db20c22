/**
 * A ledger entry as named values that compare the same wherever they come from: derived here, read from
 * Postgres, answered by the API. Dates are YYYY-MM-DD, instants ISO text in UTC with six decimals, amounts
 * whole numbers of minor units, and each member of the payload has a name of its own, so that neither a
 * reordered JSON nor another time zone is a difference. What cannot be read stays as it is: it differs.
 */
import { canonicalJson, type JsonValue } from '../canonical-json.ts';
import { formatInstantMicros, parseInstantMicros } from '../calendar/instant.ts';
import type { LedgerEntry } from './ledger-entry.ts';

export type EntryFields = ReadonlyMap<string, JsonValue>;

/** The API answers instants in milliseconds, cut. */
export type InstantPrecision = 'microseconds' | 'milliseconds';

/** The columns of `roll_service_shadow_ledgers` that say what an entry says; when it was written does not. */
export const ledgerRowColumns = [
  'ledger_id',
  'tenant_id',
  'reservation_id',
  'lifecycle_event_id',
  'roll_type',
  'roll_date',
  'occurred_at',
  'source_event_type',
  'event_payload',
  'property_id',
  'business_date',
  'amount_minor',
  'currency',
  'revision',
] as const;
export type LedgerRow = Readonly<Partial<Record<(typeof ledgerRowColumns)[number], unknown>>>;

/** An entry as `GET /v1/ledgers/:reservationId` answers it. */
export type AnsweredEntry = Readonly<
  Record<Exclude<keyof LedgerEntry, 'occurredMicros' | 'eventPayload' | 'amountMinor'>, string> & {
    occurredAt: string;
    eventPayload: unknown;
    amountMinor: number;
  }
>;

export function fieldsOfEntry(
  entry: LedgerEntry,
  precision: InstantPrecision = 'microseconds',
): EntryFields {
  const { occurredMicros, eventPayload, ...said } = entry;
  return fieldsOf(said, instantText(occurredMicros, precision), parsed(eventPayload));
}

/** @param row with values as Postgres writes them: dates, instants, big integers and JSON as text. */
export function fieldsOfRow(row: LedgerRow): EntryFields {
  const said = {
    ledgerId: plain(row.ledger_id),
    tenantId: plain(row.tenant_id),
    reservationId: plain(row.reservation_id),
    propertyId: plain(row.property_id),
    lifecycleEventId: plain(row.lifecycle_event_id),
    rollType: plain(row.roll_type),
    rollDate: plain(row.roll_date),
    businessDate: plain(row.business_date),
    sourceEventType: plain(row.source_event_type),
    amountMinor: wholeNumber(plain(row.amount_minor)),
    currency: plain(row.currency),
    revision: plain(row.revision),
  };
  return fieldsOf(said, instant(row.occurred_at), parsed(row.event_payload));
}

export function fieldsOfAnswer(answer: AnsweredEntry): EntryFields {
  const said = {
    ledgerId: plain(answer.ledgerId),
    tenantId: plain(answer.tenantId),
    reservationId: plain(answer.reservationId),
    propertyId: plain(answer.propertyId),
    lifecycleEventId: plain(answer.lifecycleEventId),
    rollType: plain(answer.rollType),
    rollDate: plain(answer.rollDate),
    businessDate: plain(answer.businessDate),
    sourceEventType: plain(answer.sourceEventType),
    amountMinor: plain(answer.amountMinor),
    currency: plain(answer.currency),
    revision: plain(answer.revision),
  };
  const occurredAt = instant(answer.occurredAt, 'milliseconds');
  return fieldsOf(said, occurredAt, plain(answer.eventPayload));
}

/** True for what is money, or says in which. */
export function isFinancial(field: string): boolean {
  return /^(amountMinor|currency|eventPayload\.(.*_minor|currency))$/.test(field);
}

/** Equal as values, whoever wrote them in which order. */
export function areEqual(left: JsonValue | undefined, right: JsonValue | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return canonicalJson(left) === canonicalJson(right);
}

type Said = Readonly<
  Record<Exclude<keyof LedgerEntry, 'occurredMicros' | 'eventPayload'>, JsonValue>
>;

function fieldsOf(said: Said, occurredAt: JsonValue, payload: JsonValue): EntryFields {
  return new Map([
    ...Object.entries(said),
    ['occurredAt', occurredAt],
    ...membersOf(payload).map(([name, value]): [string, JsonValue] => [
      name === undefined ? 'eventPayload' : `eventPayload.${name}`,
      value,
    ]),
  ]);
}

function membersOf(payload: JsonValue): [name: string | undefined, value: JsonValue][] {
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) {
    return [[undefined, payload]];
  }
  return Object.entries(payload as Readonly<Record<string, JsonValue>>);
}

function parsed(json: unknown): JsonValue {
  if (typeof json !== 'string') return plain(json);
  try {
    return JSON.parse(json) as JsonValue;
  } catch {
    return json;
  }
}

function instant(value: unknown, precision: InstantPrecision = 'microseconds'): JsonValue {
  const micros = typeof value === 'string' ? parseInstantMicros(value) : undefined;
  return micros === undefined ? plain(value) : instantText(micros, precision);
}

function instantText(micros: number, precision: InstantPrecision): string {
  const isExact = precision === 'microseconds';
  return formatInstantMicros(isExact ? micros : Math.trunc(micros / 1_000) * 1_000);
}

function wholeNumber(value: JsonValue): JsonValue {
  const isWhole = typeof value === 'string' && /^-?\d{1,16}$/.test(value);
  return isWhole && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function plain(value: unknown): JsonValue {
  return (value ?? null) as JsonValue;
}
