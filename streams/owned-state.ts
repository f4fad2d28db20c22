/**
 * A task's state across its ownerships: opened once, brought up to its changelog by every ownership, and
 * set aside, for a fresh one, when it turns out that it cannot be trusted.
 */
import { isRollguardError } from '../kernel/errors.ts';
import type { SetAsideReason } from '../stores/state-directory.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { ChangelogPartition } from './commit.ts';
import { RestoreProgress } from './restore-progress.ts';
import { isStateTooOld } from './streams-config.ts';
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
  #progress: RestoreProgress | undefined;
  #isDamaged = false;
  /** Its engine found no space and takes no more writes: only one that is opened again does. */
  #isStuck = false;
  /** Wall-clock time at which the content last had all that was in the changelog; undefined: never yet. */
  #completeAtMs: number | undefined;

  constructor(options: OwnedStateOptions) {
    this.#options = options;
  }

  get content(): TaskState | undefined {
    return this.#content;
  }

  /** Of the restore under way, or the last one. */
  get progress(): RestoreProgress | undefined {
    return this.#progress;
  }

  /** The next ownership begins with a fresh one, or opens it anew, if it was the state that failed the task. */
  failed(error: unknown): void {
    if (isRollguardError(error) && error.row.reaction === 'restore') this.#isDamaged = true;
    if (isRollguardError(error, 'DISK_FULL')) this.#isStuck = true;
  }

  /** @param atMs when the task was last known to be here, with everything in the changelog committed by it. */
  confirmed(atMs: number): void {
    this.#completeAtMs = Math.max(atMs, this.#completeAtMs ?? 0);
  }

  /** Up to what is committed in the changelog. @throws what the stores and Kafka throw. */
  async restore(signal: AbortSignal): Promise<void> {
    const { changelog, environment } = this.#options;
    if (changelog === undefined) return;
    if (this.#isDamaged) await this.#setAside('damaged');
    else if (this.#isTooOld()) await this.#setAside('too-old');
    else if (this.#isStuck) await this.#letGo();
    const startedAtMs = environment.clock.nowMs();
    try {
      await this.#replay(changelog, signal);
    } catch (error) {
      if (!isRollguardError(error) || error.row.reaction !== 'restore') throw error;
      await this.#setAside('damaged', error);
      await this.#replay(changelog, signal);
    }
    this.confirmed(startedAtMs);
  }

  async #replay(changelog: ChangelogPartition, signal: AbortSignal): Promise<void> {
    const { id, environment } = this.#options;
    // A task that went elsewhere meanwhile: its standby here waits for this one to let go.
    signal.throwIfAborted();
    this.#content ??= await environment.openState(id, changelog);
    this.#progress = new RestoreProgress(environment.clock);
    const restore = { state: this.#content, changelog, progress: this.#progress, signal };
    await environment.restore(id, restore);
  }

  /** A process that was stopped for so long may have missed tombstones that are cleaned away by now. */
  #isTooOld(): boolean {
    if (this.#content === undefined || this.#completeAtMs === undefined) return false;
    const { clock, config } = this.#options.environment;
    return isStateTooOld(config, this.#completeAtMs, clock.nowMs());
  }

  async #setAside(reason: SetAsideReason, error?: unknown): Promise<void> {
    const { id, environment } = this.#options;
    this.#isDamaged = false;
    this.#completeAtMs = undefined;
    await this.#letGo();
    await environment.setStateAside(id, reason, error);
  }

  /** The folder is moved, or opened again, whatever its engine says: the changelog has what it lacks. */
  async #letGo(): Promise<void> {
    const content = this.#content;
    this.#content = undefined;
    this.#isStuck = false;
    await content?.closeDirty().catch(() => undefined);
  }
}
