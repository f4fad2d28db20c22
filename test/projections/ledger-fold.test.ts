import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { foldLedger, type EntryEvent } from '../../projections/ledger-fold.ts';

/** A table as its events say one after another, and what each of them found. */
function naive(events: readonly EntryEvent[]) {
  const table = new Map<string, string>();
  const counts = { matches: 0, mismatches: 0, missing: 0 };
  const again = { matches: 0, mismatches: 0, missing: 0 };
  for (const { kind, ledgerId, revision, isToldAgain } of events) {
    const found = table.get(ledgerId);
    const result = found === undefined ? 'missing' : found === revision ? 'matches' : 'mismatches';
    if (isToldAgain) {
      again[result] += 1;
      continue;
    }
    if (kind === 'VOIDED') {
      table.delete(ledgerId);
      continue;
    }
    counts[result] += 1;
    table.set(ledgerId, revision);
  }
  return { table, counts, again };
}

const events = fc.array(
  fc.record({
    kind: fc.constantFrom<EntryEvent['kind']>('CREATED', 'REVISED', 'VOIDED'),
    ledgerId: fc.constantFrom('a', 'b', 'c', 'd'),
    revision: fc.constantFrom('1', '2', '3'),
    isToldAgain: fc.boolean(),
  }),
  { maxLength: 60 },
);

describe('the folding of ledger events', () => {
  test('gives the table and the counts of events applied one by one, however they are cut', () => {
    fc.assert(
      fc.property(events, fc.array(fc.nat(20)), (all, sizes) => {
        const table = new Map<string, string>();
        const counts = { matches: 0, mismatches: 0, missing: 0 };
        const again = { matches: 0, mismatches: 0, missing: 0 };
        for (let at = 0, cut = 0; at < all.length; cut += 1) {
          const size = (sizes[cut % Math.max(1, sizes.length)] ?? 4) + 1;
          const { upserts, voided, toldAgain, ...found } = foldLedger(
            table,
            all.slice(at, at + size),
          );
          for (const id of voided) table.delete(id);
          for (const { ledgerId, revision } of upserts) table.set(ledgerId, revision);
          for (const name of ['matches', 'mismatches', 'missing'] as const) {
            counts[name] += found[name];
            again[name] += toldAgain[name];
          }
          at += size;
        }

        expect({ table, counts, again }).toEqual(naive(all));
      }),
    );
  });

  test('writes nothing for what the table says already, and removes nothing that it has not', () => {
    const first = { revision: '1', isToldAgain: false } as const;
    const created = { kind: 'CREATED', ledgerId: 'a', ...first } as const;
    const voided = { kind: 'VOIDED', ledgerId: 'b', ...first } as const;

    expect(foldLedger(new Map([['a', '1']]), [created, voided])).toEqual({
      ...{ upserts: [], voided: [], matches: 1, mismatches: 0, missing: 0 },
      toldAgain: { matches: 0, mismatches: 0, missing: 0 },
    });
  });

  test('takes what was told once more for no change, whatever it says', () => {
    const again = (ledgerId: string, revision: string) =>
      ({ kind: 'CREATED', ledgerId, revision, isToldAgain: true }) as const;
    const events = [again('a', '1'), again('a', '2'), again('new', '1')];

    expect(foldLedger(new Map([['a', '1']]), events)).toEqual({
      ...{ upserts: [], voided: [], matches: 0, mismatches: 0, missing: 0 },
      toldAgain: { matches: 1, mismatches: 1, missing: 1 },
    });
  });
});
