/** Reading fields of a request: zod, with errors that name the field. */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';

const tenantHeader = 'x-tenant-id';
const tenantLengthMax = 200;

/** The tenant that asks. @throws REQUEST_INVALID when the header is missing or given twice. */
export function tenantOf(request: FastifyRequest): string {
  const value = request.headers[tenantHeader];
  if (
    typeof value !== 'string' ||
    value === '' ||
    value.length > tenantLengthMax ||
    value.includes(',')
  ) {
    throw new RollguardError('REQUEST_INVALID', `header ${tenantHeader} must name one tenant`);
  }
  return value;
}

/** @throws REQUEST_INVALID naming the first wrong field. */
export function parseFields<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  throw new RollguardError(
    'REQUEST_INVALID',
    `${path || 'request'}: ${issue?.message ?? 'not valid'}`,
  );
}
