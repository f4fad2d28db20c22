/**
 * The tasks of one instance: makes those that the group assigned, closes those it took away, and
 * brings a failed one back. A failure concerns one task: the others go on.
 */
import { RollguardError, isRollguardError, type RollguardErrorOptions } from '../kernel/errors.ts';
import { assignedTasks, type TaskPlan } from './assignor.ts';
import type { ChangelogPartition, GroupGenerations } from './commit.ts';
import type { GroupAssignment, PartitionReader } from './kafka/port.ts';
import type { Membership } from './membership.ts';
import { retryDelayMs } from './streams-config.ts';
import { StreamTask } from './stream-task.ts';
import type { TaskEnvironment } from './task-environment.ts';
import { formatTaskId } from './task-id.ts';
import type { SubTopology } from './topology-builder.ts';

/** `isStateful`: it has a changelog. */
export interface PlannedTask extends TaskPlan {
  readonly subTopology: SubTopology;
  readonly changelog: ChangelogPartition | undefined;
}

export interface TaskManagerOptions {
  readonly plans: readonly PlannedTask[];
  readonly environment: TaskEnvironment;
  readonly reader: PartitionReader;
  readonly membership: Membership;
  /** Something only a person can mend: the instance stops. */
  readonly fatal: (error: unknown) => void;
}

interface Owning {
  /** Ends it early, at a point where nothing is lost. */
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

export class TaskManager {
  readonly #options: TaskManagerOptions;
  readonly #tasks = new Map<string, StreamTask>();
  /** Ownership being taken, by task. */
  readonly #owning = new Map<string, Owning>();
  /** Tasks that went elsewhere and are not closed yet. */
  readonly #closings = new Map<string, Promise<void>>();
  /** That came last; its tasks. */
  #assignment: GroupAssignment | undefined;
  #given: ReadonlySet<string> = new Set();
  readonly #failuresInRow = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(options: TaskManagerOptions) {
    this.#options = options;
  }

  get tasks(): Iterable<StreamTask> {
    return this.#tasks.values();
  }

  get size(): number {
    return this.#tasks.size;
  }

  find(name: string): StreamTask | undefined {
    return this.#tasks.get(name);
  }

  /** Every assigned task is restored and serving. */
  get isRunning(): boolean {
    return [...this.#tasks.values()].every((task) => task.status === 'running');
  }

  /**
   * Closes tasks that went elsewhere, starts new ones and those that do not run since the old generation;
   * what stays goes on. @returns the names of all it has now.
   */
  assign(assignment: GroupAssignment): readonly string[] {
    const plans = assignedTasks(this.#options.plans, assignment.partitions);
    const wanted = new Map(plans.map((plan) => [formatTaskId(plan.id), plan]));
    this.#given = new Set(wanted.keys());
    this.#assignment = assignment;
    for (const task of [...this.#tasks.values()]) {
      if (!wanted.has(task.name)) this.#letGo(task);
    }
    for (const [name, plan] of wanted) {
      const task = this.#tasks.get(name);
      if (task === undefined) this.#create(plan);
      else if (task.status !== 'running') this.#own(task);
    }
    return [...wanted.keys()];
  }

  /** Resolves when a task that went elsewhere has let its state go. */
  async closed(name: string): Promise<void> {
    await this.#closings.get(name);
  }

  /** The group forgot this instance, or went on without it: everything in memory may be somebody else's by now. */
  loseAll(): void {
    for (const task of this.#tasks.values()) {
      task.fail();
      task.forgetProducer();
      this.#options.reader.unassign(task.partitions);
    }
  }

  /** Commits every task with work in its transaction; a task that fails is taken back later. */
  async commitAll(): Promise<void> {
    await Promise.all([...this.#tasks.values()].map((task) => this.commit(task)));
  }

  async commit(task: StreamTask): Promise<void> {
    if (task.status !== 'running' || !task.hasWork) return;
    try {
      await task.commit(this.#generations());
      this.#failuresInRow.delete(task.name);
    } catch (error) {
      this.failed(task, error);
    }
  }

  /** What happens to a task that threw; never throws itself. */
  failed(task: StreamTask, error: unknown): void {
    if (task.status === 'closed') return;
    const { environment, reader, fatal } = this.#options;
    const code = isRollguardError(error) ? error.code : 'UNEXPECTED';
    task.fail(error);
    reader.unassign(task.partitions);
    environment.metrics.taskFailed(task.id, code);
    if (!isRollguardError(error) || error.row.reaction === 'stop') {
      fatal(stopped(task, error));
      return;
    }
    environment.logger.warn('task failed, taking ownership anew', { task: task.name, error });
    if (code === 'PRODUCER_FENCED') task.forgetProducer();
    this.#own(task, { afterFailure: true, checkGroup: isOthersPerhaps(code) });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#owning.values()].map(({ done }) => done));
    await Promise.all([...this.#tasks.values()].map((task) => this.#close(task)));
    await Promise.all(this.#closings.values());
  }

  /** A commit names the generation that gave the task, not one that may have given it to somebody else. */
  #generations(): GroupGenerations {
    const { membership } = this.#options;
    return {
      assignment: this.#assignment ?? membership.assignment,
      generationAfter: (refused) => membership.generationAfter(refused),
      committed: (offsets) => membership.committed(offsets),
    };
  }

  #create(plan: PlannedTask): void {
    const { environment } = this.#options;
    const task = new StreamTask({ ...plan, environment });
    this.#tasks.set(task.name, task);
    this.#own(task);
  }

  /** In the background: what stays need not wait for its checkpoint. */
  #letGo(task: StreamTask): void {
    const { name } = task;
    const closing = Promise.all([this.closed(name), this.#close(task)])
      .then(
        () => undefined,
        (error: unknown) => {
          const { logger } = this.#options.environment;
          logger.warn('a task was not closed cleanly; its next owner replays the tail', {
            ...{ task: name, error },
          });
        },
      )
      .finally(() => {
        if (this.#closings.get(name) === closing) this.#closings.delete(name);
      });
    this.#closings.set(name, closing);
  }

  async #close(task: StreamTask): Promise<void> {
    this.#options.reader.unassign(task.partitions);
    this.#tasks.delete(task.name);
    const owning = this.#owning.get(task.name);
    owning?.stop.abort();
    await owning?.done;
    await task.close(this.#options.membership.confirmedAtMs);
  }

  #own(task: StreamTask, options = { afterFailure: false, checkGroup: false }): void {
    // It went elsewhere, and its last commit failed while it was closed: its owner must not be fenced.
    if (!this.#given.has(task.name)) return;
    if (this.#isClosing()) return;
    const before = this.#owning.get(task.name);
    if (before !== undefined) {
      // It may have given up a moment ago, for the generation before.
      void before.done.then(() => {
        if (this.#tasks.get(task.name) === task && task.status !== 'running') this.#own(task);
      });
      return;
    }
    const stop = new AbortController();
    const signal = AbortSignal.any([stop.signal, this.#closing.signal]);
    const done = this.#takeOwnership(task, options, signal).finally(() =>
      this.#owning.delete(task.name),
    );
    this.#owning.set(task.name, { stop, done });
  }

  /** Tries until it serves, the group takes it away, or the error is one only a person can mend. */
  async #takeOwnership(
    task: StreamTask,
    { afterFailure, checkGroup }: { afterFailure: boolean; checkGroup: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { reader, environment, membership, fatal } = this.#options;
    let failed = afterFailure;
    let check = checkGroup;
    let hasWaited = this.#closings.has(task.name);
    await this.closed(task.name);
    while (this.#isWanted(signal)) {
      hasWaited ||= failed || task.isCommitting;
      if (failed) await this.#backOff(task, signal);
      await task.settled();
      // The group may have forgotten this instance meanwhile: what it took now would be its successor's.
      if (!this.#isWanted(signal)) return;
      try {
        if (mustAskGroup(task, { check, hasWaited })) await membership.refresh();
        if (!this.#isWanted(signal)) return;
        check = false;
        hasWaited = false;
        const positions = await task.takeOwnership(signal);
        if (isAborted(signal)) return;
        reader.assign(positions);
        this.#failuresInRow.delete(task.name);
        environment.logger.info('task runs', { task: task.name });
        return;
      } catch (error) {
        task.fail(error);
        if (isAborted(signal)) return;
        if (!isRollguardError(error) || error.row.reaction === 'stop') {
          fatal(stopped(task, error));
          return;
        }
        failed = true;
        if (error.code === 'PRODUCER_FENCED') task.forgetProducer();
        if (isOthersPerhaps(error.code)) check = true;
        environment.logger.warn('task cannot take ownership yet', { task: task.name, error });
      }
    }
  }

  /** The generation that gave the task is the current one, as far as is known. */
  #isWanted(signal: AbortSignal): boolean {
    const { status, generationId } = this.#options.membership;
    const isCurrent = generationId === this.#assignment?.generationId;
    return !signal.aborted && status === 'stable' && isCurrent;
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  async #backOff(task: StreamTask, signal: AbortSignal): Promise<void> {
    const { config, clock } = this.#options.environment;
    const failures = this.#failuresInRow.get(task.name) ?? 0;
    this.#failuresInRow.set(task.name, failures + 1);
    await clock.sleep(retryDelayMs(config, failures), signal);
  }
}

/** Only the group can say whose the task is now. */
function isOthersPerhaps(code: string): boolean {
  return ['PRODUCER_FENCED', 'ILLEGAL_GENERATION', 'INSTANCE_FENCED'].includes(code);
}

/**
 * Ours again, or still, only if the current generation says so; and whoever has waited, and hears nothing of
 * its group, would take the id from its successor.
 */
function mustAskGroup(
  task: StreamTask,
  { check, hasWaited }: { readonly check: boolean; readonly hasWaited: boolean },
): boolean {
  return check || (hasWaited && !task.hasProducer());
}

/** A call, since the compiler takes what it saw before an await for what still holds. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function stopped(task: StreamTask, error: unknown): unknown {
  if (!isRollguardError(error)) return error;
  const options: RollguardErrorOptions = { cause: error, context: error.context };
  return new RollguardError(error.code, `task ${task.name}: ${error.message}`, options);
}
