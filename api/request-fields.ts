/** Reading fields of a request: zod, with errors that name the field. */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';

/** HTTP header and gRPC metadata. */
export const tenantHeader = 'x-tenant-id';
const tenantLengthMax = 200;

/** The tenant that asks. @throws REQUEST_INVALID when the header is missing or given twice. */
export function tenantOf(request: FastifyRequest): string {
  return checkTenant(request.headers[tenantHeader], `header ${tenantHeader}`);
}

/** @param where names the field in the error. @throws REQUEST_INVALID */
export function checkTenant(value: unknown, where: string): string {
  const isOne = typeof value === 'string' && value !== '' && !value.includes(',');
  if (isOne && value.length <= tenantLengthMax) return value;
  throw new RollguardError('REQUEST_INVALID', `${where} must name one tenant`);
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
