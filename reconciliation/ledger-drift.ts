/** The entries of a ledger that differ, as drift rows with a reason and an amount: pure. */
import { uuidV5 } from '../kernel/uuid.ts';
import type { EntryReport, FieldDiff } from '../topology/roll/replay-report.ts';
import { addAmounts, type Amount, type DriftReason, type DriftRow } from './drift.ts';

export interface ComparedLedger {
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string | undefined;
  readonly entries: readonly EntryReport[];
  /** Of the commands that the platform has of it. */
  readonly eventIds: ReadonlySet<string>;
}

export function ledgerDrift(ledger: ComparedLedger): readonly DriftRow[] {
  const { tenantId, reservationId, propertyId } = ledger;
  return ledger.entries
    .filter(({ status }) => status !== 'match')
    .map((entry) => ({
      ...{ side: 'ledger' as const, reason: reasonOf(entry, ledger), tenantId, reservationId },
      propertyId: propertyId ?? null,
      key: textOf(entry.lifecycleEventId),
      what: `${textOf(entry.rollType) ?? '?'} ${textOf(entry.rollDate) ?? '?'}`,
      amounts: amountsOf(entry),
      differences: entry.diffs.map(({ side, field, expected, actual }) => ({
        ...{ field: `${side}.${field}`, expected, actual },
      })),
      sinceMs: null,
    }));
}

function reasonOf(entry: EntryReport, { reservationId, eventIds }: ComparedLedger): DriftReason {
  if (entry.status === 'missing_in_shadow') return 'missing';
  if (entry.status === 'extra_in_shadow') {
    return wasDerived(entry, reservationId, eventIds) ? 'not_voided' : 'extra';
  }
  const isMoney = entry.diffs.some(({ field }) => field === 'amountMinor' || field === 'currency');
  return isMoney ? 'amount_differs' : 'field_differs';
}

/** Its id is one that the reservation's rows have led to, or can. */
function wasDerived(
  { lifecycleEventId, rollDate, rollType }: EntryReport,
  reservationId: string,
  eventIds: ReadonlySet<string>,
): boolean {
  const id = textOf(lifecycleEventId);
  if (id === null) return false;
  if (eventIds.has(id)) return true;
  return [rollDate, rollType].some(
    (name) => typeof name === 'string' && uuidV5(reservationId, name) === id,
  );
}

/** By the first side that has it otherwise. */
function amountsOf(entry: EntryReport): readonly Amount[] {
  const { amountMinor, currency, status, diffs } = entry;
  const own = amountOf(amountMinor, currency);
  if (status === 'missing_in_shadow') return addAmounts(own);
  if (status === 'extra_in_shadow') return addAmounts(negative(own));
  const side = diffs.find(({ field }) => field === 'amountMinor' || field === 'currency')?.side;
  if (side === undefined) return [];
  const actual = (field: FieldDiff['field'], expected: EntryReport['currency']) => {
    const diff = diffs.find((each) => each.side === side && each.field === field);
    return diff === undefined ? expected : diff.actual;
  };
  const stored = amountOf(actual('amountMinor', amountMinor), actual('currency', currency));
  return addAmounts(own, negative(stored));
}

function amountOf(minor: unknown, currency: unknown): readonly Amount[] {
  return typeof minor === 'number' && typeof currency === 'string' ? [{ currency, minor }] : [];
}

function negative(amounts: readonly Amount[]): readonly Amount[] {
  return amounts.map(({ currency, minor }) => ({ currency, minor: -minor }));
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
