/** The campaign's judgement of what each start replayed. */
import { describe, expect, test } from '@jest/globals';
import { summarise, type Restore } from '../../../tools/faults/restore-log.ts';

const at = (second: number, from: number, to: number): Restore => ({
  time: new Date(1_800_000_000_000 + second * 1_000).toISOString(),
  ...{ task: 'ledger_0', from, to, records: to - from },
});

describe('what the starts of the application replayed', () => {
  test('may be replayed again by a start soon after', () => {
    const { beyondTail, recordsMax, recordsTotal } = summarise([at(0, 100, 150), at(5, 100, 170)]);

    expect({ beyondTail, recordsMax, recordsTotal }).toEqual({
      ...{ beyondTail: [], recordsMax: 70, recordsTotal: 120 },
    });
  });

  test('is on disk before long', () => {
    const { beyondTail } = summarise([at(0, 100, 150), at(5, 100, 170), at(100, 140, 300)]);

    expect(beyondTail).toEqual(['ledger_0 from 140 (160 records), though it had 170']);
  });

  test('never begins before an earlier start began', () => {
    const { beyondTail } = summarise([at(0, 100, 150), at(5, 90, 170)]);

    expect(beyondTail).toEqual(['ledger_0 from 90 (80 records), though it had 100']);
  });

  test('is of each task alone', () => {
    const other = { ...at(100, 0, 10), task: 'ledger_1' };

    expect(summarise([at(0, 100, 150), other]).beyondTail).toEqual([]);
  });
});
