import { isRollguardError } from '../../kernel/errors.ts';

/** The code a promise fails with; `resolved` or `uncoded: …` otherwise. */
export async function errorCodeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return isRollguardError(error) ? error.code : `uncoded: ${String(error)}`;
  }
}
