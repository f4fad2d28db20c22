/** Which dates a property has closed, from rows in any order. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  advanceDates,
  noDates,
  readBusinessDateRow,
  type BusinessDateColumns,
  type BusinessDateRow,
  type PropertyDates,
} from '../../../topology/roll/business-dates.ts';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import { problemIn, propertyId, tenantId, valueOf } from './roll-fixtures.ts';

const row = (businessDate: string, status: BusinessDateRow['status']): BusinessDateRow => ({
  tenantId,
  propertyId,
  businessDate,
  status,
});
const after = (lastClosedDate: string): PropertyDates => ({ lastClosedDate });

function closedBy(dates: PropertyDates, next: BusinessDateRow): readonly string[] {
  return valueOf(advanceDates(dates, next)).newlyClosed;
}

describe('business dates', () => {
  test('are closed when their row says so', () => {
    expect(closedBy(after('2026-05-09'), row('2026-05-10', 'CLOSED'))).toEqual(['2026-05-10']);
  });

  test.each(['OPEN', 'IN_AUDIT'] as const)('are closed when a later date is %s', (status) => {
    expect(closedBy(after('2026-05-09'), row('2026-05-11', status))).toEqual(['2026-05-10']);
  });

  test('are not closed while they are open or in audit themselves', () => {
    expect(closedBy(after('2026-05-09'), row('2026-05-10', 'OPEN'))).toEqual([]);
    expect(closedBy(after('2026-05-09'), row('2026-05-10', 'IN_AUDIT'))).toEqual([]);
  });

  test('are closed one by one, in order, when a row is moved on by several days (R11)', () => {
    expect(closedBy(after('2026-05-09'), row('2026-05-13', 'OPEN'))).toEqual([
      '2026-05-10',
      '2026-05-11',
      '2026-05-12',
    ]);
  });

  test('stay closed when a row comes again, comes late or is set back', () => {
    const dates = after('2026-05-10');

    for (const status of ['OPEN', 'IN_AUDIT', 'CLOSED'] as const) {
      expect(valueOf(advanceDates(dates, row('2026-05-08', status)))).toEqual({
        dates,
        newlyClosed: [],
      });
    }
  });

  test('of a property seen for the first time are closed up to one date', () => {
    expect(valueOf(advanceDates(noDates, row('2026-05-10', 'OPEN')))).toEqual({
      dates: after('2026-05-09'),
      newlyClosed: ['2026-05-09'],
    });
  });

  test('end with the same last closed date in any order, each closed once and in order', () => {
    const anyRow = fc
      .tuple(fc.nat(60), fc.constantFrom('OPEN', 'IN_AUDIT', 'CLOSED'))
      .map(([days, status]) => row(addDays('2026-05-01', days), status));

    fc.assert(
      fc.property(fc.array(anyRow, { minLength: 1 }), (rows) => {
        let dates = noDates;
        const closed: string[] = [];
        for (const next of rows) {
          const advance = valueOf(advanceDates(dates, next));
          dates = advance.dates;
          closed.push(...advance.newlyClosed);
        }

        const expected = rows.map(({ businessDate, status }) =>
          status === 'CLOSED' ? businessDate : addDays(businessDate, -1),
        );
        expect(dates.lastClosedDate).toBe(expected.sort().at(-1));
        expect(closed.at(-1)).toBe(dates.lastClosedDate);
        closed.slice(1).forEach((date, i) => expect(date).toBe(addDays(closed[i]!, 1)));
      }),
    );
  });

  test('do not believe a row that would close more than ten years at once', () => {
    const problem = problemIn(advanceDates(after('2026-05-09'), row('2126-05-10', 'OPEN')));

    expect(problem).toMatchObject({ field: 'business_date', reason: 'impossible' });
  });
});

describe('a business date row', () => {
  const columns: BusinessDateColumns = {
    tenant_id: tenantId,
    property_id: propertyId,
    business_date: 20_583,
    date_status: 'OPEN',
    is_deleted: false,
  };

  test('carries its date as days since 1970', () => {
    expect(valueOf(readBusinessDateRow(columns))).toEqual(row('2026-05-10', 'OPEN'));
  });

  test('says nothing once it is deleted', () => {
    expect(valueOf(readBusinessDateRow({ ...columns, is_deleted: true }))).toBeUndefined();
  });

  test('with a status nobody knows is a problem', () => {
    const problem = problemIn(readBusinessDateRow({ ...columns, date_status: 'LOST' as never }));

    expect(problem).toMatchObject({ table: 'business_dates', field: 'date_status' });
  });
});
