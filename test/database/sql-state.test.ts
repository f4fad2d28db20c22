import { describe, expect, test } from '@jest/globals';
import { sqlStateOf } from '../../database/sql-state.ts';
import { RollguardError } from '../../kernel/errors.ts';

describe('the SQLSTATE of an error', () => {
  test.each(['42P01', '22007', '57P01', 'XX000', 'P0001', 'HV00J', 'F0000'])('is %s', (code) => {
    expect(sqlStateOf(Object.assign(new Error('failed'), { code }))).toBe(code);
  });

  test.each([
    ['a socket', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })],
    ['our own', new RollguardError('USAGE', 'wrong')],
    ['a code that is a number', { code: 42_601 }],
    ['nothing', null],
  ])('is none of %s', (_whose, error) => {
    expect(sqlStateOf(error)).toBeUndefined();
  });
});
