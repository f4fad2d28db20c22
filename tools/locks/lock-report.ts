/** Locks and availability as text for people. */
import type { AuditBody } from '../../api/guard/audit-body.ts';
import type {
  AvailabilityBody,
  ConflictBody,
  LockBody,
  LocksBody,
} from '../../api/guard/lock-body.ts';

export function renderLock(lock: LockBody): string {
  const { reservationId, expiresAt, releasedAt, releaseReason } = lock;
  const expiry = expiresAt === null ? 'does not expire' : `expires ${expiresAt}`;
  const lines = [
    `${lock.lockId}  ${lock.status}  version ${lock.version}`,
    `  ${whatOf(lock)}`,
    `  stay ${lock.stayStart} to ${lock.stayEnd}, nights ${lock.nights.join(' ')}`,
    `  reservation ${reservationId ?? 'none'}, slot ${lock.slot}`,
    `  ${lock.reason} by ${lock.actor}, granted ${lock.grantedAt}, ${expiry}`,
    ...(releasedAt === null ? [] : [`  ended ${releasedAt}: ${releaseReason ?? 'no reason'}`]),
  ];
  return `${lines.join('\n')}\n`;
}

export function renderLocks({ locks }: LocksBody): string {
  if (locks.length === 0) return 'no locks\n';
  return locks
    .map(
      (lock) =>
        `${lock.lockId}  ${lock.status.padEnd(9)}  ${lock.stayStart} to ${lock.stayEnd}  ${whatOf(lock)}\n`,
    )
    .join('');
}

export function renderConflict({ reason, nights, blockingLock }: ConflictBody): string {
  const when = nights.length === 0 ? '' : ` on ${nights.join(' ')}`;
  const blocker = blockingLock === null ? '' : `held by\n${renderLock(blockingLock)}`;
  return `CONFLICT ${reason}${when}\n${blocker}`;
}

export function renderAvailability({ nights }: AvailabilityBody): string {
  const lines = nights.map(({ date, capacity, held, free }) =>
    row(date, String(capacity ?? 'unknown'), String(held), String(free ?? 'unknown')),
  );
  return [row('night', 'capacity', 'held', 'free'), ...lines].map((line) => `${line}\n`).join('');
}

export function renderAudit({ records }: AuditBody): string {
  if (records.length === 0) return 'no records\n';
  return records
    .map(({ at, action, lockId, version, actor, reason }) => {
      const who = actor.name === null ? actor.id : `${actor.name} (${actor.id})`;
      return `${at}  ${action.padEnd(14)}  ${lockId}  version ${version}  ${reason} by ${who}\n`;
    })
    .join('');
}

function whatOf({ roomId, roomTypeId }: LockBody): string {
  return roomId === null
    ? `any room of type ${roomTypeId}`
    : `room ${roomId} of type ${roomTypeId}`;
}

function row(...[first = '', ...numbers]: readonly string[]): string {
  return [first.padEnd(10), ...numbers.map((each) => each.padStart(8))].join('  ');
}
