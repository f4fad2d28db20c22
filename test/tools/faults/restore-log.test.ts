/** The campaign's judgement of what each start replayed. */
import { describe, expect, test } from '@jest/globals';
import { restoresOf, summarise, type Restore } from '../../../tools/faults/restore-log.ts';

const at = (second: number, from: number, to: number, start = second): Restore => ({
  time: new Date(1_800_000_000_000 + second * 1_000).toISOString(),
  ...{ task: 'ledger_0', from, to, records: to - from, start, folder: 0 },
});

describe('what the starts of the application replayed', () => {
  test('may be replayed again by a start soon after', () => {
    const { beyondTail, recordsMax, recordsTotal } = summarise(
      [at(0, 100, 150), at(5, 100, 170)],
      true,
    );

    expect({ beyondTail, recordsMax, recordsTotal }).toEqual({
      ...{ beyondTail: [], recordsMax: 70, recordsTotal: 120 },
    });
  });

  test('is on disk before long', () => {
    const { beyondTail } = summarise([at(0, 100, 150), at(5, 100, 170), at(100, 140, 300)], true);

    expect(beyondTail).toEqual(['ledger_0 from 140 (160 records), though it had 170']);
  });

  test('never begins before an earlier start began', () => {
    const { beyondTail } = summarise([at(0, 100, 150), at(5, 90, 170)], true);

    expect(beyondTail).toEqual(['ledger_0 from 90 (80 records), though it had 100']);
  });

  test('is not what a task had in memory when its process took it once more: seed 1795737527', () => {
    const before = [at(0, 100, 150, 1), at(5, 170, 180, 1)];

    expect(summarise([...before, at(10, 100, 190, 2)], true).beyondTail).toEqual([]);
    expect(summarise([...before, at(10, 90, 190, 2)], true).beyondTail).toEqual([
      'ledger_0 from 90 (100 records), though it had 100',
    ]);
  });

  test('is told apart by the line with which each process begins', () => {
    const serving = '{"time":"2026-11-27T00:00:38.056Z","level":"info","message":"serving"}';
    const restored = JSON.stringify({ message: 'state restored', ...at(0, 1, 2) });
    const starts = restoresOf([serving, restored, restored, serving, restored, '']);

    expect(starts.map(({ start }) => start)).toEqual([1, 1, 2]);
  });

  test('is of each task alone', () => {
    const other = { ...at(100, 0, 10), task: 'ledger_1' };

    expect(summarise([at(0, 100, 150), other], true).beyondTail).toEqual([]);
  });

  test('may be more where another instance can take a task before it is on disk', () => {
    const restores = [at(0, 100, 150), at(5, 100, 170), at(100, 140, 300)];

    expect(summarise(restores, false).beyondTail).toEqual([]);
    expect(summarise([...restores, at(110, 90, 310)], false).beyondTail).toHaveLength(1);
  });

  test('says nothing of a folder that was lost', () => {
    const lost = { ...at(5, 0, 170), folder: 1 };

    expect(summarise([at(0, 100, 150), lost], true).beyondTail).toEqual([]);
  });
});
