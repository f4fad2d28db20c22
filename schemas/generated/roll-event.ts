/** The type of the values of roll.events. Generated from the contract (`npm run generate`), not for editing. */

/** One change of one ledger entry. Key: tenant_id|reservation_id. The last event of an entry, in partition order, is the entry. */
export interface RollEvent {
  /** VOIDED: the entry no longer follows from the facts; the other fields say what it was. */
  readonly kind: 'CREATED' | 'REVISED' | 'VOIDED';
  readonly ledgerId: string;
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string;
  /** With the tenant, the idempotency key of the entry. */
  readonly lifecycleEventId: string;
  /** UNKNOWN is never written: it is what an old reader sees of a type that came later. */
  readonly rollType: 'UNKNOWN' | 'EOD' | 'CHECKOUT' | 'CANCEL' | 'NO_SHOW';
  /** YYYY-MM-DD of the property's calendar. */
  readonly rollDate: string;
  /** YYYY-MM-DD; the business date whose totals the entry counts in. */
  readonly businessDate: string;
  readonly occurredAt: number | bigint;
  readonly sourceEventType: string;
  /** Canonical JSON of the fields that decided the entry. */
  readonly eventPayload: string;
  /** Minor units of the currency. */
  readonly amountMinor: number | bigint;
  /** ISO 4217. */
  readonly currency: string;
  /** Hash of the entry: equal revisions say the same. */
  readonly revision: string;
  /** The entry's business date had been closed before this change came. */
  readonly adjustment: boolean;
}
