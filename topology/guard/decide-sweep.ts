/**
 * What time does: tentative holds whose time is over end, or return to the stay they were confirmed
 * for; ended holds and the memory of their slots are forgotten long after the last stay, commands' ids
 * once they can have no second effect.
 */
import type { ExpireCommand } from './command.ts';
import type { SweepAnswer } from './decision.ts';
import type { DecisionDraft } from './decision-draft.ts';
import { commandsForgottenBeforeMs, forgottenBeforeMs } from './guard-options.ts';
import type { ForgetCommand } from './input.ts';
import { partitionKeyOf } from './lock-id.ts';
import type { ConfirmedStay, StoredLock } from './stored-lock.ts';

/** Why a hold ended whose time was over. */
export const expiredReason = 'EXPIRED';

export function decideExpire(draft: DecisionDraft, { limit }: ExpireCommand): SweepAnswer {
  const { state, options, atMs } = draft;
  const dueIds = options.isExpiryPaused ? [] : state.dueHolds(atMs, limit);
  const due = dueIds.map((id) => draft.lock(id)).filter((lock) => lock !== undefined);
  for (const lock of due) {
    if (lock.confirmedStay === undefined) draft.end(lock, 'EXPIRED', expiredReason);
    else draft.hold(returned(draft, lock, lock.confirmedStay), lock);
  }
  return { status: 'SWEPT', count: due.length };
}

export function decideForget(draft: DecisionDraft, { limit }: ForgetCommand): SweepAnswer {
  const { state, options, atMs } = draft;
  const over = state
    .forgettable(forgottenBeforeMs(atMs, options), limit)
    .map((id) => draft.lock(id))
    .filter((lock) => lock !== undefined);
  for (const lock of over) {
    draft.changes.push({ kind: 'forgotten-lock', lockId: lock.lockId });
    const partitionKey = partitionKeyOf(lock);
    // Holds of earlier generations go alone; the newest takes the slot's memory with it.
    if (state.slot(partitionKey, lock.slot)?.lockId === lock.lockId) {
      draft.changes.push({ kind: 'forgotten-slot', partitionKey, slot: lock.slot });
    }
  }
  const oldCommands = state.oldCommands(commandsForgottenBeforeMs(atMs, options), limit);
  for (const command of oldCommands) draft.changes.push({ kind: 'forgotten-command', command });
  return { status: 'SWEPT', count: over.length + oldCommands.length };
}

function returned(draft: DecisionDraft, lock: StoredLock, stay: ConfirmedStay): StoredLock {
  return {
    ...lock,
    ...stay,
    status: 'CONFIRMED',
    expiresAtMs: undefined,
    confirmedStay: undefined,
    changedAtMs: draft.atMs,
    version: draft.nextVersion(partitionKeyOf(lock)),
  };
}
