import { expect, test } from '@jest/globals';
import { zombieAnswers } from '../../../tools/faults/zombie-answers.ts';

test('answers count that an instance gave after it had stood still to who had asked it before', () => {
  const at = (place: string, askedMs: number, answeredMs: number, kind = 'locked') => ({
    ...{ place, askedMs, answeredMs, kind },
  });
  const frozen = new Map([['instance 1', [{ fromMs: 100, toMs: 200 }]]]);

  expect(
    zombieAnswers(
      [
        at('instance 1', 90, 210),
        at('instance 1', 150, 220, 'again'),
        at('instance 1', 160, 230, 'again'),
        at('instance 1', 50, 99),
        at('instance 1', 201, 230),
        at('instance 2', 150, 220),
      ],
      frozen,
    ),
  ).toEqual({ locked: 1, again: 2 });
});
