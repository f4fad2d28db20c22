import { keyOfName } from '../../stores/key-name.ts';
import type { StateChange } from '../../stores/state-engine.ts';
import type { TaskState } from '../../stores/task-state.ts';

/** What the open transaction would write to the changelog. */
export function pendingChanges(state: TaskState): readonly StateChange[] {
  const changes: StateChange[] = [];
  state.eachPending((name, value) => {
    changes.push({ key: keyOfName(name), value: value ?? undefined });
  });
  return changes;
}
