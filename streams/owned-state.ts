/**
 * A task's state across its ownerships: opened once, brought up to its changelog by every ownership, and
 * set aside, for a fresh one, when it turns out that it cannot be trusted.
 */
import { isRollguardError } from '../kernel/errors.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { ChangelogPartition } from './commit.ts';
import type { TaskEnvironment } from './task-environment.ts';
import type { TaskId } from './task-id.ts';

export interface OwnedStateOptions {
  readonly id: TaskId;
  /** Absent for a sub-topology without stores: then there is no state. */
  readonly changelog: ChangelogPartition | undefined;
  readonly environment: TaskEnvironment;
}

export class OwnedState {
  readonly #options: OwnedStateOptions;
  #content: TaskState | undefined;
  #isDamaged = false;

  constructor(options: OwnedStateOptions) {
    this.#options = options;
  }

  get content(): TaskState | undefined {
    return this.#content;
  }

  /** The next ownership begins with a fresh one if it was the state that failed the task. */
  failed(error: unknown): void {
    if (isRollguardError(error) && error.row.reaction === 'restore') this.#isDamaged = true;
  }

  /** Up to what is committed in the changelog. @throws what the stores and Kafka throw. */
  async restore(signal: AbortSignal): Promise<void> {
    const { id, changelog, environment } = this.#options;
    if (changelog === undefined) return;
    if (this.#isDamaged) await this.#setAside();
    try {
      if (this.#content === undefined) {
        this.#content = await environment.openState(id, changelog);
      } else {
        // What is committed and not on disk yet is older than the tail that is replayed over it.
        await this.#content.checkpoint(environment.clock.nowMs());
      }
      await environment.restore(id, this.#content, changelog, signal);
    } catch (error) {
      if (!isRollguardError(error) || error.row.reaction !== 'restore') throw error;
      await this.#setAside(error);
      this.#content = await environment.openState(id, changelog);
      await environment.restore(id, this.#content, changelog, signal);
    }
  }

  async #setAside(error?: unknown): Promise<void> {
    const { id, environment } = this.#options;
    const content = this.#content;
    this.#content = undefined;
    this.#isDamaged = false;
    // Its engine may refuse even that; the folder is moved either way.
    await content?.closeDirty().catch(() => undefined);
    await environment.setStateAside(id, 'damaged', error);
  }
}
