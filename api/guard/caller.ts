/**
 * Who calls, as each front finds it in headers or metadata and in the message: one tenant, one
 * correlation id. What contradicts itself is refused.
 */
import { RollguardError } from '../../kernel/errors.ts';
import { isUuid } from '../../kernel/uuid.ts';
import {
  checkTenant,
  fieldError,
  headerText,
  headerTextRule,
  tenantHeader,
} from '../request-fields.ts';

/** HTTP header and gRPC metadata. */
export const correlationHeader = 'x-correlation-id';
/** Of a caller that names no deadline; below the HTTP server's own patience. */
const callTimeoutMs = 10_000;
/** No caller waits longer, whatever it names. */
const callTimeoutMaxMs = 60_000;
const correlationLengthMax = 200;
const correlationText = headerText(correlationLengthMax);

/** A UUID is one tenant however it is written. */
function normalTenant(tenant: string): string {
  return isUuid(tenant) ? tenant.toLowerCase() : tenant;
}

/**
 * @param named by the header or metadata; undefined or empty: not at all.
 * @param field by the message.
 * @param where says in the error how to name one.
 * @throws REQUEST_INVALID, TENANT_MISMATCH
 */
export function callingTenant(named: string | undefined, field: unknown, where: string): string {
  const isInMessage = field !== undefined && field !== null && field !== '';
  const isNamed = named !== undefined && named !== '';
  if (!isNamed) return normalTenant(checkTenant(isInMessage ? field : undefined, where));
  const tenant = normalTenant(checkTenant(named, where));
  if (!isInMessage) return tenant;
  if (normalTenant(checkTenant(field, 'tenantId')) === tenant) return tenant;
  const message = 'is not the tenant that asks';
  const context = { violations: [{ field: 'tenantId', message }] };
  throw new RollguardError('TENANT_MISMATCH', `tenantId: ${message} (${tenantHeader})`, {
    context,
  });
}

/** @param namedMs what the caller names; infinite: nothing. */
export function callDeadlineMs(nowMs: number, namedMs = Number.POSITIVE_INFINITY): number {
  return Number.isFinite(namedMs)
    ? Math.min(namedMs, nowMs + callTimeoutMaxMs)
    : nowMs + callTimeoutMs;
}

/**
 * The message's id, else that of the header or metadata, else undefined: then one is made.
 * @throws REQUEST_INVALID
 */
export function givenCorrelation(named: string | undefined, field: unknown): string | undefined {
  if (field !== undefined && field !== null && field !== '') {
    return checkCorrelation(field, 'correlationId');
  }
  return named === undefined || named === ''
    ? undefined
    : checkCorrelation(named, `header ${correlationHeader}`);
}

function checkCorrelation(value: unknown, where: string): string {
  const result = correlationText.safeParse(value);
  if (result.success) return result.data;
  throw fieldError({ field: where, message: headerTextRule(correlationLengthMax) });
}
