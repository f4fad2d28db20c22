/**
 * What travels on the roll topology's internal topics, as JSON, and its keys. A command's or a
 * reservation's row goes to `tenant|reservation`, a property's row, business date or contribution to
 * `tenant|property`; a tick goes from the property to every ledger partition. A request to tell a ledger's
 * entries once more goes to `tenant|reservation`, on the backfill's topic.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { BusinessDateRow } from './business-dates.ts';
import type { DailyContribution } from './contributions.ts';
import type { PropertyCalendar } from './derive.ts';
import type { CommandFact, VersionedRow } from './facts.ts';
import type { PropertyRow } from './property-row.ts';
import type { ReservationRow } from './reservation-row.ts';

/** One more thing known about a reservation. */
export type ReservationFact =
  | ({ readonly type: 'reservation' } & VersionedRow<ReservationRow>)
  | ({ readonly type: 'command' } & CommandFact);

/** One more thing known about a property. */
export type PropertyFact =
  | { readonly type: 'property'; readonly version: string; readonly row: PropertyRow }
  | { readonly type: 'date'; readonly row: BusinessDateRow };

/** What a property says to every ledger partition: its calendar after one more change. */
export interface Tick extends PropertyCalendar {
  readonly tenantId: string;
  readonly propertyId: string;
}

/** Asks a ledger to tell its entries once more: behind what it has told. */
export interface EmitAgain {
  readonly type: 'emit-again';
  /** Of the replay that asks; it comes back in a header of each event. */
  readonly replayId: string;
}

export type Contribution = DailyContribution;

/** A business date that is closed by the clock or by hand; `key` is the property's. */
export function closedDateFact(key: string, businessDate: string): PropertyFact {
  const [tenantId, propertyId] = splitKey(key);
  return { type: 'date', row: { tenantId, propertyId, businessDate, status: 'CLOSED' } };
}

/** The partition key of ledgers. */
export function reservationKey(tenantId: string, reservationId: string): string {
  return `${tenantId}|${reservationId}`;
}

/** The partition key of properties and their totals. */
export function propertyKey(tenantId: string, propertyId: string): string {
  return `${tenantId}|${propertyId}`;
}

/** The two halves of either key; ids are UUIDs and hold no bar. */
export function splitKey(key: string): readonly [tenantId: string, id: string] {
  const bar = key.indexOf('|');
  return [key.slice(0, bar), key.slice(bar + 1)];
}

export function encodeMessage(key: string, message: object): { key: Buffer; value: Buffer } {
  return { key: Buffer.from(key, 'utf8'), value: Buffer.from(JSON.stringify(message), 'utf8') };
}

/** One fact, or several about one reservation. @throws DECODE_FAILED for what was put there by others. */
export function readReservationFacts(message: unknown): readonly ReservationFact[] {
  const facts: readonly unknown[] = Array.isArray(message) ? message : [message];
  if (facts.every(isReservationFact)) return facts;
  throw new RollguardError('DECODE_FAILED', 'this is no fact about a reservation');
}

/** Undefined: it is something else. */
export function readEmitAgain(message: unknown): EmitAgain | undefined {
  const { type, replayId } = (message ?? {}) as Partial<EmitAgain>;
  const isOne = type === 'emit-again' && typeof replayId === 'string' && replayId !== '';
  return isOne ? { type, replayId } : undefined;
}

function isReservationFact(message: unknown): message is ReservationFact {
  const { type, version } = (message ?? {}) as Partial<ReservationFact>;
  return (type === 'reservation' || type === 'command') && typeof version === 'string';
}

/** @throws DECODE_FAILED, which dead-letters the record: an internal topic holds only what we wrote. */
export function decodeMessage(record: { key: Buffer | null; value: Buffer | null }): {
  readonly key: string;
  readonly message: unknown;
} {
  if (record.key === null || record.value === null) {
    throw new RollguardError('DECODE_FAILED', 'an internal record needs a key and a value');
  }
  try {
    const message: unknown = JSON.parse(record.value.toString('utf8'));
    return { key: record.key.toString('utf8'), message };
  } catch (error) {
    throw new RollguardError('DECODE_FAILED', 'an internal record is not JSON', { cause: error });
  }
}
