/**
 * The one error class. A code says what to do about it (its row in `error-codes.ts`); the message
 * names the setting, field, topic or file and the remedy. Recognised by a registered symbol, since
 * `instanceof` fails across realms (Jest runs each test file in its own).
 */
import { errorCodes, type ErrorCode, type ErrorCodeRow } from './error-codes.ts';

const brand = Symbol.for('rollguard.error');

export interface RollguardErrorOptions {
  /** What the message was built from, for logs and machine-readable output. */
  readonly context?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class RollguardError extends Error {
  readonly [brand] = true;
  readonly code: ErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: RollguardErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'RollguardError';
    this.code = code;
    this.context = options.context ?? {};
  }

  /** The code's row: reaction, HTTP and gRPC status. */
  get row(): ErrorCodeRow {
    return errorCodes[this.code];
  }
}

/** True for a RollguardError, with that code if one is given; works across realms. */
export function isRollguardError(error: unknown, code?: ErrorCode): error is RollguardError {
  return (
    typeof error === 'object' &&
    error !== null &&
    brand in error &&
    (code === undefined || (error as RollguardError).code === code)
  );
}

/** A message for people out of anything that was thrown, causes included. */
export function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error);
  const cause = 'cause' in error && error.cause !== undefined ? `: ${messageOf(error.cause)}` : '';
  const text = String(error.message);
  return cause !== '' && text.includes(cause.slice(2)) ? text : `${text}${cause}`;
}
