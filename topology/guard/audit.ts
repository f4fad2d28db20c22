/**
 * Who did what to a hold, when and why: one record for each change of a hold, made of the decision that
 * changed it and of nothing else, so that the log of decisions gives the same records again.
 */
import { uuidV5 } from '../../kernel/uuid.ts';
import type { Change, Decision } from './decision.ts';
import { platformReason } from './decide-platform.ts';
import { expiredReason } from './decide-sweep.ts';
import type { GuardInput } from './input.ts';
import type { StoredLock } from './stored-lock.ts';

/** RETURNED: a change of a confirmed hold was not confirmed in time, and its stay is the old one again. */
export type AuditAction =
  | 'CREATED'
  | 'CHANGED'
  | 'CONFIRMED'
  | 'RETURNED'
  | 'RELEASED'
  | 'BULK_RELEASE'
  | 'MANUAL_RELEASE'
  | 'EXPIRED';

export interface AuditActor {
  readonly id: string;
  readonly name?: string | undefined;
  readonly email?: string | undefined;
  /** Of the token that a person showed. */
  readonly tokenId?: string | undefined;
}

export interface AuditRecord {
  readonly auditId: string;
  readonly lockId: string;
  readonly tenantId: string;
  /** That the change gave the hold. */
  readonly version: number;
  readonly action: AuditAction;
  readonly actor: AuditActor;
  readonly reason: string;
  readonly correlationId: string | undefined;
  readonly reservationId: string | undefined;
  /** By the decision clock. */
  readonly atMs: number;
}

/** What a decision is audited by. */
export type AuditedDecision = Pick<Decision, 'decidedAtMs' | 'command' | 'changes'>;

type LockChange = Extract<Change, { readonly kind: 'lock' }>;

/** Namespace of audit ids, drawn once: the same change has the same id for ever. */
const namespace = 'b07a3b7c-52a1-4c0e-8d5e-4a9a2d1f6c33';
/** Of what nobody asked for: time, or a captured row. */
const guardActor: AuditActor = { id: 'availability-guard' };
/** Of what the platform's reservations say. */
const platformActor: AuditActor = { id: platformReason };

/** In the order of the changes. */
export function auditOf({ decidedAtMs, command, changes }: AuditedDecision): AuditRecord[] {
  const records: AuditRecord[] = [];
  const asked = command.kind === 'command' ? command.command : command;
  for (const change of changes) {
    if (change.kind === 'lock') records.push(recordOf(change, asked, decidedAtMs));
  }
  return records;
}

/** @param version that the change gave the hold. */
export function auditIdOf({
  lockId,
  version,
}: {
  readonly lockId: string;
  readonly version: number;
}): string {
  return uuidV5(namespace, `${lockId}|${version}`);
}

function recordOf(change: LockChange, command: GuardInput, atMs: number): AuditRecord {
  const { after } = change;
  const { lockId, tenantId, version, reservationId } = after;
  const action = actionOf(change, command);
  return {
    auditId: auditIdOf(after),
    lockId,
    tenantId,
    version,
    action,
    actor: actorOf(action, after, command),
    reason: reasonOf(action, after),
    correlationId: correlationOf(after, command),
    reservationId,
    atMs,
  };
}

function actionOf({ before, after }: LockChange, command: GuardInput): AuditAction {
  if (after.status === 'EXPIRED') return 'EXPIRED';
  if (after.status === 'RELEASED') return releaseActionOf(command);
  if (before === undefined) return 'CREATED';
  if (command.kind === 'expire') return 'RETURNED';
  // Confirmed by the platform's word; a hold that got the platform's own stay has another reason, too.
  const isPlatforms = command.kind === 'confirm' || command.kind === 'platform-stay';
  const isConfirmed = after.status === 'CONFIRMED' && after.reason !== platformReason;
  return isPlatforms && isConfirmed ? 'CONFIRMED' : 'CHANGED';
}

function releaseActionOf(command: GuardInput): AuditAction {
  if (command.kind === 'bulk-release') return 'BULK_RELEASE';
  return command.kind === 'release' && command.manual !== undefined ? 'MANUAL_RELEASE' : 'RELEASED';
}

function actorOf(action: AuditAction, after: StoredLock, command: GuardInput): AuditActor {
  if (command.kind === 'release' && command.manual !== undefined) return command.manual.actor;
  if ('actor' in command) return { id: command.actor };
  if (command.kind === 'confirm' || command.kind === 'platform-stay') return platformActor;
  // A row that makes a hold of its own names who it is held for.
  return action === 'CREATED' || action === 'CHANGED' ? { id: after.actor } : guardActor;
}

function reasonOf(action: AuditAction, { reason, releaseReason }: StoredLock): string {
  return action === 'RETURNED' ? expiredReason : (releaseReason ?? reason);
}

/** Of what nobody asked for: that of the request that the hold is of. */
function correlationOf(after: StoredLock, command: GuardInput): string | undefined {
  return 'correlationId' in command ? command.correlationId : after.correlationId;
}
