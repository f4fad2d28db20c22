import { describe, expect, test } from '@jest/globals';
import { bulkReleased, idsReleased } from '../../api/guard/bulk-release.ts';
import type { Gathered } from '../../api/peers/scatter.ts';
import { seededRandom } from '../../kernel/random.ts';
import type { BulkReleaseAnswer, Refusal } from '../../topology/guard/answer.ts';
import { lockOf, missingPartition } from '../support/fake-guard.ts';

type Answers = Gathered<BulkReleaseAnswer | Refusal>;

const released = (...lockIds: readonly string[]): BulkReleaseAnswer => ({
  status: 'DONE',
  results: lockIds.map((lockId) => ({
    ...{ lockId, outcome: 'RELEASED', lock: lockOf({ lockId }, seededRandom(1)) },
  })),
});
const refused: Refusal = {
  ...{ status: 'REFUSED', code: 'REQUEST_INVALID', field: 'window', message: 'too many' },
};
const errorOf = (answers: Answers): unknown => {
  try {
    return bulkReleased(answers);
  } catch (error) {
    return error;
  }
};

describe('a release over several partitions', () => {
  test('is what each of them did', () => {
    const { results, missing } = bulkReleased({
      answers: [released('a', 'b'), released(), released('c')],
      missing: [],
    });

    expect(results.map(({ lockId }) => lockId)).toEqual(['a', 'b', 'c']);
    expect(missing).toEqual([]);
  });

  test('loses nothing of what was done when others are missing', () => {
    const missing = [missingPartition(1), missingPartition(2, 'OUTCOME_UNKNOWN')];
    const found = bulkReleased({ answers: [released('a')], missing });

    expect(found.results).toMatchObject([{ lockId: 'a', outcome: 'RELEASED' }]);
    expect(found.missing).toBe(missing);
  });

  test('is refused as a whole with what a partition refuses', () => {
    expect(errorOf({ answers: [released('a'), refused], missing: [] })).toMatchObject({
      ...{ code: 'REQUEST_INVALID', message: 'window: too many' },
    });
  });
});

describe('nobody having answered', () => {
  test('nothing was done: it can be asked again, and all are named', () => {
    const missing = [missingPartition(1), missingPartition(3, 'QUEUE_FULL')];

    expect(errorOf({ answers: [], missing })).toMatchObject({
      code: 'NOT_READY',
      message: 'no answer from guard_1, guard_3; nothing was done; try again shortly',
      context: { missingPartitions: [{ task: 'guard_1' }, { task: 'guard_3' }] },
    });
  });

  test('it is not known whether it was done, if it is not of one of them', () => {
    const missing = [missingPartition(1), missingPartition(3, 'OUTCOME_UNKNOWN')];

    expect(errorOf({ answers: [], missing })).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  test('one that was asked alone says it itself', () => {
    const alone = missingPartition(1, 'QUEUE_FULL');

    expect(errorOf({ answers: [], missing: [alone] })).toBe(alone.error);
  });
});

describe('a release of ids', () => {
  const byPartition = new Map([
    [0, ['a', 'd']],
    [1, ['b']],
    [2, ['c']],
  ]);
  const lockIds = ['c', 'a', 'nowhere', 'b', 'd'];
  const outcomesOf = (answers: Answers): readonly (readonly string[])[] =>
    idsReleased(answers, lockIds, byPartition).results.map(({ lockId, outcome }) => [
      ...[lockId, outcome],
    ]);

  test('has a result for each, in their order', () => {
    expect(
      outcomesOf({ answers: [released('a', 'd'), released('b'), released('c')], missing: [] }),
    ).toEqual([
      ['c', 'RELEASED'],
      ['a', 'RELEASED'],
      ['nowhere', 'NOT_FOUND'],
      ['b', 'RELEASED'],
      ['d', 'RELEASED'],
    ]);
  });

  test('says of those of a missing partition whether they may have been released', () => {
    const missing = [missingPartition(0), missingPartition(2, 'OUTCOME_UNKNOWN')];

    expect(outcomesOf({ answers: [released('b')], missing })).toEqual([
      ['c', 'UNKNOWN'],
      ['a', 'NOT_DONE'],
      ['nowhere', 'NOT_FOUND'],
      ['b', 'RELEASED'],
      ['d', 'NOT_DONE'],
    ]);
  });

  test('that lead nowhere asks nobody', () => {
    const { results } = idsReleased({ answers: [], missing: [] }, ['nowhere'], new Map());

    expect(results).toEqual([{ lockId: 'nowhere', outcome: 'NOT_FOUND', lock: undefined }]);
  });
});
