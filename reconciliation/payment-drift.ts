/**
 * What guests who have left were charged, beside what their ledgers say was earned: the room's nights and
 * fees, and the tax that the row adds to them. Compared is a reservation that was checked out after the
 * nights that were booked, all of them closed, with payments in the ledger's currency; of any other the two
 * mean different things: who leaves early may have to pay for all, a day use is charged and earns no night.
 */
import type { Row } from '../database/connection.ts';
import { addDays } from '../topology/calendar/calendar-date.ts';
import type { LedgerEntry } from '../topology/roll/ledger-entry.ts';
import { parseMinorUnits } from '../topology/roll/money.ts';
import type { DriftRow } from './drift.ts';
import { groupBy } from './group-by.ts';
import type { PlatformTables } from './platform-rows.ts';

export interface Charged {
  readonly currency: string;
  readonly amountMinor: number;
  readonly taxMinor: number;
  /** Nights that were booked. */
  readonly nights: number;
}

export interface EarnedLedger {
  readonly tenantId: string;
  readonly reservationId: string;
  readonly propertyId: string | undefined;
  readonly entries: readonly LedgerEntry[];
  readonly lastClosedDate: string | null;
}

/** True where the platform has a table of payments that may be read. */
export async function hasPayments(tables: PlatformTables): Promise<boolean> {
  const rows = await tables.query(
    "SELECT coalesce(has_table_privilege(to_regclass('payments'), 'SELECT'), false) AS readable",
    [],
  );
  return rows[0]?.['readable'] === true;
}

/** By reservation; one with payments that cannot be added up is not in it. */
export async function readCharged(
  tables: PlatformTables,
  tenantId: string,
  reservationIds: readonly string[],
): Promise<ReadonlyMap<string, Charged>> {
  const rows = await tables.query(
    `SELECT p.reservation_id AS id, p.amount::text AS amount, p.currency, p.payment_type AS type,
            coalesce(r.tax_amount, 0)::text AS tax, r.check_out_date - r.check_in_date AS nights
     FROM payments p JOIN reservations r ON r.id = p.reservation_id AND r.tenant_id = p.tenant_id
     WHERE p.tenant_id = $1 AND p.reservation_id = ANY($2::uuid[]) AND r.status = 'CHECKED_OUT'
       AND p.status = 'COMPLETED' AND p.is_deleted IS NOT TRUE
     ORDER BY p.id`,
    [tenantId, reservationIds],
  );
  const charged = new Map<string, Charged>();
  for (const [id, payments] of groupBy(rows, (row) => String(row['id']))) {
    const sum = sumOf(payments);
    if (sum !== undefined) charged.set(id, sum);
  }
  return charged;
}

export function paymentDrift(
  ledger: EarnedLedger,
  charged: Charged | undefined,
): readonly DriftRow[] {
  const { tenantId, reservationId, propertyId, entries, lastClosedDate } = ledger;
  const checkOut = entries.find(({ rollType }) => rollType === 'CHECKOUT');
  if (charged === undefined || checkOut === undefined || lastClosedDate === null) return [];
  const isClosed = checkOut.rollDate <= addDays(lastClosedDate, 1);
  const { currency, amountMinor, taxMinor, nights } = charged;
  const slept = entries.filter(({ rollType }) => rollType === 'EOD').length;
  if (
    !isClosed ||
    slept === 0 ||
    slept !== nights ||
    entries.some((entry) => entry.currency !== currency)
  )
    return [];
  const earned = entries.reduce((sum, entry) => sum + entry.amountMinor, taxMinor);
  if (earned === amountMinor) return [];
  return [
    {
      ...{ side: 'payments', reason: 'charged_differs', tenantId, reservationId },
      ...{ propertyId: propertyId ?? null, key: null, what: `left on ${checkOut.rollDate}` },
      amounts: [{ currency, minor: earned - amountMinor }],
      differences: [{ field: 'amountMinor', expected: earned, actual: amountMinor }],
      sinceMs: null,
    },
  ];
}

/** Undefined: more than one currency, or what is no amount. */
function sumOf(payments: readonly Row[]): Charged | undefined {
  const currency = String(payments[0]?.['currency']);
  const taxMinor = parseMinorUnits(String(payments[0]?.['tax']), currency);
  let amountMinor = 0;
  for (const payment of payments) {
    const amount = parseMinorUnits(String(payment['amount']), currency);
    if (payment['currency'] !== currency || amount === undefined) return undefined;
    const isBack = /REFUND/i.test(String(payment['type']));
    amountMinor += isBack ? -Math.abs(amount) : amount;
  }
  const nights = Number(payments[0]?.['nights']);
  return taxMinor === undefined ? undefined : { currency, amountMinor, taxMinor, nights };
}
