/** Makes a decision's changes, whether it was just made or comes from the log of decisions. */
import { assert } from '../../kernel/assert.ts';
import type { Change, Decision } from './decision.ts';
import type { GuardState, GuardStateWriter } from './guard-state.ts';
import { partitionKeyOf } from './lock-id.ts';

export function evolve(
  state: GuardState & GuardStateWriter,
  decision: Pick<Decision, 'decidedAtMs' | 'changes'>,
): void {
  for (const change of decision.changes) make(state, change);
  if (decision.decidedAtMs > state.lastDecisionMs()) state.putLastDecisionMs(decision.decidedAtMs);
}

function make(state: GuardState & GuardStateWriter, change: Change): void {
  switch (change.kind) {
    case 'lock': {
      const { lockId, before, after } = change;
      const partitionKey = partitionKeyOf(after);
      assert(state.lock(lockId)?.version === before, `lock ${lockId} is not at version ${before}`);
      // What was decided without knowing of another decision has its version, or a lower one.
      const isNext = after.version > state.lastVersion(partitionKey);
      assert(isNext, `version ${after.version} of ${partitionKey} was given before`);
      state.putLock(after);
      state.putLastVersion(partitionKey, after.version);
      return;
    }
    case 'forgotten-lock':
      state.removeLock(change.lockId);
      return;
    case 'slot':
      state.putSlot(change.after);
      return;
    case 'forgotten-slot':
      state.removeSlot(change.partitionKey, change.slot);
      return;
    case 'command':
      state.putCommand(change.command, change.decidedAtMs);
      return;
    case 'forgotten-command':
      state.removeCommand(change.command);
      return;
    case 'room':
      state.putRoom(change.after);
      return;
    case 'type-rooms':
      state.putTypeRooms(change.partitionKey, change.after);
      return;
    case 'property':
      state.putProperty(change.property, change.after);
      return;
    case 'catalogue':
      state.putCatalogueComplete(change.isComplete);
      return;
  }
}
