import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ledgerDrift } from '../../reconciliation/ledger-drift.ts';
import { uuidV5 } from '../../kernel/uuid.ts';
import { fieldsOfRow, type LedgerRow } from '../../topology/roll/entry-fields.ts';
import type { LedgerEntry } from '../../topology/roll/ledger-entry.ts';
import { compareLedger } from '../../topology/roll/replay-report.ts';
import { propertyId, reservationId, tenantId } from '../topology/roll/roll-fixtures.ts';
import { entries as randomEntries, rowOf } from '../topology/roll/stored-entry.ts';

const ledgers = fc.uniqueArray(
  randomEntries.map((entry) => ({ ...entry, amountMinor: entry.amountMinor % 1_000_000 })),
  { selector: ({ lifecycleEventId }) => lifecycleEventId, minLength: 1, maxLength: 30 },
);
const faults = fc.constantFrom('none', 'amount', 'currency', 'field', 'deleted', 'added');

function driftOf(
  expected: readonly LedgerEntry[],
  rows: readonly LedgerRow[],
  eventIds: readonly string[] = [],
) {
  const table = rows.map(fieldsOfRow);
  const entries = compareLedger({ expected, state: undefined, table });
  return ledgerDrift({
    ...{ tenantId, reservationId, propertyId, entries, eventIds: new Set(eventIds) },
  });
}

describe('the drift of a ledger', () => {
  test('is exactly what was planted, with the reason and the money of each; none of none', () => {
    fc.assert(
      fc.property(ledgers, fc.infiniteStream(faults), (all, kinds) => {
        const rows: LedgerRow[] = [];
        const expected: LedgerEntry[] = [];
        const planted: unknown[] = [];
        for (const entry of all) {
          const { lifecycleEventId: key, amountMinor: minor, currency } = entry;
          const row = rowOf(entry);
          const fault = (reason: string, ...amounts: { currency: string; minor: number }[]) =>
            planted.push({ key, reason, amounts: amounts.filter((each) => each.minor !== 0) });
          switch (kinds.next().value) {
            case 'amount':
              rows.push({ ...row, amount_minor: String(minor + 7) });
              fault('amount_differs', { currency, minor: -7 });
              break;
            case 'currency':
              rows.push({ ...row, currency: 'ZZZ' });
              fault('amount_differs', { currency, minor }, { currency: 'ZZZ', minor: -minor });
              break;
            case 'field':
              rows.push({ ...row, revision: 'other' });
              fault('field_differs');
              break;
            case 'deleted':
              fault('missing', { currency, minor });
              break;
            case 'added':
              rows.push(row);
              fault('extra', { currency, minor: -minor });
              continue;
            default:
              rows.push(row);
          }
          expected.push(entry);
        }
        const found = driftOf(expected, rows).map(({ key, reason, amounts }) => ({
          ...{ key, reason, amounts },
        }));

        const byKey = (left: unknown, right: unknown): number =>
          JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
        expect(found.sort(byKey)).toEqual(planted.map((each) => withPlainZeros(each)).sort(byKey));
      }),
    );
  });

  test('tells an entry that follows no more from one that nothing has led to', () => {
    const [entry] = fc.sample(randomEntries, { numRuns: 1, seed: 7 });
    const row = rowOf(entry!);
    const night = { ...row, lifecycle_event_id: uuidV5(reservationId, entry!.rollDate) };

    expect(driftOf([], [row])).toMatchObject([{ reason: 'extra' }]);
    expect(driftOf([], [row], [entry!.lifecycleEventId])).toMatchObject([{ reason: 'not_voided' }]);
    expect(driftOf([], [night])).toMatchObject([{ reason: 'not_voided' }]);
  });
});

/** The minus of a zero is none. */
function withPlainZeros(planted: unknown): unknown {
  return JSON.parse(JSON.stringify(planted));
}
