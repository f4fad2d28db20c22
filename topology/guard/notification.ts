/**
 * The message that a hold was released by hand, on `availability-guard.notifications`: the contract is
 * `schemas/guard/manual-release-notification.schema.json`. It is part of the release's own transaction,
 * and a hold is released once: so there is one for each, or none.
 */
import type { RecordHeader, SerializedRecord, StreamRecord } from '../../streams/index.ts';
import type { Decision } from './decision.ts';
import type { StoredLock } from './stored-lock.ts';

/** Name of the topic unless a setting says another; no suffix in shadow mode. */
export const notificationsTopicDefault = 'availability-guard.notifications';
export const notificationsPartitionCount = 3;

const type = 'availability_guard.manual_release';

/** As it is written. */
export interface ManualReleaseNotification {
  readonly type: typeof type;
  readonly sentAt: string;
  readonly lockId: string;
  readonly tenantId: string;
  readonly reservationId: string | null;
  readonly roomTypeId: string;
  readonly roomId: string | null;
  readonly stayStart: string;
  readonly stayEnd: string;
  readonly reason: string;
  readonly actor: { readonly id: string; readonly name: string; readonly email: string | null };
  readonly recipients: readonly string[];
}

export type NotificationRecord = StreamRecord<string, ManualReleaseNotification>;

export function serializeNotification({ key, value }: NotificationRecord): SerializedRecord {
  return { key: Buffer.from(key), value: Buffer.from(JSON.stringify(value), 'utf8') };
}

/** Undefined: nothing was released by hand, or nobody is to be told. */
export function notificationOf(
  decision: Pick<Decision, 'decidedAtMs' | 'command' | 'changes'>,
): NotificationRecord | undefined {
  const { command, changes, decidedAtMs } = decision;
  if (command.kind !== 'release' || command.manual === undefined) return undefined;
  const { actor, recipients } = command.manual;
  const released = changes.find((change) => change.kind === 'lock')?.after;
  if (released === undefined || recipients.length === 0) return undefined;
  const { name, email = null } = actor;
  return {
    key: released.lockId,
    value: {
      ...{ type, sentAt: isoOf(decidedAtMs), ...holdOf(released), reason: command.reason },
      ...{ actor: { id: actor.id, name, email }, recipients },
    },
    timestampMs: decidedAtMs,
    headers: headersOf({ 'lock-id': released.lockId, 'tenant-id': released.tenantId }),
  };
}

type HoldFields = 'lockId' | 'tenantId' | 'reservationId' | 'roomTypeId' | 'roomId';

function holdOf(
  lock: StoredLock,
): Pick<ManualReleaseNotification, HoldFields | 'stayStart' | 'stayEnd'> {
  const { lockId, tenantId, reservationId = null, roomTypeId, roomId = null } = lock;
  const stay = { stayStart: isoOf(lock.stayStartMs), stayEnd: isoOf(lock.stayEndMs) };
  return { lockId, tenantId, reservationId, roomTypeId, roomId, ...stay };
}

function headersOf(texts: Readonly<Record<string, string>>): readonly RecordHeader[] {
  return Object.entries({ ...texts, 'event-type': type }).map(([key, text]) => ({
    key,
    value: Buffer.from(text),
  }));
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
