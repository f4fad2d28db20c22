import { describe, expect, test } from '@jest/globals';
import { hasPayments, paymentDrift, readCharged } from '../../reconciliation/payment-drift.ts';
import type { PlatformTables } from '../../reconciliation/platform-rows.ts';
import { ledgerEntry, type LedgerEntry, type RollType } from '../../topology/roll/ledger-entry.ts';
import { micros, propertyId, reservationId, tenantId } from '../topology/roll/roll-fixtures.ts';

function entryOf(rollType: RollType, rollDate: string, amountMinor: number): LedgerEntry {
  return ledgerEntry(
    { tenantId, reservationId, propertyId, currency: 'EUR' },
    {
      ...{ lifecycleEventId: reservationId, rollType, rollDate, amountMinor, payload: {} },
      ...{ occurredMicros: micros('2026-05-01T00:00:00Z'), sourceEventType: 'test' },
    },
  );
}

/** Two nights at 80.00, left on the third day. */
const stayed = {
  ...{ tenantId, reservationId, propertyId, lastClosedDate: '2026-05-02' },
  entries: [
    entryOf('EOD', '2026-05-01', 8_000),
    entryOf('EOD', '2026-05-02', 8_000),
    entryOf('CHECKOUT', '2026-05-03', 0),
  ],
};
const charged = { currency: 'EUR', amountMinor: 16_000, taxMinor: 0, nights: 2 };

function tablesWith(rows: readonly Record<string, unknown>[]): PlatformTables {
  return { query: () => Promise.resolve(rows), reservations: () => Promise.resolve([]) };
}

describe('what guests were charged', () => {
  test('is no drift where it is what was earned, with the tax', () => {
    expect(paymentDrift(stayed, charged)).toEqual([]);
    const taxed = { ...charged, amountMinor: 17_600, taxMinor: 1_600 };
    expect(paymentDrift(stayed, taxed)).toEqual([]);
  });

  test('is told with what differs where it is something else', () => {
    expect(paymentDrift(stayed, { ...charged, amountMinor: 15_000 })).toMatchObject([
      { side: 'payments', reason: 'charged_differs', amounts: [{ currency: 'EUR', minor: 1_000 }] },
    ]);
  });

  test('is not compared where the two mean different things', () => {
    const other = { ...charged, amountMinor: 1 };

    expect(paymentDrift(stayed, undefined)).toEqual([]);
    expect(paymentDrift(stayed, { ...other, nights: 3 })).toEqual([]);
    expect(paymentDrift(stayed, { ...other, currency: 'USD' })).toEqual([]);
    expect(paymentDrift({ ...stayed, lastClosedDate: '2026-05-01' }, other)).toEqual([]);
    expect(paymentDrift({ ...stayed, entries: stayed.entries.slice(0, 2) }, other)).toEqual([]);
  });

  test('is added up, refunds taken off; what is no amount leaves the reservation out', async () => {
    const row = { id: reservationId, currency: 'EUR', type: 'FULL_PAYMENT', tax: '0', nights: 2 };
    const read = (...amounts: readonly object[]) =>
      readCharged(tablesWith(amounts.map((each) => ({ ...row, ...each }))), tenantId, []);
    const paid = await read({ amount: '200.00' }, { amount: '40.00', type: 'PARTIAL_REFUND' });

    expect(paid.get(reservationId)).toEqual(charged);
    expect((await read({ amount: '1' }, { amount: '1', currency: 'USD' })).size).toBe(0);
    expect((await read({ amount: 'much' })).size).toBe(0);
  });

  test('is not there where the platform has no such table', async () => {
    expect(await hasPayments(tablesWith([{ readable: false }]))).toBe(false);
    expect(await hasPayments(tablesWith([{ readable: true }]))).toBe(true);
  });
});
