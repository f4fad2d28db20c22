import { describe, expect, test } from '@jest/globals';
import {
  brokerError,
  brokerErrors,
  reactionTo,
  worstError,
} from '../../../streams/kafka/error-reactions.ts';
import { javaErrors } from './java-client.ts';

const known = Object.entries(javaErrors)
  .map(([code, row]) => ({ code: Number(code), ...row }))
  .filter(({ code }) => code !== 0);

describe('error reactions', () => {
  test('have a row for every code that the Java client knows, under Kafka’s name, and no other row', () => {
    const rows = [...brokerErrors].map(([code, { name }]) => ({ code, name }));
    const byCode = (left: { code: number }, right: { code: number }): number =>
      left.code - right.code;

    expect(rows.sort(byCode)).toEqual(known.map(({ code, name }) => ({ code, name })).sort(byCode));
    expect(rows.length).toBeGreaterThan(130);
  });

  test('try again where the Java client does, and never where it must not', () => {
    const patient = ['wait', 'find-leader', 'find-coordinator', 'find-topic'];
    const differing = known
      .filter(({ code, retriable }) => patient.includes(reactionTo(code)) !== retriable)
      .map(({ name }) => name);

    expect(differing).toEqual([
      // Java gives these up and leaves the retry to the application.
      'BROKER_NOT_AVAILABLE',
      'TRANSACTION_COORDINATOR_FENCED',
      'OPERATION_NOT_ATTEMPTED',
      'NEW_LEADER_ELECTED',
      'UNKNOWN_SERVER_ERROR',
    ]);
  });

  test('treat a code without a row as fatal and say its number', () => {
    expect(brokerError(9_999, 'commit')).toMatchObject({
      code: 'KAFKA_FATAL',
      message: expect.stringContaining('9999') as unknown,
    });
  });

  test.each([
    [51, 'KAFKA_RETRIABLE'],
    [47, 'PRODUCER_FENCED'],
    [90, 'PRODUCER_FENCED'],
    [22, 'ILLEGAL_GENERATION'],
    [82, 'INSTANCE_FENCED'],
    [120, 'TRANSACTION_ABORTED'],
    [10, 'RECORD_TOO_LARGE'],
    [1, 'OFFSET_OUT_OF_RANGE'],
    [45, 'OUTCOME_UNKNOWN'],
    [53, 'KAFKA_FATAL'],
  ])('turn Kafka’s %i into %s', (kafkaCode, code) => {
    expect(brokerError(kafkaCode, 'a request').code).toBe(code);
  });

  test('let the error decide that leaves the least to hope for', () => {
    const codesOf = (...list: number[]): { errorCode: number }[] =>
      list.map((errorCode) => ({ errorCode }));

    expect(worstError(codesOf(0, 55, 51, 29))).toEqual({ errorCode: 29 });
    expect(worstError(codesOf(6, 90, 10))).toEqual({ errorCode: 90 });
    expect(worstError(codesOf(0, 0))).toBeUndefined();
  });
});
