import { describe, expect, test } from '@jest/globals';
import {
  dateField,
  microsField,
  millisField,
  nullable,
  textField,
  uuidField,
  wholeField,
} from '../../projections/event-fields.ts';
import { errorCodeOf } from '../support/error-code.ts';

const refused = (read: () => unknown): Promise<string> => errorCodeOf(Promise.resolve().then(read));

describe('the fields of events', () => {
  test('lose no microsecond, before 1970 neither', () => {
    expect(microsField('at', 1_780_000_000_123_456)).toBe('2026-05-28T20:26:40.123456Z');
    expect(microsField('at', -1)).toBe('1969-12-31T23:59:59.999999Z');
    expect(millisField('at', 1_780_000_000_123)).toBe('2026-05-28T20:26:40.123000Z');
  });

  test('keep a number that JavaScript cannot count to', () => {
    expect(wholeField('amount', 9_007_199_254_740_993n)).toBe('9007199254740993');
  });

  test('are one text for one id, however it is written', () => {
    expect(uuidField('id', '7E000000-0000-4000-8000-00000000000A')).toBe(
      '7e000000-0000-4000-8000-00000000000a',
    );
  });

  test('are refused where a column would refuse them', async () => {
    const codes = await Promise.all([
      refused(() => uuidField('id', 'not one')),
      refused(() => dateField('day', '2026-02-30')),
      refused(() => textField('currency', 'EURO', 3)),
      refused(() => textField('reason', 'a\u0000b')),
      refused(() => wholeField('amount', 1.5)),
      refused(() => microsField('at', Number.MAX_SAFE_INTEGER * 2)),
    ]);

    expect(codes).toEqual(codes.map(() => 'DECODE_FAILED'));
  });

  test('that may be absent are null then', () => {
    expect([null, undefined].map((value) => nullable(uuidField)('id', value))).toEqual([
      null,
      null,
    ]);
  });
});
