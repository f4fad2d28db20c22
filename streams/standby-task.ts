/**
 * A copy of another instance's task: its state, kept up with its changelog, and nothing else. It can be
 * read where its position lies between two transactions, and becomes the task's own state when the task
 * moves here.
 */
import type { TaskState } from '../stores/task-state.ts';
import type { ChangelogPartition } from './commit.ts';
import type { FetchedPartition, PartitionOffset } from './kafka/port.ts';
import { applyFetched, checkpointIfFull } from './restore.ts';

export interface StandbyTaskOptions {
  readonly name: string;
  readonly changelog: ChangelogPartition;
  readonly state: TaskState;
}

export class StandbyTask {
  readonly name: string;
  readonly changelog: ChangelogPartition;
  readonly state: TaskState;
  /** End of the changelog as last heard of; undefined: not yet. */
  #end: number | undefined;
  /** The position lies between two transactions; not known of what it was opened with. */
  #isWhole = false;
  /** Wall-clock time at which it had everything that was in the changelog; undefined: not since it was opened. */
  #completeAtMs: number | undefined;

  constructor({ name, changelog, state }: StandbyTaskOptions) {
    this.name = name;
    this.changelog = changelog;
    this.state = state;
  }

  /** Changelog offset up to which it has the state. */
  get position(): number {
    return this.state.position()?.offset ?? 0;
  }

  get completeAtMs(): number | undefined {
    return this.#completeAtMs;
  }

  /** The same, of the content that it was opened with if there was none since. */
  get ageKnownAtMs(): number {
    return this.#completeAtMs ?? this.state.writtenAtMs;
  }

  /** Offsets that it is behind the changelog's end; undefined: not known yet. */
  get lag(): number | undefined {
    return this.#end === undefined ? undefined : Math.max(0, this.#end - this.position);
  }

  /** What queries may see: undefined in the middle of a transaction, and before the end is known. */
  get readableState(): TaskState | undefined {
    return this.#isWhole && this.#end !== undefined ? this.state : undefined;
  }

  /** @param sentAtMs when it was asked for. @throws what keeps the changelog from being read on. */
  async apply(fetched: FetchedPartition, sentAtMs: number): Promise<void> {
    if (fetched.error !== undefined) throw fetched.error;
    applyFetched(this.state, fetched, this.changelog.topicId);
    // Up to the last stable offset there is no transaction of which a part is missing.
    this.#isWhole = fetched.nextOffset >= fetched.lastStableOffset;
    this.endsAt({ ...this.changelog, offset: fetched.highWatermark }, sentAtMs);
    await checkpointIfFull(this.state);
  }

  /** The changelog ended here when it was asked for. */
  endsAt({ offset }: PartitionOffset, sentAtMs: number): void {
    this.#end = offset;
    if (this.position < offset) return;
    this.#isWhole = true;
    this.#completeAtMs = sentAtMs;
  }
}
