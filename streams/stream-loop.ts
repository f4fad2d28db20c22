/**
 * One turn after another: follow the group ▸ poll ▸ process ▸ punctuate ▸ commit what is due. Commits
 * run beside the next turns; a task that commits is left out until it is done. So does the group: while
 * it gathers, tasks go on, and only what it takes away or gives stops or starts.
 */
import { isRollguardError } from '../kernel/errors.ts';
import { partitionName } from './kafka/partition-name.ts';
import type { FetchedPartition, PartitionReader } from './kafka/port.ts';
import type { Joined, Membership } from './membership.ts';
import type { StandbyTasks } from './standby-tasks.ts';
import type { StreamTask } from './stream-task.ts';
import { retryDelayMs } from './streams-config.ts';
import type { TaskEnvironment } from './task-environment.ts';
import type { TaskManager } from './task-manager.ts';

export interface StreamLoopOptions {
  readonly environment: TaskEnvironment;
  readonly reader: PartitionReader;
  readonly membership: Membership;
  readonly tasks: TaskManager;
  readonly standbys: StandbyTasks;
}

type JoinOutcome = { readonly joined: Joined } | { readonly error: unknown };

export class StreamLoop {
  readonly #options: StreamLoopOptions;
  readonly #byPartition = new Map<string, StreamTask>();
  readonly #paused = new Set<string>();
  #lastPollMs = 0;
  #isJoining = false;
  /** Of a join that has ended and was not looked at yet. */
  #outcome: JoinOutcome | undefined;

  constructor(options: StreamLoopOptions) {
    this.#options = options;
  }

  /** Monotonic time of the last poll that Kafka answered. */
  get lastPollMs(): number {
    return this.#lastPollMs;
  }

  /** Turns until the signal aborts; errors that only a person can mend are thrown. */
  async run(signal: AbortSignal): Promise<void> {
    const { environment } = this.#options;
    let failuresInRow = 0;
    while (!signal.aborted) {
      try {
        await this.#turn();
        failuresInRow = 0;
      } catch (error) {
        if (!isRollguardError(error) || error.row.reaction === 'stop') throw error;
        environment.logger.warn('Kafka does not answer, trying again', { error });
        await environment.clock.sleep(retryDelayMs(environment.config, failuresInRow), signal);
        failuresInRow += 1;
      }
    }
  }

  async #turn(): Promise<void> {
    const { environment, reader, tasks } = this.#options;
    await this.#followGroup();
    const polled = await reader.poll(this.#waitMs());
    this.#lastPollMs = environment.clock.monotonicMs();
    for (const fetched of polled) this.#enqueue(fetched);
    if (polled.length > 0) environment.failpoints.hit('after-poll');
    for (const task of tasks.tasks) {
      task.expireCalls();
      await this.#work(task);
      this.#throttle(task);
    }
  }

  async #work(task: StreamTask): Promise<void> {
    const { environment, tasks, membership } = this.#options;
    try {
      if (task.hasCalls) await task.answerCalls(environment.config.processRecordsMax);
      if (task.isProcessable) {
        const startedMs = environment.clock.monotonicMs();
        const records = await task.process(environment.config.processRecordsMax);
        const durationMs = environment.clock.monotonicMs() - startedMs;
        environment.metrics.processed(task.id, records, durationMs);
        environment.metrics.lag(task.id, task.lag());
      }
      if (task.status === 'running' && !task.isCommitting) await task.punctuate();
      await task.upkeep(membership.confirmedAtMs);
    } catch (error) {
      tasks.failed(task, error);
      return;
    }
    if (task.isCommitDue(environment.clock.nowMs())) void this.#commit(task);
  }

  async #commit(task: StreamTask): Promise<void> {
    const { reader, tasks } = this.#options;
    await tasks.commit(task);
    // What came while it committed waits for no poll to end.
    if (task.hasCalls || task.isProcessable) reader.wakeUp();
    await task.opened();
    // They were decided while the next transaction was opened.
    if (task.hasWork) reader.wakeUp();
  }

  /** Joins when the group moves; what the join brings is taken in the turn after it. */
  async #followGroup(): Promise<void> {
    const { membership, tasks, environment, reader } = this.#options;
    const outcome = this.#takeOutcome();
    if (outcome !== undefined) {
      if ('error' in outcome) throw outcome.error;
      this.#adopt(outcome.joined);
    }
    if (membership.status === 'stable' || this.#isJoining) return;
    if (membership.status === 'lost') tasks.loseAll();
    const goesOn = environment.config.processingGuarantee === 'exactly-once';
    // Nothing but the group fences an owner then: it has to stop before the group decides.
    if (!goesOn) await tasks.commitAll();
    this.#isJoining = true;
    const ended = membership.join().then(
      (joined) => ({ joined }),
      (error: unknown) => ({ error }),
    );
    const noted = ended.then((outcomeOfJoin) => {
      this.#isJoining = false;
      this.#outcome = outcomeOfJoin;
      reader.wakeUp();
    });
    if (goesOn) return;
    await noted;
    await this.#followGroup();
  }

  #takeOutcome(): JoinOutcome | undefined {
    const outcome = this.#outcome;
    this.#outcome = undefined;
    return outcome;
  }

  #adopt({ assignment, isNext }: Joined): void {
    const { membership, tasks, standbys, environment } = this.#options;
    // In a generation that it never heard of, its tasks may have been decided on elsewhere.
    if (!isNext) tasks.loseAll();
    const active = tasks.assign(assignment);
    const { follows, warmsUp, owners } = membership.owners;
    standbys.assign({ follows, warmsUp, active });
    // A static member that came back at another address: the others have to be told.
    const { applicationServer } = environment.config;
    const isMoved = active.some(
      (task) => (owners.get(task) ?? applicationServer) !== applicationServer,
    );
    if (!isNext && isMoved && applicationServer !== undefined) membership.requestRejoin();
    environment.logger.info('joined the group', {
      ...{ generation: assignment.generationId, tasks: active.length },
      ...{ standbys: follows.length, warmUps: warmsUp.length },
    });
    this.#byPartition.clear();
    for (const task of tasks.tasks) {
      for (const each of task.partitions) this.#byPartition.set(partitionName(each), task);
    }
  }

  #enqueue(fetched: FetchedPartition): void {
    const task = this.#byPartition.get(partitionName(fetched));
    if (task?.status !== 'running') return;
    if (fetched.error === undefined) task.enqueue(fetched);
    else this.#options.tasks.failed(task, fetched.error);
  }

  /** Nothing to do: wait for records, but no longer than until the next commit or punctuation. */
  #waitMs(): number {
    const { environment, tasks } = this.#options;
    const nowMs = environment.clock.nowMs();
    let waitMs = environment.config.pollTimeoutMs;
    for (const task of tasks.tasks) {
      if (task.isProcessable || task.hasCalls) return 0;
      const dueMs = task.nextPunctuationMs();
      if (dueMs !== undefined) waitMs = Math.min(waitMs, Math.max(0, dueMs - nowMs));
    }
    return waitMs;
  }

  /** A partition whose records pile up is left out of polls until they are worked off. */
  #throttle(task: StreamTask): void {
    const { environment, reader } = this.#options;
    const { bufferedRecordsPerPartitionMax } = environment.config;
    for (const { topic, partition, waiting } of task.backlog()) {
      const name = partitionName({ topic, partition });
      const isFull = waiting >= bufferedRecordsPerPartitionMax;
      if (isFull === this.#paused.has(name)) continue;
      if (isFull) {
        this.#paused.add(name);
        reader.pause([{ topic, partition }]);
      } else {
        this.#paused.delete(name);
        reader.resume([{ topic, partition }]);
      }
    }
  }
}
