import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatInstantMicros } from '../../../topology/calendar/instant.ts';
import {
  fieldsOfAnswer,
  fieldsOfEntry,
  fieldsOfRow,
  type LedgerRow,
} from '../../../topology/roll/entry-fields.ts';
import { derive } from '../../../topology/roll/derive.ts';
import type { LedgerEntry } from '../../../topology/roll/ledger-entry.ts';
import {
  addSummaries,
  compareLedger,
  isEqual,
  noSummary,
  summarize,
  type EntryReport,
} from '../../../topology/roll/replay-report.ts';
import { applied, eventId, factsOf, micros, reservationColumns } from './roll-fixtures.ts';
import { entries, rowOf } from './stored-entry.ts';

const rows = { lifecycleEvents: 4, unreadableRows: 0 };

/** Three nights, slept and closed, and the check-out. */
const ledger = derive(
  factsOf(
    reservationColumns({
      status: 'CHECKED_OUT',
      actual_check_in: micros('2026-05-10T15:00:00Z'),
      actual_check_out: micros('2026-05-13T09:30:00Z') + 123_456,
    }),
    [applied(2, 'reservation.check_out', '2026-05-13T09:31:00Z')],
  ),
  { zone: 'Europe/Helsinki', lastClosedDate: '2026-05-20' },
).entries;

function compareWithRows(table: readonly LedgerRow[], expected = ledger): readonly EntryReport[] {
  return compareLedger({ expected, state: undefined, table: table.map(fieldsOfRow) });
}

function answerOf({ occurredMicros, eventPayload, ...entry }: LedgerEntry) {
  return {
    ...entry,
    occurredAt: new Date(occurredMicros / 1_000).toISOString(),
    eventPayload: JSON.parse(eventPayload) as unknown,
  };
}

describe('an entry and what is stored of it', () => {
  test('R4: is equal to its row as Postgres gives it: a reordered JSONB, a DATE and a time stamp are no difference', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        expect(compareWithRows([rowOf(entry)], [entry])).toMatchObject([
          { status: 'match', table: 'match', diffs: [] },
        ]);
      }),
    );
  });

  test('P10: is equal whatever zone its time stamp is written in', () => {
    const offset = fc.constantFrom(0, 330, -570, 630, -60);
    fc.assert(
      fc.property(entries, offset, (entry, minutes) => {
        const row = rowOf(entry, minutes);

        expect(fieldsOfRow(row).get('occurredAt')).toBe(formatInstantMicros(entry.occurredMicros));
        expect(compareWithRows([row], [entry])[0]?.status).toBe('match');
      }),
    );
  });

  test('is equal to the answer of the API, which has milliseconds', () => {
    fc.assert(
      fc.property(entries, (entry) => {
        const state = [fieldsOfAnswer(answerOf(entry))];
        const [report] = compareLedger({ expected: [entry], state, table: undefined });

        expect(report).toMatchObject({ status: 'match', state: 'match' });
        expect(report).not.toHaveProperty('table');
      }),
    );
  });

  test('differs in the least microsecond, minor unit, day and letter', () => {
    const [entry] = ledger as [LedgerEntry];
    const row = rowOf(entry);
    const changes: readonly LedgerRow[] = [
      { occurred_at: '2026-05-11 00:00:00.000001+00' },
      { amount_minor: '7551' },
      { roll_date: '2026-05-11' },
      { currency: 'USD' },
      { event_payload: String(row.event_payload).replace('7550', '7550.5') },
    ];

    expect(
      changes.map((change) =>
        compareWithRows([{ ...row, ...change }], [entry])[0]?.diffs.map(({ field }) => field),
      ),
    ).toEqual([
      ...[['occurredAt'], ['amountMinor'], ['rollDate'], ['currency']],
      ['eventPayload.room_rate_minor'],
    ]);
  });

  test('differs, and nothing breaks, where a value cannot be read at all', () => {
    const [entry] = ledger as [LedgerEntry];
    const unreadable = {
      occurred_at: 'infinity',
      amount_minor: '9'.repeat(19),
      event_payload: '[',
    };
    const [report] = compareWithRows(
      [{ ...rowOf(entry), ...unreadable, roll_type: null }],
      [entry],
    );

    expect(report?.status).toBe('diff');
    expect(report?.diffs.map(({ field }) => field).sort()).toEqual(
      [
        ...['amountMinor', 'occurredAt', 'rollType', 'eventPayload'],
        ...['currency', 'night', 'room_rate_minor', 'slept_at'].map((key) => `eventPayload.${key}`),
      ].sort(),
    );
  });
});

describe('the comparison of a ledger', () => {
  const stored = ledger.map((entry) => rowOf(entry));

  test('has one report for each entry, in the order of the ledger', () => {
    const reports = compareWithRows(stored.toReversed());

    expect(reports.map(({ lifecycleEventId }) => lifecycleEventId)).toEqual(
      ledger.map(({ lifecycleEventId }) => lifecycleEventId),
    );
    expect(summarize({ expected: ledger, state: undefined, table: [] }, reports, rows)).toEqual({
      ...{ ...noSummary, reservations: 1, lifecycleEvents: 4, derivedEntries: 4 },
      ...{ shadowEntries: 0, matches: 4 },
    });
  });

  test('tells what is missing, what is not expected and what differs, each side for itself', () => {
    const [first, second, third, checkOut] = ledger as [
      ...[LedgerEntry, LedgerEntry, LedgerEntry, LedgerEntry],
    ];
    const other = { ...rowOf(third), lifecycle_event_id: eventId(99) };
    const comparison = {
      expected: ledger,
      state: [first, second, checkOut].map((entry) => fieldsOfAnswer(answerOf(entry))),
      table: [
        fieldsOfRow({ ...rowOf(first), amount_minor: '7000' }),
        ...[rowOf(second), rowOf(third), other].map(fieldsOfRow),
      ],
    };
    const reports = compareLedger(comparison);

    expect(
      reports.map(({ rollDate, status, state, table }) => [rollDate, status, state, table]),
    ).toEqual([
      ['2026-05-10', 'diff', 'match', 'diff'],
      ['2026-05-11', 'match', 'match', 'match'],
      ['2026-05-12', 'missing_in_shadow', 'missing_in_shadow', 'match'],
      ['2026-05-13', 'missing_in_shadow', 'match', 'missing_in_shadow'],
      ['2026-05-12', 'extra_in_shadow', 'match', 'extra_in_shadow'],
    ]);
    expect(reports[0]?.diffs).toEqual([
      { side: 'table', field: 'amountMinor', expected: 7_550, actual: 7_000 },
    ]);
    expect(summarize(comparison, reports, rows)).toEqual({
      ...{ reservations: 1, lifecycleEvents: 4, derivedEntries: 4 },
      ...{ stateEntries: 3, shadowEntries: 4, matches: 1, mismatches: 1 },
      ...{ financialMismatches: 1, missingInShadow: 2, extraInShadow: 1, unreadableRows: 0 },
    });
  });

  test('counts money apart: the rate in the payload is an amount, the night is none', () => {
    const [entry] = ledger as [LedgerEntry];
    const payload = String(rowOf(entry).event_payload);
    const changed = payload.replace('7550', '7000').replace('2026-05-10', '2026-05-09');
    const reports = compareWithRows([{ ...rowOf(entry), event_payload: changed }], [entry]);
    const comparison = { expected: [entry], state: undefined, table: [] };

    expect(reports[0]?.diffs).toHaveLength(2);
    expect(summarize(comparison, reports, rows).financialMismatches).toBe(1);
  });

  test('reports an entry that is there twice as one that is not expected', () => {
    const reports = compareWithRows([...stored, stored[0] as LedgerRow]);

    expect(reports.map(({ status }) => status)).toEqual([
      ...['match', 'match', 'match', 'match', 'extra_in_shadow'],
    ]);
  });

  test('of any part of a ledger with any rows adds up', () => {
    const some = fc.uniqueArray(entries, {
      maxLength: 6,
      selector: ({ lifecycleEventId }) => lifecycleEventId,
    });
    const part = some.chain((all) =>
      fc.record({ all: fc.constant(all), expected: fc.subarray(all), table: fc.subarray(all) }),
    );
    fc.assert(
      fc.property(part, ({ all, expected, table }) => {
        const fields = table.map((entry) => fieldsOfRow(rowOf(entry)));
        const comparison = { expected, state: undefined, table: fields };
        const reports = compareLedger(comparison);
        const summary = summarize(comparison, reports, rows);
        const both = all.filter((entry) => expected.includes(entry) && table.includes(entry));

        expect(summary).toMatchObject({
          ...{ matches: both.length, mismatches: 0 },
          missingInShadow: expected.length - both.length,
          extraInShadow: table.length - both.length,
        });
        expect(isEqual(summary)).toBe(
          expected.length === table.length && both.length === table.length,
        );
      }),
    );
  });
});

describe('summaries', () => {
  test('add up; a side that nobody looked at stays one', () => {
    const one = { ...noSummary, reservations: 1, shadowEntries: 3, matches: 2, missingInShadow: 1 };

    expect(addSummaries(addSummaries(noSummary, one), one)).toEqual({
      ...{ ...noSummary, reservations: 2, shadowEntries: 6, matches: 4, missingInShadow: 2 },
    });
  });

  test('with a row that cannot be read are not equal: what follows from it is not known', () => {
    expect(isEqual({ ...noSummary, matches: 3, unreadableRows: 1 })).toBe(false);
  });
});

test('an entry has the same fields from each of the three places', () => {
  const [entry] = ledger as [LedgerEntry];
  const names = [fieldsOfEntry(entry), fieldsOfRow(rowOf(entry)), fieldsOfAnswer(answerOf(entry))];

  expect(new Set(names.map((fields) => [...fields.keys()].sort().join(' '))).size).toBe(1);
});
