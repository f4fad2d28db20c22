/** Reading fields of a request: zod, with errors that name the field. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import type { Violation } from './problem.ts';

/** Of one error; more are not told. */
const violationsMax = 16;
/** A name that the caller made up is shown cut. */
const shownFieldLength = 100;

/** HTTP header and gRPC metadata. */
export const tenantHeader = 'x-tenant-id';

/**
 * What an HTTP header carries unchanged: printable ASCII without blanks at its ends, and without a
 * comma, which is how a header given twice arrives.
 */
export function headerText(lengthMax: number): z.ZodString {
  return z
    .string()
    .max(lengthMax, headerTextRule(lengthMax))
    .regex(/^[!-+\--~](?:[ -+\--~]*[!-+\--~])?$/, headerTextRule(lengthMax));
}

export function headerTextRule(lengthMax: number): string {
  return `must be at most ${lengthMax} printable ASCII characters, no comma`;
}

export const tenantField = headerText(200).meta({
  description: 'the tenant that asks',
  examples: ['7e000000-0000-4000-8000-000000000001'],
});

/** The tenant that asks. @throws REQUEST_INVALID when the header is missing or given twice. */
export function tenantOf(request: FastifyRequest): string {
  return checkTenant(request.headers[tenantHeader], `header ${tenantHeader}`);
}

/** @param where names the field in the error. @throws REQUEST_INVALID */
export function checkTenant(value: unknown, where: string): string {
  const result = tenantField.safeParse(value);
  if (result.success) return result.data;
  const rule = 'must name one tenant: at most 200 printable ASCII characters, no comma';
  const context = { violations: [{ field: 'tenantId', message: rule }] };
  throw new RollguardError('REQUEST_INVALID', `${where} ${rule}`, { context });
}

/** @throws REQUEST_INVALID naming the first wrong field, and the others beside it. */
export function parseFields<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw fieldError(...result.error.issues.flatMap(violationsOfIssue));
}

/** REQUEST_INVALID whose message names the first of these fields. */
export function fieldError(...violations: readonly Violation[]): RollguardError {
  const [first] = violations;
  const message = first === undefined ? 'not valid' : `${first.field}: ${first.message}`;
  const context = { violations: violations.slice(0, violationsMax) };
  return new RollguardError('REQUEST_INVALID', message, { context });
}

function violationsOfIssue(issue: z.core.$ZodIssue): readonly Violation[] {
  const { path, message } = issue;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: [...path, key].join('.').slice(0, shownFieldLength),
      message: 'is no known field',
    }));
  }
  return [{ field: path.join('.').slice(0, shownFieldLength) || 'request', message }];
}
