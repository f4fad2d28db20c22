/**
 * Runs a topology on Kafka: one instance of an application. Any number of instances with the same
 * application id share the tasks through a consumer group.
 *
 *   created ──start──▶ starting ──▶ running ──close──▶ closing ──▶ closed
 *                         └────────────┴── an error only a person can mend ──▶ error
 */
import type { Clock } from '../kernel/clock.ts';
import { RollguardError, messageOf, isRollguardError } from '../kernel/errors.ts';
import { noFailpoints, type Failpoints } from '../kernel/failpoints.ts';
import type { Logger } from '../kernel/logger.ts';
import type { Histogram, Metrics } from '../kernel/metrics.ts';
import { partitionFor } from '../kernel/murmur2.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import { engineMemory } from '../stores/engine-memory.ts';
import { StateDirectory, type StateFolder } from '../stores/state-directory.ts';
import { stickyAssignor } from './assignor.ts';
import { encodeReport } from './member-report.ts';
import { reportOf } from './report-of.ts';
import { StandbyTasks } from './standby-tasks.ts';
import { noOwners } from './task-owners.ts';
import { checkGuarantee } from './check-guarantee.ts';
import { prepareTopics, type TopicCatalogue } from './internal-topics.ts';
import { planTasks } from './plan-tasks.ts';
import type { CallOptions } from './call-queue.ts';
import type { KafkaPort, PartitionReader } from './kafka/port.ts';
import { Membership } from './membership.ts';
import type { PartitionBacklog } from './record-queue.ts';
import { OutputTopics } from './output-topics.ts';
import { StreamLoop } from './stream-loop.ts';
import {
  compileStreamsConfig,
  retryDelayMs,
  type StreamsConfig,
  type StreamsOptions,
} from './streams-config.ts';
import { createStreamsMetrics, type StreamsMetrics } from './streams-metrics.ts';
import {
  createTaskEnvironment,
  openTaskState,
  type StateKind,
} from './task-environment-on-kafka.ts';
import { formatTaskId } from './task-id.ts';
import { TaskManager, type PlannedTask } from './task-manager.ts';
import type { Topology } from './topology-builder.ts';

export type StreamsStatus = 'created' | 'starting' | 'running' | 'closing' | 'closed' | 'error';

export interface CloseOptions {
  /** Calls that have come are still answered for so long, new ones are refused; 0 unless given. */
  readonly drainMs?: number;
  /** Whether others get the tasks at once; by default unless there is a group instance id. */
  readonly leavesGroup?: boolean;
}

export interface KafkaStreamsOptions {
  readonly topology: Topology;
  readonly port: KafkaPort;
  readonly options: StreamsOptions;
  /** Folder of all state; memory stores need none. */
  readonly stateDir: string;
  readonly stateKind: StateKind;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Told the seconds that each batch of records took. */
  readonly batchDuration?: Histogram | undefined;
  /** For tests; none unless given. */
  readonly failpoints?: Failpoints | undefined;
}

/** Which task decides. */
export interface CallTarget {
  readonly subTopology: string;
  readonly partition: number;
}

/** Which part of a store. */
export interface StoreQuery {
  readonly subTopology: string;
  readonly store: string;
  readonly partition: number;
  /** True: a standby of this instance may answer, as far as it has come. */
  readonly allowsStandby?: boolean | undefined;
  /** Changelog offset that the answer has to reflect at least. */
  readonly minPosition?: number | undefined;
}

/** Committed content of one store partition, and the changelog position it reflects. */
export interface StoreView<Store> {
  /** Of the read-only kind of what was declared. */
  readonly store: Store;
  readonly position: number;
  /** Offsets that a standby is behind the changelog's end, as last heard; undefined: the owner answers. */
  readonly standbyLag: number | undefined;
}

/** Where a task runs, and who follows it. */
export interface TaskOwner {
  readonly isHere: boolean;
  /** The `applicationServer` of the instance that has it; undefined: here, or not known. */
  readonly address: string | undefined;
  /** A standby of it is here, and can be read. */
  readonly hasStandbyHere: boolean;
  /** Of other instances with a standby. */
  readonly standbyAddresses: readonly string[];
}

/** How far a task of this instance is. */
export interface TaskReport {
  readonly task: string;
  /** `standbyStatus`: another instance runs it, and this one follows. */
  readonly status: string;
  /**
   * Records fetched or waiting on the broker that are not processed yet; of a standby the offsets that it
   * is behind its changelog's end, undefined while that is not known.
   */
  readonly lag: number | undefined;
  /** Changelog offset that queries reflect; undefined while it restores, or has no store. */
  readonly position: number | undefined;
  /** In words, of a restore under way. */
  readonly progress: string | undefined;
}

export const standbyStatus = 'standby';

interface Running {
  readonly tasks: TaskManager;
  readonly standbys: StandbyTasks;
  readonly membership: Membership;
  readonly reader: PartitionReader;
  readonly loop: StreamLoop;
  readonly directory: StateFolder | undefined;
}

// Kafka silent for this long means that what we serve may be old: not ready.
const silenceMaxMs = 5_000;
const drainPollMs = 20;

export class KafkaStreams {
  readonly #options: KafkaStreamsOptions;
  readonly #config: StreamsConfig;
  readonly #metrics: StreamsMetrics;
  readonly #stop = new AbortController();
  #status: StreamsStatus = 'created';
  #running: Running | undefined;
  #plans: readonly PlannedTask[] = [];
  #run: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #leavesGroup = true;
  #error: unknown;
  /** What keeps a start waiting. */
  #waitsFor: string | undefined;

  constructor(options: KafkaStreamsOptions) {
    this.#options = options;
    this.#config = compileStreamsConfig(options.options);
    checkGuarantee(options.topology, this.#config);
    const { metrics, batchDuration } = options;
    this.#metrics = createStreamsMetrics(metrics, this.#config.applicationId, batchDuration);
  }

  get status(): StreamsStatus {
    return this.#status;
  }

  /** Why the status is 'error'. */
  get error(): unknown {
    return this.#error;
  }

  /** Starts in the background; `done` says how it ended. Waits for nothing: Kafka may be away. */
  start(): void {
    if (this.#status !== 'created') {
      throw new RollguardError('ILLEGAL_STATE', `cannot start an instance that is ${this.#status}`);
    }
    this.#status = 'starting';
    this.#run = this.#runUntilStopped();
  }

  /** Resolves when the instance has ended; rejects with the error that ended it. */
  async done(): Promise<void> {
    await this.#run;
    if (this.#error !== undefined) throw this.#error as Error;
  }

  /**
   * Answers what has come, commits what is open, leaves the group, releases the state folder. Concurrent
   * calls share the first one.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  /** Why this instance should not get traffic; undefined when it is restored and consuming. */
  notReady(): string | undefined {
    const running = this.#running;
    if (this.#status === 'error') return `stopped: ${messageOf(this.#error)}`;
    if (running === undefined || this.#status !== 'running') {
      const waits = this.#waitsFor === undefined ? '' : `: ${this.#waitsFor}`;
      return `the instance is ${this.#status}${waits}`;
    }
    if (running.membership.generationId < 0 || running.membership.status === 'lost') {
      return 'the instance is joining the consumer group';
    }
    for (const task of running.tasks.tasks) {
      if (task.status === 'running') continue;
      const { name, status, progress } = task;
      return `task ${name} is ${status}${progress === undefined ? '' : `: ${progress}`}`;
    }
    const { clock } = this.#options;
    // A poll returns in time though nobody answers; a heartbeat does not. None is sent while the group gathers.
    const unconfirmedMs = running.membership.isJoining
      ? 0
      : clock.nowMs() - running.membership.confirmedAtMs - this.#config.heartbeatIntervalMs;
    const silentMs = Math.max(clock.monotonicMs() - running.loop.lastPollMs, unconfirmedMs);
    return silentMs > silenceMaxMs
      ? `Kafka has not answered for ${Math.round(silentMs)} ms`
      : undefined;
  }

  /** Every task of this instance with its status and the records it has yet to process. */
  tasks(): readonly { readonly name: string; readonly status: string; readonly lag: number }[] {
    const tasks = [...(this.#running?.tasks.tasks ?? [])];
    return tasks.map((task) => ({ name: task.name, status: task.status, lag: task.lag() }));
  }

  /** How far each source partition of this instance's tasks is read. */
  backlog(): readonly PartitionBacklog[] {
    return [...(this.#running?.tasks.tasks ?? [])].flatMap((task) => task.backlog());
  }

  /** The tasks of this instance, standbys too, and how far each is. */
  taskReports(): readonly TaskReport[] {
    const active = [...(this.#running?.tasks.tasks ?? [])].map((task) => ({
      ...{ task: task.name, status: task.status, lag: task.lag(), progress: task.progress },
      position: task.committedState?.position()?.offset,
    }));
    const standbys = [...(this.#running?.standbys.followed ?? [])].map((standby) => ({
      ...{ task: standby.name, status: standbyStatus, lag: standby.lag, progress: undefined },
      position: standby.position,
    }));
    return [...active, ...standbys];
  }

  /** Every task there is, whoever runs it, with the addresses of other instances that run or follow it. */
  plannedTasks(): readonly (Pick<TaskOwner, 'address' | 'standbyAddresses'> & {
    readonly task: string;
  })[] {
    return this.#plans.map(({ id }) => {
      const { address, standbyAddresses } = this.ownerOf(id);
      return { task: formatTaskId(id), address, standbyAddresses };
    });
  }

  /** The partition that owns a key of this sub-topology's stores. */
  partitionOf(subTopology: string, key: Buffer): number {
    const count = this.#plans.filter((plan) => plan.id.subTopology === subTopology).length;
    if (count === 0) throw this.#notServing(subTopology);
    return partitionFor(key, count);
  }

  /** The group gathers, or is about to: what runs where may change. */
  get isRebalancing(): boolean {
    return this.#running?.membership.status !== 'stable';
  }

  /** Who runs a task and who follows it, as the group last said. */
  ownerOf({ subTopology, partition }: CallTarget): TaskOwner {
    const running = this.#running;
    const name = formatTaskId({ subTopology, partition });
    const { owners, standbys } = running?.membership.owners ?? noOwners;
    const isHere = running?.tasks.find(name) !== undefined;
    const own = this.#config.applicationServer;
    return {
      isHere,
      address: isHere ? undefined : owners.get(name),
      hasStandbyHere: running?.standbys.find(name)?.readableState !== undefined,
      standbyAddresses: (standbys.get(name) ?? []).filter((address) => address !== own),
    };
  }

  /** Number of partitions of this sub-topology's stores. */
  partitionCount(subTopology: string): number {
    return this.#plans.filter((plan) => plan.id.subTopology === subTopology).length;
  }

  /**
   * The committed content of a store's partition.
   * @throws NOT_READY while the task restores or is not here, or has not come to the wanted position.
   */
  query<Store>(query: StoreQuery): StoreView<Store> {
    const { subTopology, partition, allowsStandby = false, minPosition = 0 } = query;
    const builder = storeBuilder(this.#options.topology, query);
    const name = formatTaskId({ subTopology, partition });
    const owned = this.#running?.tasks.find(name)?.committedState;
    const standby = allowsStandby ? this.#running?.standbys.find(name) : undefined;
    const state = owned ?? standby?.readableState;
    if (state === undefined) throw this.#notServing(name);
    const position = state.position()?.offset ?? 0;
    if (position + this.#markers(owned !== undefined) < minPosition) {
      const message = `${name} stands at offset ${position} here, asked for was ${minPosition} at least`;
      throw new RollguardError('NOT_READY', `${message}; try again shortly`);
    }
    const standbyLag = owned === undefined ? standby?.lag : undefined;
    return { store: builder.openReadOnly(state) as Store, position, standbyLag };
  }

  /**
   * Has a request decided by the task that owns it, between its records; resolves with the answer once
   * everything the decision wrote is committed.
   * @throws NOT_READY, QUEUE_FULL, DEADLINE_EXCEEDED (nothing was changed), OUTCOME_UNKNOWN (ask again
   * with the same key), and what the processor refuses with.
   */
  async call<Answer>(
    { subTopology, partition }: CallTarget,
    request: unknown,
    options: CallOptions,
  ): Promise<Answer> {
    const running = this.#running;
    const name = formatTaskId({ subTopology, partition });
    const task = running?.tasks.find(name);
    if (running === undefined || task === undefined) throw this.#notServing(name);
    if (this.#closing !== undefined) {
      throw new RollguardError('NOT_READY', 'this instance is stopping; ask another one');
    }
    const answer = task.call(request, options);
    // While it commits the loop has nothing to do for it; the commit's end wakes the loop.
    if (task.hasCalls) running.reader.wakeUp();
    return (await answer) as Answer;
  }

  /**
   * Whoever read the changelog counts the transaction's marker, whoever wrote it does not. A transaction
   * that the owner lacks would put the marker's reader two offsets ahead.
   */
  #markers(isOwner: boolean): number {
    return isOwner && this.#config.processingGuarantee === 'exactly-once' ? 1 : 0;
  }

  #notServing(what: string): RollguardError {
    return new RollguardError('NOT_READY', `${what} is not served here yet; try again shortly`);
  }

  async #runUntilStopped(): Promise<void> {
    const { signal } = this.#stop;
    try {
      const topics = await this.#prepare(signal);
      if (topics === undefined) return;
      const running = await this.#assemble(topics);
      this.#running = running;
      this.#status = 'running';
      await running.loop.run(signal);
    } catch (error) {
      this.#fatal(error);
    } finally {
      await this.#shutDown();
    }
  }

  /** Waits for Kafka as long as it takes; a wrong topic ends it. */
  async #prepare(signal: AbortSignal): Promise<TopicCatalogue | undefined> {
    const { port, topology, clock, logger } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        return await prepareTopics(port.admin, topology, this.#config);
      } catch (error) {
        const waits =
          isRollguardError(error) &&
          (error.row.reaction === 'retry' || error.code === 'TOPIC_MISSING');
        if (!waits) throw error;
        this.#waitsFor = messageOf(error);
        logger.warn('waiting for Kafka and its topics', { error });
        await clock.sleep(retryDelayMs(this.#config, attempt), signal);
      }
    }
    return undefined;
  }

  async #assemble(topics: TopicCatalogue): Promise<Running> {
    const { topology, port, clock, logger } = this.#options;
    const config = this.#config;
    this.#plans = planTasks(topology, config.applicationId, topics, this.#metrics);
    const plans = this.#plans;
    const directory = await this.#openFolder();
    const reader = port.openReader();
    const fatal = (error: unknown): void => this.#fatal(error);
    const { heartbeatIntervalMs, sessionTimeoutMs, maxPollIntervalMs } = config;
    const member = port.openMember({
      groupId: config.applicationId,
      topics: [...new Set(plans.flatMap((plan) => plan.partitions.map(({ topic }) => topic)))],
      userData: () =>
        encodeReport(reportOf({ tasks, standbys, membership, address: config.applicationServer })),
      groupInstanceId: config.groupInstanceId,
      sessionTimeoutMs,
      rebalanceTimeoutMs: config.rebalanceTimeoutMs,
      assignor: stickyAssignor(plans, config),
      keepAlive: { heartbeatIntervalMs, maxPollIntervalMs },
    });
    const timing = { heartbeatIntervalMs, sessionTimeoutMs, clock };
    const membership = new Membership({ member, ...timing, logger, fatal });
    const outputTopics = new OutputTopics(topics);
    const failpoints = this.#options.failpoints ?? noFailpoints;
    const states = { config, clock, failpoints, topics: outputTopics, directory };
    const { openState, setStateAside } = openTaskState(states);
    const standbys: StandbyTasks = new StandbyTasks({
      ...{ plans, port, config, clock, logger, openState, setStateAside },
      closed: (task) => tasks.closed(task),
      warm: () => {
        membership.requestRejoin();
        reader.wakeUp();
      },
    });
    const environment = createTaskEnvironment({
      ...{ port, config, clock, logger, failpoints, membership, setStateAside },
      metrics: this.#metrics,
      topics: outputTopics,
      openState: async (id, changelog) =>
        (await standbys.take(formatTaskId(id))) ?? openState(id, changelog),
    });
    const tasks: TaskManager = new TaskManager({ plans, environment, reader, membership, fatal });
    await standbys.openFound((await directory?.tasks()) ?? []);
    const loop = new StreamLoop({ environment, reader, membership, tasks, standbys });
    return { tasks, standbys, membership, reader, directory, loop };
  }

  async #openFolder(): Promise<StateFolder | undefined> {
    const { clock, logger, metrics, stateDir, stateKind } = this.#options;
    const { applicationId } = this.#config;
    if (stateKind === 'memory') return undefined;
    if (stateKind !== 'rocksdb') return stateKind.openFolder();
    // Whatever the group deals out: this instance may come to own every task.
    const engines = this.#plans.filter(({ changelog }) => changelog !== undefined).length;
    const memory = engineMemory(this.#config.rocksdbMemoryBytesMax, engines);
    return StateDirectory.open({ stateDir, applicationId, memory, clock, logger, metrics });
  }

  #fatal(error: unknown): void {
    this.#error ??= error;
    this.#options.logger.error('the instance stops', { error });
    this.#stop.abort();
  }

  async #close({ drainMs = 0, leavesGroup }: CloseOptions): Promise<void> {
    if (this.#status === 'created') this.#status = 'closed';
    else if (this.#status !== 'error') this.#status = 'closing';
    this.#leavesGroup = leavesGroup ?? this.#config.groupInstanceId === undefined;
    await this.#drain(drainMs);
    this.#stop.abort();
    // A request that a broker does not answer holds the loop, and would hold whoever stops it.
    await this.#inTime(this.#run ?? Promise.resolve());
  }

  /** What is left of it then ends with its connections. */
  async #inTime(ending: Promise<unknown>): Promise<void> {
    const { clock, logger } = this.#options;
    const ended = ending.catch((error: unknown) => {
      logger.warn('shutting down was not clean; the next start replays the tail', { error });
    });
    if ((await settledWithin(clock, this.#config.closeTimeoutMs, ended)) !== late) return;
    logger.warn('shutting down took too long; the next start replays the tail');
  }

  /** Waits until every call is answered. */
  async #drain(drainMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.monotonicMs() + drainMs;
    const calls = (): number =>
      [...(this.#running?.tasks.tasks ?? [])].reduce((sum, task) => sum + task.callCount, 0);
    while (calls() > 0 && clock.monotonicMs() < untilMs) await clock.sleep(drainPollMs);
  }

  async #shutDown(): Promise<void> {
    if (this.#running !== undefined) await this.#inTime(this.#endOrderly(this.#running));
    this.#status = this.#error === undefined ? 'closed' : 'error';
  }

  async #endOrderly({ tasks, standbys, membership, reader, directory }: Running): Promise<void> {
    if (this.#error === undefined && membership.status !== 'lost') await tasks.commitAll();
    await Promise.all([tasks.close(), standbys.close()]);
    await reader.close();
    // A static member's place waits for whoever comes back with its id.
    await membership.leave({ keepsPlace: !this.#leavesGroup });
    await directory?.close();
  }
}

/** @throws TOPOLOGY_INVALID */
function storeBuilder(
  { subTopologies }: Topology,
  { subTopology, store }: StoreQuery,
): Topology['subTopologies'][number]['stores'][number] {
  const builder = subTopologies
    .find(({ name }) => name === subTopology)
    ?.stores.find(({ name }) => name === store);
  if (builder !== undefined) return builder;
  const message = `no store '${store}' in sub-topology '${subTopology}'`;
  throw new RollguardError('TOPOLOGY_INVALID', message);
}
