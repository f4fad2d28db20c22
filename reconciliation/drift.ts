/**
 * What a reconciliation finds: one row for each ledger entry, hold or payment that is not what the
 * platform's rows say, with the reason and the money by which it differs. Amounts are whole minor units.
 */
import { createHash } from 'node:crypto';
import type { JsonValue } from '../topology/canonical-json.ts';

/** Each side with the reasons that its rows may have. */
export const driftReasons = {
  /** `roll_service_shadow_ledgers`, and the service's state where it is asked. */
  ledger: [
    /** It follows from the rows and is not stored. */
    'missing',
    /** It is stored, and nothing on the platform has ever led to it. */
    'extra',
    /** It is stored, and does not follow (any more) from the rows that it was made of. */
    'not_voided',
    'amount_differs',
    /** Something else than the money. */
    'field_differs',
  ],
  /** `inventory_locks_shadow`. */
  locks: [
    /** A live reservation that nothing is held for. */
    'missing_hold',
    /** A hold that has to be released: its reservation has ended, is not there, or has another one. */
    'extra_hold',
    'other_stay',
    'other_room',
    'other_type',
    /** Tentative, though the platform has sold it. */
    'not_confirmed',
  ],
  /** `payments` of the platform. */
  payments: [
    /** The guest has left and was charged something else than was earned. */
    'charged_differs',
  ],
} as const;

export type DriftSide = keyof typeof driftReasons;
export type DriftReason = (typeof driftReasons)[DriftSide][number];

/** Of a row's digest: that two rows of a reservation share them is beyond chance. */
const idBytes = 12;

/** In the order of a report. */
export const driftSides = Object.keys(driftReasons) as readonly DriftSide[];

/** Money by currency. */
export interface Amount {
  readonly currency: string;
  readonly minor: number;
}

export interface FieldDifference {
  readonly field: string;
  readonly expected: JsonValue;
  readonly actual: JsonValue;
}

export interface DriftRow {
  readonly side: DriftSide;
  readonly reason: DriftReason;
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string | null;
  /** Of an entry its lifecycle event id, of a hold its id; null: there is none. */
  readonly key: string | null;
  /** Roll type and date, or the stay: for people. */
  readonly what: string;
  /** What follows less what is stored; none: no money differs. */
  readonly amounts: readonly Amount[];
  readonly differences: readonly FieldDifference[];
  /** Since when the platform says otherwise, milliseconds since 1970; null: not known. */
  readonly sinceMs: number | null;
}

/** Two looks that found this found the same. Short: many wait for their second look. */
export function driftIdentity(row: DriftRow): string {
  return createHash('sha256').update(JSON.stringify(row)).digest().toString('base64', 0, idBytes);
}

/** @returns the sums that are not zero, by currency in the order of its name. */
export function addAmounts(...lists: readonly (readonly Amount[])[]): readonly Amount[] {
  const sums = new Map<string, number>();
  for (const { currency, minor } of lists.flat()) {
    sums.set(currency, (sums.get(currency) ?? 0) + minor);
  }
  return [...sums]
    .filter(([, minor]) => minor !== 0)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([currency, minor]) => ({ currency, minor }));
}
