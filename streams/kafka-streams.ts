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
import type { Metrics } from '../kernel/metrics.ts';
import { partitionFor } from '../kernel/murmur2.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import { engineMemory } from '../stores/engine-memory.ts';
import { StateDirectory, type StateFolder } from '../stores/state-directory.ts';
import type { StoreTask } from '../stores/store-task.ts';
import { roundRobinAssignor } from './assignor.ts';
import { announceOwners, encodeAddress } from './task-owners.ts';
import { prepareTopics, sourceTopics, taskCount, type TopicCatalogue } from './internal-topics.ts';
import type { CallOptions } from './call-queue.ts';
import type { KafkaPort, PartitionReader } from './kafka/port.ts';
import { Membership } from './membership.ts';
import { OutputTopics } from './output-topics.ts';
import { StreamLoop } from './stream-loop.ts';
import { compileStreamsConfig, type StreamsConfig, type StreamsOptions } from './streams-config.ts';
import { createStreamsMetrics, type StreamsMetrics } from './streams-metrics.ts';
import { createTaskEnvironment, type StateKind } from './task-environment-on-kafka.ts';
import { formatTaskId } from './task-id.ts';
import { TaskManager, type PlannedTask } from './task-manager.ts';
import { changelogTopic, type SubTopology, type Topology } from './topology-builder.ts';

export type StreamsStatus = 'created' | 'starting' | 'running' | 'closing' | 'closed' | 'error';

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
}

/** Committed content of one store partition, and the changelog position it reflects. */
export interface StoreView<Store> {
  /** Of the read-only kind of what was declared. */
  readonly store: Store;
  readonly position: number;
}

/** Where a task runs. */
export interface TaskOwner {
  readonly isHere: boolean;
  /** The `applicationServer` of the instance that has it; undefined: here, or not known. */
  readonly address: string | undefined;
}

/** How far a task of this instance is. */
export interface TaskReport {
  readonly task: string;
  readonly status: string;
  /** Records fetched or waiting on the broker that are not processed yet. */
  readonly lag: number;
  /** Changelog offset that queries reflect; undefined while it restores, or has no store. */
  readonly position: number | undefined;
  /** In words, of a restore under way. */
  readonly progress: string | undefined;
}

interface Running {
  readonly tasks: TaskManager;
  readonly membership: Membership;
  readonly reader: PartitionReader;
  readonly loop: StreamLoop;
  readonly directory: StateFolder | undefined;
}

// Kafka silent for this long means that what we serve may be old: not ready.
const silenceMaxMs = 5_000;

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
  #error: unknown;
  /** What keeps a start waiting. */
  #waitsFor: string | undefined;

  constructor(options: KafkaStreamsOptions) {
    this.#options = options;
    this.#config = compileStreamsConfig(options.options);
    checkGuarantee(options.topology, this.#config);
    this.#metrics = createStreamsMetrics(options.metrics, this.#config.applicationId);
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

  /** Commits what is open, leaves the group, releases the state folder. Concurrent calls share one. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
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
    if (running.membership.status !== 'stable') return 'the consumer group is rebalancing';
    for (const task of running.tasks.tasks) {
      if (task.status === 'running') continue;
      const { name, status, progress } = task;
      return `task ${name} is ${status}${progress === undefined ? '' : `: ${progress}`}`;
    }
    const { clock } = this.#options;
    // A poll returns in time though nobody answers; a heartbeat does not.
    const unconfirmedMs =
      clock.nowMs() - running.membership.confirmedAtMs - this.#config.heartbeatIntervalMs;
    const silentMs = Math.max(clock.monotonicMs() - running.loop.lastPollMs, unconfirmedMs);
    return silentMs > silenceMaxMs
      ? `Kafka has not answered for ${Math.round(silentMs)} ms`
      : undefined;
  }

  /** Every task of this instance with its status and the records it has yet to process. */
  tasks(): readonly { readonly name: string; readonly status: string; readonly lag: number }[] {
    return [...(this.#running?.tasks.tasks ?? [])].map((task) => ({
      name: task.name,
      status: task.status,
      lag: task.lag(),
    }));
  }

  /** The tasks of this instance, and how far each is. */
  taskReports(): readonly TaskReport[] {
    return [...(this.#running?.tasks.tasks ?? [])].map((task) => ({
      ...{ task: task.name, status: task.status, lag: task.lag(), progress: task.progress },
      position: task.committedState?.position()?.offset,
    }));
  }

  /** Every task there is, whoever runs it, with the address of another instance that does. */
  plannedTasks(): readonly { readonly task: string; readonly address: string | undefined }[] {
    return this.#plans.map(({ id }) => {
      const { address } = this.ownerOf(id);
      return { task: formatTaskId(id), address };
    });
  }

  /** The partition that owns a key of this sub-topology's stores. */
  partitionOf(subTopology: string, key: Buffer): number {
    const count = this.#plans.filter((plan) => plan.id.subTopology === subTopology).length;
    if (count === 0) throw this.#notServing(subTopology);
    return partitionFor(key, count);
  }

  /** Who runs a task, as the group last said. */
  ownerOf({ subTopology, partition }: CallTarget): TaskOwner {
    const running = this.#running;
    const name = formatTaskId({ subTopology, partition });
    if (running?.tasks.find(name) !== undefined) return { isHere: true, address: undefined };
    return { isHere: false, address: running?.membership.owners.get(name) };
  }

  /** Number of partitions of this sub-topology's stores. */
  partitionCount(subTopology: string): number {
    return this.#plans.filter((plan) => plan.id.subTopology === subTopology).length;
  }

  /**
   * The committed content of a store's partition.
   * @throws NOT_READY while the task restores or is not here.
   */
  query<Store>({ subTopology, store, partition }: StoreQuery): StoreView<Store> {
    const task = this.#running?.tasks.find(formatTaskId({ subTopology, partition }));
    const state = task?.committedState;
    const builder = this.#options.topology.subTopologies
      .find((each) => each.name === subTopology)
      ?.stores.find((each) => each.name === store);
    if (builder === undefined) {
      throw new RollguardError(
        'TOPOLOGY_INVALID',
        `no store '${store}' in sub-topology '${subTopology}'`,
      );
    }
    if (state === undefined) throw this.#notServing(formatTaskId({ subTopology, partition }));
    return {
      store: builder.openReadOnly(state) as Store,
      position: state.position()?.offset ?? 0,
    };
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
    const answer = task.call(request, options);
    // While it commits the loop has nothing to do for it; the commit's end wakes the loop.
    if (task.hasCalls) running.reader.wakeUp();
    return (await answer) as Answer;
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
    const { retryBackoffMs, retryBackoffMaxMs } = this.#config;
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
        await clock.sleep(Math.min(retryBackoffMs * 2 ** attempt, retryBackoffMaxMs), signal);
      }
    }
    return undefined;
  }

  async #assemble(topics: TopicCatalogue): Promise<Running> {
    const { topology, port, clock, logger } = this.#options;
    const { applicationId } = this.#config;
    this.#plans = planTasks(topology, applicationId, topics, this.#metrics);
    const directory = await this.#openFolder();
    const reader = port.openReader();
    const { heartbeatIntervalMs, maxPollIntervalMs } = this.#config;
    const member = port.openMember({
      groupId: applicationId,
      topics: [
        ...new Set(this.#plans.flatMap((plan) => plan.partitions.map(({ topic }) => topic))),
      ],
      userData: encodeAddress(this.#config.applicationServer),
      sessionTimeoutMs: this.#config.sessionTimeoutMs,
      rebalanceTimeoutMs: this.#config.rebalanceTimeoutMs,
      assignor: roundRobinAssignor(this.#plans),
      announce: (members, shares) => announceOwners(this.#plans, members, shares),
      keepAlive: { heartbeatIntervalMs, maxPollIntervalMs },
    });
    const membership = new Membership({ member, heartbeatIntervalMs, clock, logger });
    const environment = createTaskEnvironment({
      port,
      config: this.#config,
      clock,
      logger,
      metrics: this.#metrics,
      failpoints: this.#options.failpoints ?? noFailpoints,
      topics: new OutputTopics(topics),
      membership,
      directory,
    });
    const tasks = new TaskManager({
      plans: this.#plans,
      environment,
      reader,
      membership,
      fatal: (error) => this.#fatal(error),
    });
    return {
      tasks,
      membership,
      reader,
      directory,
      loop: new StreamLoop({ environment, reader, membership, tasks }),
    };
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

  async #close(): Promise<void> {
    if (this.#status === 'created') this.#status = 'closed';
    else if (this.#status !== 'error') this.#status = 'closing';
    this.#stop.abort();
    await this.#run;
  }

  async #shutDown(): Promise<void> {
    const running = this.#running;
    if (running !== undefined) {
      const { clock, logger } = this.#options;
      const orderly = this.#endOrderly(running).catch((error: unknown) => {
        logger.warn('shutting down was not clean; the next start replays the tail', { error });
      });
      if ((await settledWithin(clock, this.#config.closeTimeoutMs, orderly)) === late) {
        logger.warn('shutting down took too long; the next start replays the tail');
      }
    }
    this.#status = this.#error === undefined ? 'closed' : 'error';
  }

  async #endOrderly({ tasks, membership, reader, directory }: Running): Promise<void> {
    if (this.#error === undefined && membership.status !== 'lost') await tasks.commitAll();
    await tasks.close();
    await reader.close();
    await membership.leave();
    await directory?.close();
  }
}

/** A call is answered by a commit that made everything durable at once: only a transaction does. */
function checkGuarantee({ subTopologies }: Topology, { processingGuarantee }: StreamsConfig): void {
  if (processingGuarantee === 'exactly-once') return;
  for (const { name, processors } of subTopologies) {
    const node = processors.find(({ answersCalls }) => answersCalls);
    if (node === undefined) continue;
    throw new RollguardError(
      'CONFIG_INVALID',
      `streams option 'processingGuarantee': processor '${node.name}' of '${name}' answers calls, ` +
        "which needs 'exactly-once'",
    );
  }
}

function planTasks(
  topology: Topology,
  applicationId: string,
  topics: TopicCatalogue,
  metrics: StreamsMetrics,
): readonly PlannedTask[] {
  return topology.subTopologies.flatMap((subTopology) => {
    const changelog = changelogTopic(subTopology.name, applicationId);
    const sources = sourceTopics(subTopology, applicationId);
    const count = taskCount(subTopology, applicationId, topics);
    return Array.from({ length: count }, (_, partition) => ({
      id: { subTopology: subTopology.name, partition },
      subTopology: countingLate(subTopology, (store) =>
        metrics.lateRecord({ subTopology: subTopology.name, partition }, store),
      ),
      partitions: sources
        .filter((topic) => partition < (topics.get(topic)?.partitionCount ?? 0))
        .map((topic) => ({ topic, partition })),
      changelog:
        subTopology.stores.length === 0
          ? undefined
          : { topic: changelog, topicId: topics.get(changelog)?.topicId ?? '', partition },
    }));
  });
}

/** The same, with the records counted that come too late for a store. */
function countingLate(subTopology: SubTopology, late: (store: string) => void): SubTopology {
  const stores = subTopology.stores.map((builder) => ({
    ...builder,
    open: (task: StoreTask) => builder.open({ ...task, late: () => late(builder.name) }),
  }));
  return { ...subTopology, stores };
}
