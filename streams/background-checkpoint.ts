/**
 * Writes a task's committed state to disk beside its next transactions: nobody who waits for a commit
 * waits for the disk. Only when the next checkpoint is full before this one is written does the task
 * wait, so that the tail that a restart replays stays bounded.
 */
import type { TaskState } from '../stores/task-state.ts';

export class BackgroundCheckpoint {
  #failed: { readonly state: TaskState; readonly error: Error } | undefined;

  /**
   * Begins a checkpoint when one is due.
   * @param ownedAtMs see `TaskState.checkpoint`.
   * @throws what an earlier one of this state failed with.
   */
  async ifDue(state: TaskState | undefined, ownedAtMs: number): Promise<void> {
    this.#throwFailure(state);
    if (state?.isCheckpointLate === true) await state.checkpoint(ownedAtMs);
    if (state?.checkpointDue(ownedAtMs) !== true) return;
    state.checkpoint(ownedAtMs).catch((error: unknown) => {
      this.#failed = { state, error: error as Error };
    });
  }

  #throwFailure(state: TaskState | undefined): void {
    const failed = this.#failed;
    this.#failed = undefined;
    // A state that was set aside meanwhile is nobody's concern.
    if (failed !== undefined && failed.state === state) throw failed.error;
  }
}
