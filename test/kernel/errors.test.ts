import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { describe, expect, test } from '@jest/globals';
import { errorCodes } from '../../kernel/error-codes.ts';
import { RollguardError, isRollguardError, messageOf } from '../../kernel/errors.ts';
import { renderErrorsReference } from '../../tools/generate/errors-reference.ts';

describe('errors', () => {
  test('an error is recognised across realms by its brand, and by its code', () => {
    const error = new RollguardError('NOT_READY', 'the owner restores');
    const other: unknown = vm.runInNewContext('new Error("the owner restores")');

    expect(isRollguardError(error)).toBe(true);
    expect(isRollguardError(error, 'NOT_READY')).toBe(true);
    expect(isRollguardError(error, 'NOT_FOUND')).toBe(false);
    expect(isRollguardError(other)).toBe(false);
    expect(isRollguardError(undefined)).toBe(false);
  });

  test('an error knows the reaction and the statuses of its code', () => {
    expect(new RollguardError('NOT_READY', 'x').row).toEqual(errorCodes.NOT_READY);
    expect(errorCodes.NOT_READY).toMatchObject({
      reaction: 'retry',
      http: 503,
      grpc: 'UNAVAILABLE',
    });
  });

  test('a message names its causes once', () => {
    const cause = new Error('connect ECONNREFUSED');
    const error = new RollguardError('KAFKA_UNAVAILABLE', 'no broker answers', { cause });
    const quoting = new RollguardError('KAFKA_UNAVAILABLE', 'no broker: connect ECONNREFUSED', {
      cause,
    });

    expect(messageOf(error)).toBe('no broker answers: connect ECONNREFUSED');
    expect(messageOf(quoting)).toBe('no broker: connect ECONNREFUSED');
    expect(messageOf('text')).toBe('text');
  });

  test('the reference page lists exactly the codes of the table', () => {
    const page = readFileSync(new URL('../../docs/reference/errors.md', import.meta.url), 'utf8');

    const squeezed = (text: string): string => text.replaceAll(/[ -]+/g, ' ');
    expect(squeezed(page)).toBe(squeezed(renderErrorsReference()));
  });
});
