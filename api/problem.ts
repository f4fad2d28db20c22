/** Errors as problem+json (RFC 9457); the only mapping from error codes to HTTP statuses. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { isRollguardError } from '../kernel/errors.ts';

export const problemBody = z.object({
  type: z.string().describe('a URN that names the code, so that a client can switch on it'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('what is wrong and what to do, for people'),
  code: z.string(),
});
export type Problem = Readonly<z.output<typeof problemBody>>;

export const problemContentType = 'application/problem+json';

/** What the caller is told; details of unexpected errors stay in the log. */
export function problemOf(error: unknown): Problem {
  if (isRollguardError(error)) return problem(error.row.http, error.code, error.message);
  const status = statusOf(error);
  // The HTTP library's own refusals (body too large, bad JSON, …) speak to the caller.
  if (status < 500) return problem(status, 'REQUEST_INVALID', (error as Error).message);
  return problem(500, 'INTERNAL', 'an unexpected error; it is in the log of this instance');
}

export function problem(status: number, code: string, detail: string): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: `urn:rollguard:error:${code}`, title, status, detail, code };
}

/** When to come again, if that is worth while: HTTP's `retry-after`, gRPC's RetryInfo. */
export function retryAfterSeconds({ status }: Problem): number | undefined {
  return status === 503 ? 1 : undefined;
}

function statusOf(error: unknown): number {
  const isHttpError = typeof error === 'object' && error !== null && 'statusCode' in error;
  return isHttpError && typeof error.statusCode === 'number' ? error.statusCode : 500;
}
