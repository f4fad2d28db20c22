import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foldLedger, type EntryEvent } from '../../projections/ledger-fold.ts';

/** A table as its events say one after another, and what each of them found. */
function naive(events: readonly EntryEvent[]) {
  const table = new Map<string, string>();
  const counts = { matches: 0, mismatches: 0, missing: 0 };
  for (const { kind, ledgerId, revision } of events) {
    if (kind === 'VOIDED') {
      table.delete(ledgerId);
      continue;
    }
    const found = table.get(ledgerId);
    counts[found === undefined ? 'missing' : found === revision ? 'matches' : 'mismatches'] += 1;
    table.set(ledgerId, revision);
  }
  return { table, counts };
}

const events = fc.array(
  fc.record({
    kind: fc.constantFrom<EntryEvent['kind']>('CREATED', 'REVISED', 'VOIDED'),
    ledgerId: fc.constantFrom('a', 'b', 'c', 'd'),
    revision: fc.constantFrom('1', '2', '3'),
  }),
  { maxLength: 60 },
);

describe('the folding of ledger events', () => {
  test('gives the table and the counts of events applied one by one, however they are cut', () => {
    fc.assert(
      fc.property(events, fc.array(fc.nat(20)), (all, sizes) => {
        const table = new Map<string, string>();
        const counts = { matches: 0, mismatches: 0, missing: 0 };
        for (let at = 0, cut = 0; at < all.length; cut += 1) {
          const size = (sizes[cut % Math.max(1, sizes.length)] ?? 4) + 1;
          const { upserts, voided, ...found } = foldLedger(table, all.slice(at, at + size));
          for (const id of voided) table.delete(id);
          for (const { ledgerId, revision } of upserts) table.set(ledgerId, revision);
          for (const name of ['matches', 'mismatches', 'missing'] as const) {
            counts[name] += found[name];
          }
          at += size;
        }

        expect({ table, counts }).toEqual(naive(all));
      }),
    );
  });

  test('writes nothing for what the table says already, and removes nothing that it has not', () => {
    const created = { kind: 'CREATED', ledgerId: 'a', revision: '1' } as const;
    const voided = { kind: 'VOIDED', ledgerId: 'b', revision: '1' } as const;

    expect(foldLedger(new Map([['a', '1']]), [created, voided])).toEqual({
      ...{ upserts: [], voided: [], matches: 1, mismatches: 0, missing: 0 },
    });
  });
});
