/**
 * What only the holder of an admin token may do: release a hold by hand, and read who did what. A lock
 * of a tenant that the token is not given for is answered as one that does not exist.
 */
import type { AdminToken } from '../../kernel/admin-tokens.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { Settings } from '../../kernel/settings.ts';
import { auditIdOf } from '../../topology/guard/audit.ts';
import { missingToldOf } from '../missing-partitions.ts';
import { parseFields, tenantHeader } from '../request-fields.ts';
import { adminOf } from './admin-access.ts';
import {
  auditBodyOf,
  type AuditBody,
  type AuditSearchBody,
  type ManualReleasedBody,
} from './audit-body.ts';
import {
  auditSearchFields,
  lockAuditFields,
  manualReleaseCommandOf,
  manualReleaseFields,
  recipientsOf,
} from './audit-fields.ts';
import { callingTenant } from './caller.ts';
import type { CallOptions, GuardCalls } from './guard-calls.ts';
import { lockIdFields, presentFields } from './guard-fields.ts';
import type { GuardMeter } from './guard-metrics.ts';
import { written } from './guard-operations.ts';
import { refusalError } from './lock-body.ts';

export type AdminSettings = Pick<
  Settings,
  | 'AVAILABILITY_GUARD_ADMIN_TOKENS'
  | 'AVAILABILITY_GUARD_MANUAL_RELEASE_ENABLED'
  | 'AVAILABILITY_GUARD_NOTIFICATIONS_ENABLED'
  | 'AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS'
>;

/** Whoever says to be an admin. */
export interface AdminCaller extends CallOptions {
  /** As it was sent; undefined: none was. */
  readonly token: string | undefined;
  /** Of the header; undefined: not named there. */
  readonly tenantId: string | undefined;
  readonly correlationId: string;
}

/** What it throws is the call's answer, and counted with it. */
type FindCaller = () => AdminCaller;

export interface LockRequest {
  readonly lockId: unknown;
  readonly fields: unknown;
}

export interface AuditOperations {
  manualRelease(request: LockRequest, caller: FindCaller): Promise<ManualReleasedBody>;
  lockAudit(request: LockRequest, caller: FindCaller): Promise<AuditBody>;
  searchAudit(fields: unknown, caller: FindCaller): Promise<AuditSearchBody>;
}

export interface AuditOperationsOptions {
  readonly calls: GuardCalls;
  readonly meter: GuardMeter;
  readonly settings: AdminSettings;
}

export function auditOperations(options: AuditOperationsOptions): AuditOperations {
  const { meter } = options;
  return {
    manualRelease: (request, caller) =>
      meter.measure('manualRelease', () => manualRelease(options, request, caller)),
    lockAudit: (request, caller) =>
      meter.measure('lockAudit', () => lockAudit(options, request, caller)),
    searchAudit: (fields, caller) =>
      meter.measure('searchAudit', () => searchAudit(options, fields, caller)),
  };
}

async function manualRelease(
  { calls, settings }: AuditOperationsOptions,
  request: LockRequest,
  find: FindCaller,
): Promise<ManualReleasedBody> {
  if (!settings.AVAILABILITY_GUARD_MANUAL_RELEASE_ENABLED) {
    const message = 'releasing by hand: AVAILABILITY_GUARD_MANUAL_RELEASE_ENABLED is false';
    throw new RollguardError('SWITCHED_OFF', message);
  }
  const caller = find();
  const admin = adminOf(caller.token, settings.AVAILABILITY_GUARD_ADMIN_TOKENS);
  const lockId = lockIdOf(request);
  const fields = parseFields(manualReleaseFields, presentFields(request.fields));
  const tenantId = callingTenant(caller.tenantId, fields.tenantId, 'tenantId');
  if (!admin.tenantIds.includes(tenantId)) throw noLock(lockId);
  const recipients = settings.AVAILABILITY_GUARD_NOTIFICATIONS_ENABLED
    ? recipientsOf(fields, settings.AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS)
    : [];
  const { correlationId } = caller;
  const target = { lockId, admin, recipients };
  const command = manualReleaseCommandOf(fields, { tenantId, correlationId }, target);
  const answer = await written(calls.release(command, caller));
  if (answer.status === 'RELEASED') {
    return { status: 'RELEASED', lockId, auditId: auditIdOf(answer.lock) };
  }
  throw answer.code === 'NOT_FOUND' ? noLock(lockId) : refusalError(answer);
}

async function lockAudit(
  { calls, settings }: AuditOperationsOptions,
  request: LockRequest,
  find: FindCaller,
): Promise<AuditBody> {
  const caller = find();
  const admin = adminOf(caller.token, settings.AVAILABILITY_GUARD_ADMIN_TOKENS);
  const lockId = lockIdOf(request);
  const { tenantId, limit } = parseFields(lockAuditFields, presentFields(request.fields));
  const tenantIds = tenantsAsked(admin, caller, tenantId);
  const records = await calls.lockAudit({ lockId, tenantIds, limit }, caller);
  if (records.length === 0) throw noLock(lockId);
  return auditBodyOf(records);
}

async function searchAudit(
  { calls, settings }: AuditOperationsOptions,
  asked: unknown,
  find: FindCaller,
): Promise<AuditSearchBody> {
  const caller = find();
  const admin = adminOf(caller.token, settings.AVAILABILITY_GUARD_ADMIN_TOKENS);
  const {
    tenantId,
    lockId,
    limit,
    partial = false,
  } = parseFields(auditSearchFields, presentFields(asked));
  const tenantIds = tenantsAsked(admin, caller, tenantId);
  const { records, missing } =
    lockId === undefined
      ? await calls.searchAudit({ tenantIds, limit }, caller)
      : { records: await calls.lockAudit({ lockId, tenantIds, limit }, caller), missing: [] };
  return { ...auditBodyOf(records), ...missingToldOf(missing, partial) };
}

/** Those of the token, or the one of them that is named; none for one that is not of them. */
function tenantsAsked(
  { tenantIds }: AdminToken,
  caller: AdminCaller,
  field: string | undefined,
): readonly string[] {
  if (caller.tenantId === undefined && field === undefined) return tenantIds;
  const named = callingTenant(caller.tenantId, field, `header ${tenantHeader}`);
  return tenantIds.filter((tenantId) => tenantId === named);
}

function lockIdOf({ lockId }: LockRequest): string {
  return parseFields(lockIdFields, presentFields({ lockId })).lockId;
}

/** The same whether there is none, or it is not for this token. */
function noLock(lockId: string): RollguardError {
  return new RollguardError('NOT_FOUND', `no lock ${lockId} is known for this tenant`);
}
