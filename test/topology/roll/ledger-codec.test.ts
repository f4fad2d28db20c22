/** The stored form of a ledger: it comes back whole, and its bytes stay as they are. */
import { describe, expect, test } from '@jest/globals';
import { isRollguardError } from '../../../kernel/errors.ts';
import { ledgerCodec } from '../../../topology/roll/ledger-codec.ts';
import { emptyLedger, updateLedger } from '../../../topology/roll/ledger.ts';
import {
  applied,
  commandFact,
  factsOf,
  lifecycleColumns,
  micros,
  propertyId,
  reservationColumns,
  reservationId,
  streamed,
  tenantId,
} from './roll-fixtures.ts';

const empty = emptyLedger(tenantId, reservationId);
const derived = updateLedger(empty, {
  facts: factsOf(
    reservationColumns({
      status: 'CHECKED_OUT',
      actual_check_in: micros('2026-05-10T12:00:00Z'),
      actual_check_out: micros('2026-05-13T07:30:00Z'),
    }),
    [applied(2, 'reservation.check_out', '2026-05-13T07:30:02Z')],
  ),
  property: { zone: 'Europe/Helsinki', lastClosedDate: '2026-05-11' },
  closedBefore: '2026-05-11',
  atMs: 1_778_000_000_000,
}).ledger;
/** The first programs kept commands that leave no entry, too. */
const created = commandFact(
  lifecycleColumns({ metadata: { stay: { property_id: propertyId, check_in: '2026-05-10' } } }),
  streamed(1, 1),
);
const full = {
  ...derived,
  facts: { ...derived.facts, commands: [created, ...derived.facts.commands] },
};

/** As the first program wrote it, with its ids and revisions: none of this may ever change. */
const versionOne: unknown = [
  ['7e000000-0000-4000-8000-000000000001', '5e000000-0000-4000-8000-000000000001'],
  [
    '100000000000000010000000000000001',
    [
      '9e000000-0000-4000-8000-000000000001',
      'CHECKED_OUT',
      '2026-05-10',
      '2026-05-13',
      1778414400000000,
      1778657400000000,
      7550,
      'EUR',
      null,
      0,
      null,
      0,
      null,
    ],
  ],
  [
    [
      'e0000000-0000-4000-8000-000000000001',
      '100000000000000010000000000000001',
      [
        'reservation.create',
        'APPLIED',
        1775034002000000,
        1775034000000000,
        ['9e000000-0000-4000-8000-000000000001', '2026-05-10'],
      ],
    ],
    [
      'e0000000-0000-4000-8000-000000000002',
      '100000000000000010000000000000001',
      ['reservation.check_out', 'APPLIED', 1778657402000000, 1778657400000000, null],
    ],
  ],
  [
    [
      'fbd8a5e1-7dab-5241-b7ea-429e41fe583e',
      '9e000000-0000-4000-8000-000000000001',
      '3012990b-e671-586e-a9ab-30f858cb073e',
      'EOD',
      '2026-05-10',
      1778457600000000,
      'business_date.closed',
      '{"currency":"EUR","night":"2026-05-10","room_rate_minor":7550,"slept_at":"2026-05-11T00:00:00.000000Z"}',
      7550,
      'EUR',
      '863448aef2f472f94a1ca3075bad2cdc',
      1778000000000,
      1778000000000,
    ],
    [
      'f77df484-e173-5ee9-ae69-1c56b5a49cee',
      '9e000000-0000-4000-8000-000000000001',
      '67fce9a9-89a1-5e40-aafa-50fa10be5a71',
      'EOD',
      '2026-05-11',
      1778544000000000,
      'business_date.closed',
      '{"currency":"EUR","night":"2026-05-11","room_rate_minor":7550,"slept_at":"2026-05-12T00:00:00.000000Z"}',
      7550,
      'EUR',
      '94dffb321443ea1c7cb6889b7d6e93c5',
      1778000000000,
      1778000000000,
    ],
    [
      '32b66826-39ad-5456-a111-5e92ef9328f7',
      '9e000000-0000-4000-8000-000000000001',
      'e0000000-0000-4000-8000-000000000002',
      'CHECKOUT',
      '2026-05-13',
      1778657400000000,
      'reservation.check_out',
      '{"actual_check_out":"2026-05-13T07:30:00.000000Z","command":"reservation.check_out"}',
      0,
      'EUR',
      'ac5c0b265c3f21da10d08cf9ed5fc022',
      1778000000000,
      1778000000000,
    ],
  ],
  [
    ['9e000000-0000-4000-8000-000000000001', '2026-05-10', 'EUR', 1, 7550, 1, 0, 0, 0],
    ['9e000000-0000-4000-8000-000000000001', '2026-05-11', 'EUR', 1, 7550, 0, 0, 0, 0],
    ['9e000000-0000-4000-8000-000000000001', '2026-05-13', 'EUR', 0, 0, 0, 1, 0, 0],
  ],
  ['9e000000-0000-4000-8000-000000000001', '2026-05-12'],
];

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
    const text = ledgerCodec.serialize(full).toString('utf8', 1);

    expect(JSON.parse(text)).toEqual(versionOne);
    expect(
      ledgerCodec.deserialize(Buffer.from(`\u0001${JSON.stringify(versionOne)}`)),
    ).toStrictEqual(full);
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
