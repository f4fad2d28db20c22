/** The stored form of a ledger: it comes back whole, and its bytes stay as they are. */
import { describe, expect, test } from '@jest/globals';
import { isRollguardError } from '../../../kernel/errors.ts';
import { ledgerCodec } from '../../../topology/roll/ledger-codec.ts';
import { emptyLedger, updateLedger } from '../../../topology/roll/ledger.ts';
import {
  applied,
  factsOf,
  lifecycleColumns,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  tenantId,
} from './roll-fixtures.ts';

const empty = emptyLedger(tenantId, reservationId);
const full = updateLedger(empty, {
  facts: factsOf(
    reservationColumns({
      status: 'CHECKED_OUT',
      actual_check_in: micros('2026-05-10T12:00:00Z'),
      actual_check_out: micros('2026-05-13T07:30:00Z'),
    }),
    [
      lifecycleColumns({ metadata: { stay: { property_id: propertyId, check_in: '2026-05-10' } } }),
      applied(2, 'reservation.check_out', '2026-05-13T07:30:02Z'),
    ],
  ),
  property: { zone: 'Europe/Helsinki', lastClosedDate: '2026-05-11' },
  closedBefore: '2026-05-11',
  atMs: 1_778_000_000_000,
}).ledger;

describe('a stored ledger', () => {
  test.each([
    ['empty', empty],
    ['full', full],
    ['deleted', { ...empty, facts: factsOf(reservationColumns({ is_deleted: true })) }],
  ])('comes back as it was: %s', (_title, ledger) => {
    expect(ledgerCodec.deserialize(ledgerCodec.serialize(ledger))).toStrictEqual(ledger);
  });

  test('is the same bytes after a round trip', () => {
    const bytes = ledgerCodec.serialize(full);

    expect(ledgerCodec.serialize(ledgerCodec.deserialize(bytes))).toEqual(bytes);
    expect(bytes[0]).toBe(1);
  });

  test('keeps its form: version 1 is read by every later program', () => {
    const text = ledgerCodec.serialize(empty).toString('utf8', 1);

    expect(JSON.parse(text)).toEqual({
      owner: [tenantId, reservationId],
      row: null,
      commands: [],
      entries: [],
      days: [],
      wake: null,
    });
  });

  test('of a later format is refused, not guessed at', () => {
    const bytes = ledgerCodec.serialize(full);
    bytes[0] = 2;
    let thrown: unknown;
    try {
      ledgerCodec.deserialize(bytes);
    } catch (error) {
      thrown = error;
    }

    expect(isRollguardError(thrown, 'STORE_FAILED')).toBe(true);
  });
});
