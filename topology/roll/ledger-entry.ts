/**
 * One line of a reservation's ledger. Its ids follow from what it stands for and its revision from
 * what it says, so deriving it again anywhere gives the same bytes.
 */
import { hash } from 'node:crypto';
import { uuidV5 } from '../../kernel/uuid.ts';
import { canonicalJson, type JsonValue } from '../canonical-json.ts';

export type RollType = 'EOD' | 'CHECKOUT' | 'CANCEL' | 'NO_SHOW';

export interface LedgerEntry {
  /** UUIDv5 of the lifecycle event id and the roll type. */
  readonly ledgerId: string;
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string;
  /** What the entry stands for; unique in its tenant. */
  readonly lifecycleEventId: string;
  readonly rollType: RollType;
  /** YYYY-MM-DD of the property's calendar. */
  readonly rollDate: string;
  /** The business date whose totals it counts in: its roll date. */
  readonly businessDate: string;
  /** Microseconds since 1970. */
  readonly occurredMicros: number;
  /** The command, or what else told. */
  readonly sourceEventType: string;
  /** Canonical JSON of the fields that decided the entry, nothing else. */
  readonly eventPayload: string;
  /** Minor units of the currency. Revenue for EOD, a fee (which is not revenue) for CANCEL and NO_SHOW. */
  readonly amountMinor: number;
  readonly currency: string;
  /** Hash of what the entry says: equal revisions are equal entries. */
  readonly revision: string;
}

/** What all entries of a ledger share. */
export interface LedgerOwner {
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string;
  readonly currency: string;
}

/** What an entry's derivation decides; the rest follows. */
export interface EntryContent {
  readonly lifecycleEventId: string;
  readonly rollType: RollType;
  readonly rollDate: string;
  readonly occurredMicros: number;
  readonly sourceEventType: string;
  readonly payload: JsonValue;
  readonly amountMinor: number;
}

/** Half of SHA-256: enough to tell the revisions of one entry apart. */
const revisionLength = 32;

/** @param known the entry of that kind and date as it was: given back if it says the same, which spares its hashes. */
export function ledgerEntry(
  owner: LedgerOwner,
  content: EntryContent,
  known?: LedgerEntry,
): LedgerEntry {
  const { tenantId, reservationId, propertyId, currency } = owner;
  const { lifecycleEventId, rollType, rollDate, occurredMicros, amountMinor } = content;
  const { sourceEventType } = content;
  const eventPayload = canonicalJson(content.payload);
  if (known !== undefined && saysThat(known, owner, content, eventPayload)) return known;
  const said = [
    [tenantId, reservationId, propertyId, lifecycleEventId, rollType, rollDate],
    [occurredMicros, sourceEventType, eventPayload, amountMinor, currency],
  ];
  return {
    ledgerId: uuidV5(lifecycleEventId, rollType),
    tenantId,
    reservationId,
    propertyId,
    lifecycleEventId,
    rollType,
    rollDate,
    businessDate: rollDate,
    occurredMicros,
    sourceEventType,
    eventPayload,
    amountMinor,
    currency,
    revision: hash('sha256', JSON.stringify(said)).slice(0, revisionLength),
  };
}

function saysThat(
  known: LedgerEntry,
  owner: LedgerOwner,
  content: EntryContent,
  eventPayload: string,
): boolean {
  return (
    known.lifecycleEventId === content.lifecycleEventId &&
    known.rollType === content.rollType &&
    known.rollDate === content.rollDate &&
    known.occurredMicros === content.occurredMicros &&
    known.sourceEventType === content.sourceEventType &&
    known.amountMinor === content.amountMinor &&
    known.eventPayload === eventPayload &&
    known.currency === owner.currency &&
    known.propertyId === owner.propertyId &&
    known.reservationId === owner.reservationId &&
    known.tenantId === owner.tenantId
  );
}

/** The order of a ledger: by date, then by kind (nights first), then by id. */
export function compareEntries(left: LedgerEntry, right: LedgerEntry): number {
  if (left.rollDate !== right.rollDate) return left.rollDate < right.rollDate ? -1 : 1;
  if (left.rollType !== right.rollType) return kindOrder[left.rollType] - kindOrder[right.rollType];
  if (left.lifecycleEventId === right.lifecycleEventId) return 0;
  return left.lifecycleEventId < right.lifecycleEventId ? -1 : 1;
}

const kindOrder: Readonly<Record<RollType, number>> = {
  EOD: 0,
  CHECKOUT: 1,
  CANCEL: 2,
  NO_SHOW: 3,
};
