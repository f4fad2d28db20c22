/** Errors as problem+json (RFC 9457); the only mapping from error codes to HTTP statuses. */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { isRollguardError, type RollguardError } from '../kernel/errors.ts';
import { missingPartitionShape, missingPartitionsOf } from './missing-partitions.ts';

export const problemBody = z.object({
  type: z.string().describe('a URN that names the code, so that a client can switch on it'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('what is wrong and what to do, for people'),
  code: z.string(),
  errors: z
    .array(z.object({ field: z.string(), message: z.string() }))
    .optional()
    .describe('the fields at fault'),
  missingPartitions: z
    .array(missingPartitionShape)
    .optional()
    .describe('of a question that every partition is asked: those that did not answer'),
});
export type Problem = Readonly<z.output<typeof problemBody>>;

export const problemContentType = 'application/problem+json';

/** A field of a request and what is wrong with it. */
export type Violation = NonNullable<Problem['errors']>[number];

/** The fields that an error of ours says are at fault. */
export function violationsOf({ context }: RollguardError): readonly Violation[] {
  return (context['violations'] as readonly Violation[] | undefined) ?? [];
}

/** What the caller is told; details of unexpected errors stay in the log. */
export function problemOf(error: unknown): Problem {
  if (isRollguardError(error)) {
    const violations = violationsOf(error);
    const missing = missingPartitionsOf(error);
    return {
      ...problem(error.row.http, error.code, error.message),
      ...(violations.length === 0 ? {} : { errors: [...violations] }),
      ...(missing === undefined ? {} : { missingPartitions: [...missing] }),
    };
  }
  const status = statusOf(error);
  const known = libraryRefusals[status];
  if (known !== undefined) return problem(status, 'REQUEST_INVALID', known);
  // The HTTP library's own refusals (body too large, bad JSON, …) speak to the caller.
  if (status < 500) return problem(status, 'REQUEST_INVALID', (error as Error).message);
  return problem(500, 'INTERNAL', 'an unexpected error; it is in the log of this instance');
}

export function problem(status: number, code: string, detail: string): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: `urn:rollguard:error:${code}`, title, status, detail, code };
}

/** Refusals of the HTTP library that are told in our words: they name what is at fault. */
const libraryRefusals: Readonly<Record<number, string>> = {
  413: 'body: must be at most 1 MiB',
  415: 'header content-type: must be application/json',
};

/** When to come again, if that is worth while: HTTP's `retry-after`, gRPC's RetryInfo. */
export function retryAfterSeconds({ status, code }: Problem): number | undefined {
  if (code === 'SWITCHED_OFF') return undefined;
  return status === 503 || status === 429 ? 1 : undefined;
}

function statusOf(error: unknown): number {
  const isHttpError = typeof error === 'object' && error !== null && 'statusCode' in error;
  return isHttpError && typeof error.statusCode === 'number' ? error.statusCode : 500;
}
