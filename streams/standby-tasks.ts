/**
 * The states that this instance has without running their tasks: those that it follows for others, and
 * those that it finds on its disk when it starts. One loop reads all their changelogs.
 */
import { setMaxListeners } from 'node:events';
import type { Clock } from '../kernel/clock.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import type { SetAsideReason } from '../stores/state-directory.ts';
import type { TaskState } from '../stores/task-state.ts';
import type { ChangelogPartition } from './commit.ts';
import type { FetchedPartition, KafkaPort, PartitionReader } from './kafka/port.ts';
import { StandbyTask } from './standby-task.ts';
import { isStateTooOld, retryDelayMs, type StreamsConfig } from './streams-config.ts';
import { formatTaskId, type TaskId } from './task-id.ts';

export interface FollowablePlan {
  readonly id: TaskId;
  readonly changelog: ChangelogPartition | undefined;
}

export interface StandbyTasksOptions {
  readonly plans: readonly FollowablePlan[];
  readonly port: KafkaPort;
  readonly config: StreamsConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly openState: (id: TaskId, changelog: ChangelogPartition) => Promise<TaskState>;
  readonly setStateAside: (id: TaskId, reason: SetAsideReason, error?: unknown) => Promise<void>;
  /** Resolves when the task that ran here has let its state go. */
  readonly closed: (task: string) => Promise<void>;
  /** A task that warms up could run here now. */
  readonly warm: () => void;
}

/** What an assignment says of them. */
export interface StandbyShare {
  readonly follows: readonly string[];
  readonly warmsUp: readonly string[];
  /** Tasks that run here from now on: their states are kept until they are taken. */
  readonly active: readonly string[];
}

export class StandbyTasks {
  readonly #options: StandbyTasksOptions;
  readonly #plans: ReadonlyMap<string, FollowablePlan>;
  readonly #reader: PartitionReader;
  readonly #standbys = new Map<string, StandbyTask>();
  /** Those of them whose changelogs are read. */
  readonly #followed = new Set<StandbyTask>();
  /** Being opened or closed: nobody else may have the state meanwhile. */
  readonly #busy = new Map<string, Promise<void>>();
  /** Offsets of what was closed and lies on the disk. */
  readonly #left = new Map<string, number>();
  readonly #stop = new AbortController();
  /** Whose states stay here. */
  #wanted: ReadonlySet<string> = new Set();
  /** Of them, those to be kept up. */
  #follows: ReadonlySet<string> = new Set();
  #warmsUp: ReadonlySet<string> = new Set();
  /** Monotonic; when a warm task last asked to run here. */
  readonly #askedMs = new Map<string, number>();
  #endsAskedMs = 0;
  #running: Promise<void> | undefined;

  constructor(options: StandbyTasksOptions) {
    this.#options = options;
    // Each standby that has to wait for space on the disk sleeps on it.
    setMaxListeners(0, this.#stop.signal);
    this.#plans = new Map(options.plans.map((plan) => [formatTaskId(plan.id), plan]));
    this.#reader = options.port.openReader();
  }

  find(task: string): StandbyTask | undefined {
    return this.#standbys.get(task);
  }

  /** Those that are kept up. */
  get followed(): Iterable<StandbyTask> {
    return this.#followed;
  }

  /** By task: how far each state is that is here, open or on the disk. */
  positions(): Readonly<Record<string, number>> {
    const open = [...this.#standbys.values()].map(
      ({ name, position }) => [name, position] as const,
    );
    return Object.fromEntries([...this.#left, ...open]);
  }

  /** What earlier runs left on the disk, so that the group can be told; before the first join. */
  async openFound(tasks: readonly string[]): Promise<void> {
    this.#wanted = new Set(tasks.filter((task) => this.#plans.has(task)));
    await Promise.all([...this.#wanted].map((task) => this.#open(task)));
  }

  assign({ follows, warmsUp, active }: StandbyShare): void {
    this.#warmsUp = new Set(warmsUp);
    this.#follows = new Set([...follows, ...warmsUp]);
    this.#wanted = new Set([...this.#follows, ...active]);
    for (const task of this.#standbys.keys()) if (!this.#wanted.has(task)) this.#close(task);
    for (const task of this.#follows) {
      const standby = this.#standbys.get(task);
      if (standby === undefined) void this.#open(task);
      else this.#follow(standby);
    }
  }

  /** The state for the task itself, which runs here from now on. Undefined: there is none to be trusted. */
  async take(task: string): Promise<TaskState | undefined> {
    await this.#busy.get(task);
    const standby = this.#standbys.get(task);
    this.#left.delete(task);
    if (standby === undefined) return undefined;
    this.#forget(standby);
    if (!this.#isTooOld(standby)) return standby.state;
    await this.#setAside(standby, 'too-old');
    return undefined;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#reader.wakeUp();
    await this.#running;
    this.#wanted = new Set();
    await Promise.all(this.#busy.values());
    for (const task of this.#standbys.keys()) this.#close(task);
    await Promise.all(this.#busy.values());
    await this.#reader.close();
  }

  async #open(task: string): Promise<void> {
    const { closed, openState, logger } = this.#options;
    const plan = this.#plans.get(task);
    if (plan?.changelog === undefined || this.#standbys.has(task)) return;
    const { id, changelog } = plan;
    await this.#alone(task, async () => {
      await closed(task);
      if (!this.#wanted.has(task) || this.#standbys.has(task)) return;
      try {
        const state = await openState(id, changelog);
        const standby = new StandbyTask({ name: task, changelog, state });
        this.#standbys.set(task, standby);
        this.#left.delete(task);
        if (this.#follows.has(task)) this.#follow(standby);
      } catch (error) {
        logger.warn('a standby cannot be opened', { task, error });
        if (isRollguardError(error, 'DISK_FULL')) void this.#openLater(task);
      }
    });
  }

  #follow(standby: StandbyTask): void {
    if (this.#followed.has(standby)) return;
    this.#followed.add(standby);
    this.#readFrom(standby);
    this.#running ??= this.#run();
  }

  #readFrom({ changelog: { topic, partition }, position: offset }: StandbyTask): void {
    this.#reader.assign([{ topic, partition, offset }]);
  }

  #close(task: string): void {
    const standby = this.#standbys.get(task);
    if (standby === undefined) return;
    this.#forget(standby);
    this.#left.set(task, standby.position);
    void this.#alone(task, async () => {
      const { logger } = this.#options;
      await standby.state.close(standby.ageKnownAtMs).catch((error: unknown) => {
        logger.warn('a standby was not closed cleanly; its tail is read again', { task, error });
      });
    });
  }

  #forget(standby: StandbyTask): void {
    this.#standbys.delete(standby.name);
    if (this.#followed.delete(standby)) this.#reader.unassign([standby.changelog]);
  }

  /** One after the other of what opens or closes a task's state. */
  #alone(task: string, work: () => Promise<void>): Promise<void> {
    const before = this.#busy.get(task) ?? Promise.resolve();
    const done = before.then(work).finally(() => {
      if (this.#busy.get(task) === done) this.#busy.delete(task);
    });
    this.#busy.set(task, done);
    return done;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { clock, config, logger } = this.#options;
    let failuresInRow = 0;
    while (!signal.aborted && this.#followed.size > 0) {
      try {
        await this.#turn();
        failuresInRow = 0;
      } catch (error) {
        logger.warn('standbys cannot be kept up, trying again', { error });
        await clock.sleep(retryDelayMs(config, failuresInRow), signal);
        failuresInRow += 1;
      }
    }
    this.#running = undefined;
  }

  /** It may have missed tombstones that are cleaned away by now, as a process that was stopped has. */
  #isTooOld({ ageKnownAtMs }: StandbyTask): boolean {
    const { clock, config } = this.#options;
    return isStateTooOld(config, ageKnownAtMs, clock.nowMs());
  }

  async #turn(): Promise<void> {
    const { clock, config } = this.#options;
    const sentAtMs = clock.nowMs();
    const asked = new Set(this.#followed);
    const polled = await this.#reader.poll(config.pollTimeoutMs);
    // Before anything of it counts: this process may have been stopped meanwhile.
    for (const standby of [...this.#followed]) {
      if (this.#isTooOld(standby)) await this.#beginAnew(standby, 'too-old');
    }
    for (const fetched of polled) await this.#apply(fetched, { asked, sentAtMs });
    await this.#askEnds();
    for (const standby of this.#followed) {
      const { state, completeAtMs } = standby;
      if (completeAtMs !== undefined && state.checkpointDue(completeAtMs)) {
        // What fails stays in memory and comes with the next one; a full memory is waited for.
        state.checkpoint(completeAtMs).catch((error: unknown) => {
          if (isRollguardError(error, 'DISK_FULL')) void this.#openAgain(standby, error);
        });
      }
    }
    this.#askForWarm();
  }

  /** An engine that found no space takes no more writes; one that is opened again does, when there is. */
  async #openAgain(standby: StandbyTask, error: unknown): Promise<void> {
    const { name, state, position } = standby;
    if (this.#standbys.get(name) !== standby) return;
    this.#options.logger.warn('a standby is opened again', { task: name, error });
    this.#forget(standby);
    this.#left.set(name, position);
    await this.#alone(name, () => state.closeDirty().catch(() => undefined));
    await this.#openLater(name);
  }

  async #openLater(task: string): Promise<void> {
    const { clock, config } = this.#options;
    const { signal } = this.#stop;
    await clock.sleep(config.checkpointIntervalMs, signal);
    if (!signal.aborted && this.#wanted.has(task)) await this.#open(task);
  }

  /** @param asked those that were followed then: for one that was opened meanwhile it may be from elsewhere. */
  async #apply(
    fetched: FetchedPartition,
    { asked, sentAtMs }: { readonly asked: ReadonlySet<StandbyTask>; readonly sentAtMs: number },
  ): Promise<void> {
    const { topic, partition } = fetched;
    const standby = [...this.#followed].find(
      ({ changelog }) => changelog.topic === topic && changelog.partition === partition,
    );
    if (standby === undefined) return;
    if (!asked.has(standby)) {
      this.#readFrom(standby);
      return;
    }
    try {
      await standby.apply(fetched, sentAtMs);
    } catch (error) {
      const isUseless =
        isRollguardError(error, 'OFFSET_OUT_OF_RANGE') ||
        (isRollguardError(error) && error.row.reaction === 'restore');
      if (isRollguardError(error, 'DISK_FULL')) {
        await this.#openAgain(standby, error);
        return;
      }
      if (!isUseless) throw error;
      await this.#beginAnew(standby, 'damaged', error);
    }
  }

  /** Too old, ahead of its changelog, behind its start, or damaged: a fresh one, unless that was one. */
  async #beginAnew(standby: StandbyTask, reason: SetAsideReason, error?: unknown): Promise<void> {
    const { logger } = this.#options;
    const { name, position } = standby;
    if (this.#standbys.get(name) !== standby) return;
    this.#forget(standby);
    await this.#alone(name, () => this.#setAside(standby, reason, error));
    if (position === 0 && error !== undefined) {
      logger.warn('a standby cannot follow its changelog', { task: name, error });
      return;
    }
    logger.warn('a standby begins anew', { task: name, reason });
    await this.#open(name);
  }

  async #setAside(
    { name, state }: StandbyTask,
    reason: SetAsideReason,
    error?: unknown,
  ): Promise<void> {
    const plan = this.#plans.get(name);
    await state.closeDirty().catch(() => undefined);
    if (plan !== undefined) await this.#options.setStateAside(plan.id, reason, error);
  }

  /** A changelog to which nothing is written says nothing of its end by itself. */
  async #askEnds(): Promise<void> {
    const { clock, config, port } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#endsAskedMs < config.checkpointIntervalMs && this.#areEndsKnown()) return;
    this.#endsAskedMs = nowMs;
    const sentAtMs = clock.nowMs();
    const standbys = [...this.#followed];
    const changelogs = standbys.map(({ changelog }) => changelog);
    const ends = await port.admin.listOffsets(changelogs, 'latest');
    for (const standby of standbys) {
      const { topic, partition } = standby.changelog;
      const end = ends.find((each) => each.topic === topic && each.partition === partition);
      if (end !== undefined) standby.endsAt(end, sentAtMs);
    }
  }

  #areEndsKnown(): boolean {
    return [...this.#followed].every(({ lag }) => lag !== undefined);
  }

  /** Not again and again: the leader may see it otherwise. */
  #askForWarm(): void {
    const { clock, config, warm } = this.#options;
    const nowMs = clock.monotonicMs();
    for (const { name, lag = Infinity } of this.#followed) {
      if (!this.#warmsUp.has(name) || lag > config.acceptableRecoveryLag) continue;
      const askedMs = this.#askedMs.get(name);
      if (askedMs !== undefined && nowMs - askedMs < config.probingRebalanceIntervalMs) continue;
      this.#askedMs.set(name, nowMs);
      warm();
    }
  }
}
