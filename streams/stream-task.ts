/**
 * One sub-topology × one partition: its queue, its stores, its own transactional producer. Processes
 * one record at a time and is the single writer of its state.
 *
 *   created ──takeOwnership──▶ restoring ──▶ running ──commit──▶ running
 *                                  ▲            │ a failure: memory is dropped, nothing was answered
 *                                  └── failed ◀─┘            close ▶ closed
 *
 * Never processes while it commits, never commits what it did not fence for.
 */
import { assert } from '../kernel/assert.ts';
import { RollguardError, messageOf } from '../kernel/errors.ts';
import type { TaskState } from '../stores/task-state.ts';
import { answerCalls } from './answer-calls.ts';
import { BackgroundCheckpoint } from './background-checkpoint.ts';
import { CallQueue, type CallOptions } from './call-queue.ts';
import { commitTransaction, type ChangelogPartition, type GroupGenerations } from './commit.ts';
import type { FetchedPartition, PartitionOffset, TopicPartition } from './kafka/port.ts';
import { isPromise, type MaybePromise } from './processor.ts';
import { PrimedTransaction } from './primed-transaction.ts';
import { PunctuationQueue } from './punctuation.ts';
import { RecordCollector } from './record-collector.ts';
import { RecordDecoder, type DecodedRecord } from './record-decoder.ts';
import { RecordFailures } from './record-failures.ts';
import type { Failure } from './dead-letter.ts';
import { RecordQueue, isBehind, originOf, type QueuedRecord } from './record-queue.ts';
import { OwnedProducer } from './owned-producer.ts';
import { OwnedState } from './owned-state.ts';
import { openTaskGraph } from './open-task-graph.ts';
import type { TaskGraph } from './task-graph.ts';
import { formatTaskId, type TaskId } from './task-id.ts';
import type { TaskEnvironment } from './task-environment.ts';
import { sourcesByTopic, type SourceNode, type SubTopology } from './topology-builder.ts';

export type TaskStatus = 'created' | 'restoring' | 'running' | 'failed' | 'closed';

export interface StreamTaskOptions {
  readonly id: TaskId;
  readonly subTopology: SubTopology;
  readonly partitions: readonly TopicPartition[];
  /** Absent for a sub-topology without stores. */
  readonly changelog: ChangelogPartition | undefined;
  readonly environment: TaskEnvironment;
}

export class StreamTask {
  readonly id: TaskId;
  readonly name: string;
  readonly partitions: readonly TopicPartition[];
  readonly #options: StreamTaskOptions;
  readonly #environment: TaskEnvironment;
  readonly #sources: ReadonlyMap<string, SourceNode>;
  readonly #collector: RecordCollector;
  readonly #failures: RecordFailures;
  readonly #calls: CallQueue;
  readonly #primed: PrimedTransaction;
  readonly #checkpoints = new BackgroundCheckpoint();
  readonly #owned: OwnedState;
  readonly #ownProducer: OwnedProducer;
  #decoder: RecordDecoder;
  #prepared: DecodedRecord[] = [];
  #status: TaskStatus = 'created';
  #queue: RecordQueue;
  #punctuations = new PunctuationQueue();
  #graph: TaskGraph | undefined;
  #current: QueuedRecord | undefined;
  #streamTimeMs = -1;
  #processedSinceCommit = 0;
  #committedAtMs = 0;
  #committing: Promise<void> | undefined;
  /** Monotonic; since when records wait for a partition that has none here. */
  #idleSinceMs: number | undefined;

  readonly #isHeld = (partition: TopicPartition): boolean =>
    this.#decoder.hasHolds && this.#decoder.isHeld(partition);

  constructor(options: StreamTaskOptions) {
    this.id = options.id;
    this.name = formatTaskId(options.id);
    this.partitions = options.partitions;
    this.#options = options;
    this.#environment = options.environment;
    this.#owned = new OwnedState(options);
    this.#ownProducer = new OwnedProducer(options);
    this.#queue = new RecordQueue(options.partitions);
    const { clock, config, topics } = options.environment;
    this.#collector = new RecordCollector(topics);
    this.#sources = sourcesByTopic(options.subTopology, config.applicationId);
    this.#failures = new RecordFailures(this.name, options.environment);
    this.#decoder = this.#newDecoder();
    this.#primed = new PrimedTransaction(clock, config.transactionTimeoutMs);
    this.#calls = new CallQueue({ name: this.name, waitingMax: config.waitingCallsMax, clock });
  }

  get #state(): TaskState | undefined {
    return this.#owned.content;
  }

  get status(): TaskStatus {
    return this.#status;
  }

  /** In words, of what a restore under way has done so far. */
  get progress(): string | undefined {
    return this.#status === 'restoring' ? this.#owned.progress?.toString() : undefined;
  }

  /** How far each partition is read, and what of it was fetched and not yet begun. */
  backlog(): ReturnType<RecordQueue['backlog']> {
    return this.#queue.backlog();
  }

  get isCommitting(): boolean {
    return this.#committing !== undefined;
  }

  /** The committed content, for queries; undefined while restoring. */
  get committedState(): TaskState | undefined {
    return this.#status === 'running' ? this.#state : undefined;
  }

  /** Changelog offset up to which its state is here, whether or not it serves; undefined: nothing of it. */
  get position(): number | undefined {
    return this.#state?.position()?.offset;
  }

  /** Records fetched or waiting on the broker that are not processed yet. */
  lag(): number {
    return this.#queue.lag();
  }

  /** When the commit that is under way has ended, however that is. */
  settled = (): Promise<void> => this.#committing?.catch(() => undefined) ?? Promise.resolve();

  /**
   * The ownership order (design §1): fence → committed offsets, stable → restore → serve. Also the way
   * back after any failure: whatever was in memory and not committed is gone afterwards.
   * @returns the positions to read from.
   */
  async takeOwnership(signal: AbortSignal): Promise<readonly PartitionOffset[]> {
    assert(!this.isCommitting, `${this.name}: nothing is committed while ownership is taken`);
    assert(
      this.#calls.decidedCount === 0,
      `${this.name}: no answer outlives what it was decided on`,
    );
    this.#status = 'restoring';
    this.#dropMemory();
    await this.#primed.over();
    const environment = this.#environment;
    environment.failpoints.hit('before-fence');
    await this.#ownProducer.fence();
    const positions = await environment.startPositions(this.partitions);
    await this.#owned.restore(signal);
    await this.#startGraph();
    this.#queue.startAt(positions);
    // The group forgot this instance meanwhile: the fencing above may be older than another owner's.
    if (!this.#is('restoring')) {
      throw new RollguardError('ILLEGAL_GENERATION', `${this.name}: lost while it was restored`);
    }
    this.#committedAtMs = environment.clock.nowMs();
    this.#status = 'running';
    return positions;
  }

  enqueue(fetched: FetchedPartition): void {
    assert(this.#status === 'running', `${this.name} reads only while running`);
    this.#queue.add(fetched);
  }

  /** True when a turn of `process` would do something. */
  get isProcessable(): boolean {
    if (this.#status !== 'running' || this.isCommitting) return false;
    if (this.#prepared.length > 0) return true;
    if (this.#queue.size === 0) return false;
    if (this.#decoder.hasHolds && !this.#queue.hasTakeable(this.#isHeld)) return false;
    return this.#isComplete();
  }

  /**
   * Records of a task's partitions are processed by time: one that is fetched is not begun while
   * another partition, which may hold older ones, is still to be fetched. Waits for a bounded time.
   */
  #isComplete(): boolean {
    if (!this.#queue.isIncomplete(this.#isHeld)) {
      this.#idleSinceMs = undefined;
      return true;
    }
    const nowMs = this.#environment.clock.monotonicMs();
    this.#idleSinceMs ??= nowMs;
    return nowMs - this.#idleSinceMs >= this.#environment.config.taskIdleMaxMs;
  }

  /**
   * Processes up to `recordsMax` records, fewer when the transaction is full.
   * @throws PROCESSING_FAILED when a processor threw: the task must take ownership again.
   */
  async process(recordsMax: number): Promise<number> {
    if (this.#prepared.length === 0) await this.#prepare(recordsMax);
    let count = 0;
    for (const prepared of this.#prepared) {
      if (this.isTransactionFull()) break;
      const pending = this.#processOne(prepared);
      if (pending !== undefined) await pending;
      this.#queue.done(prepared.queued);
      this.#processedSinceCommit += 1;
      count += 1;
    }
    this.#prepared = count === this.#prepared.length ? [] : this.#prepared.slice(count);
    this.#current = undefined;
    return count;
  }

  /**
   * Asks the node that answers calls; decided in turn with the records, answered after the commit.
   * @throws NOT_READY, QUEUE_FULL, DEADLINE_EXCEEDED, OUTCOME_UNKNOWN, and what the node refuses with.
   */
  call(request: unknown, options: CallOptions): Promise<unknown> {
    if (this.#status !== 'running') {
      const message = `${this.name} is ${this.#status}; try again shortly`;
      throw new RollguardError('NOT_READY', message);
    }
    if (this.#graph?.answersCalls !== true) {
      throw new RollguardError('UNSUPPORTED', `no node of ${this.name} answers calls`);
    }
    return this.#calls.add(request, options);
  }

  /** Also while it commits: a broker that hangs must not keep callers beyond their deadlines. */
  expireCalls(): void {
    this.#calls.expire();
  }

  /** Calls that are not answered yet. */
  get callCount(): number {
    return this.#calls.size;
  }

  /** True when a turn of `answerCalls` would do something. */
  get hasCalls(): boolean {
    return this.#status === 'running' && !this.isCommitting && this.#calls.waitingCount > 0;
  }

  /** Decides up to `max` calls, fewer when the transaction is full. */
  async answerCalls(max: number): Promise<void> {
    assert(this.#graph !== undefined, 'a running task has a graph');
    const task = {
      name: this.name,
      calls: this.#calls,
      graph: this.#graph,
      isTransactionFull: () => this.isTransactionFull(),
      hasWork: () => this.hasWork,
    };
    await answerCalls(task, max);
  }

  async punctuate(): Promise<void> {
    const nowMs = this.#environment.clock.nowMs();
    if (this.#punctuations.isDue('wall-clock', nowMs)) {
      await this.#punctuations.run('wall-clock', nowMs);
    }
  }

  /** Undefined also while it commits: what is due then waits for that, and the loop must not. */
  nextPunctuationMs(): number | undefined {
    if (this.#status !== 'running' || this.isCommitting) return undefined;
    return this.#punctuations.nextWallClockMs();
  }

  isTransactionFull(): boolean {
    const { transactionRecordsMax, transactionBytesMax } = this.#environment.config;
    const bytes = this.#collector.bytes + (this.#state?.pendingBytes ?? 0);
    const count = this.#processedSinceCommit + this.#calls.decidedCount;
    return count >= transactionRecordsMax || bytes >= transactionBytesMax;
  }

  /** The open transaction holds something. */
  get hasWork(): boolean {
    return (
      this.#processedSinceCommit > 0 ||
      this.#calls.decidedCount > 0 ||
      this.#collector.count > 0 ||
      (this.#state?.pendingCount ?? 0) > 0
    );
  }

  isCommitDue(nowMs: number): boolean {
    if (this.#status !== 'running' || this.isCommitting || !this.hasWork) return false;
    if (this.isTransactionFull()) return true;
    // Until the transaction is open, whoever comes still shares it.
    if (this.#primed.isOpening) return false;
    const { commitIntervalMs } = this.#environment.config;
    return this.#calls.decidedCount > 0 || nowMs - this.#committedAtMs >= commitIntervalMs;
  }

  /** Commits the open transaction; concurrent callers share one commit. */
  commit(membership: GroupGenerations): Promise<void> {
    this.#committing ??= this.#commit(membership).then(
      () => {
        this.#committing = undefined;
      },
      (error: unknown) => {
        this.#committing = undefined;
        // At once: later, the loop could have had calls decided on what is to be dropped.
        this.fail(error);
        throw error;
      },
    );
    return this.#committing;
  }

  /**
   * What is due whether or not records come: committed state goes to disk, a transaction that nobody
   * used ends. @param ownedAtMs when the group last confirmed that the task is here.
   */
  async upkeep(ownedAtMs: number): Promise<void> {
    if (this.#status !== 'running' || this.isCommitting) return;
    this.#owned.confirmed(ownedAtMs);
    await this.#checkpoints.ifDue(this.#state, ownedAtMs);
    this.#primed.throwFailure();
    // Not aborted: should a broker have lost the end of the one before, this would be taken for it.
    if (this.#primed.takeStale() && !this.hasWork) await this.#ownProducer.current?.commit();
  }

  /** Marks the task failed: it does nothing until it takes ownership again. */
  fail(error: unknown = 'the group has moved on'): void {
    if (this.#status !== 'closed') this.#status = 'failed';
    // What became of the calls of a commit that is under way only its end can tell.
    if (this.isCommitting) this.#calls.refuseWaiting(messageOf(error));
    else this.#calls.failed(error);
    this.#owned.failed(error);
  }

  /** False: the next ownership takes the transactional id, whoever has it, instead of going on with it. */
  readonly hasProducer = (): boolean => this.#ownProducer.current !== undefined;

  forgetProducer(): void {
    this.#ownProducer.forget();
  }

  /** Ends without committing: the next owner does it again. @param ownedAtMs as in `upkeep`. */
  async close(ownedAtMs: number): Promise<void> {
    if (this.#status === 'closed') return;
    const wasRunning = this.#status === 'running';
    this.#status = 'closed';
    const unsettled = await this.#committing?.catch((error: unknown) => error);
    this.#calls.failed(unsettled ?? 'the task is closed');
    this.#graph?.close();
    this.#state?.abort();
    this.#decoder.close();
    await (wasRunning ? this.#state?.close(ownedAtMs) : this.#state?.closeDirty());
    await this.#primed.over();
    await this.#ownProducer.current?.close();
  }

  /** Asked anew after every wait. */
  #is(status: TaskStatus): boolean {
    return this.#status === status;
  }

  async #commit(membership: GroupGenerations): Promise<void> {
    const producer = this.#ownProducer.current;
    assert(producer !== undefined, 'a running task has a producer');
    const { clock, config, failpoints } = this.#environment;
    const [{ changelog }, state] = [this.#options, this.#state];
    const startedMs = clock.monotonicMs();
    await this.#primed.use();
    if (!this.#is('running')) {
      throw new RollguardError('ILLEGAL_GENERATION', `${this.name}: lost before its commit began`);
    }
    const sentAtMs = clock.nowMs();
    const records = this.#processedSinceCommit;
    const outputs = this.#collector.drain();
    const hasCalls = this.#calls.decidedCount > 0;
    await this.#environment.topics.learning(
      commitTransaction({
        producer,
        outputs,
        state:
          state === undefined || changelog === undefined
            ? undefined
            : { content: state, changelog },
        groupId: config.applicationId,
        membership,
        offsets: this.#queue.toCommit(records > 0 || !hasCalls),
        nowMs: sentAtMs,
        failpoints,
      }),
    );
    this.#processedSinceCommit = 0;
    this.#queue.committed();
    this.#committedAtMs = clock.nowMs();
    this.#failures.clear();
    this.#environment.metrics.committed(this.id, records, clock.monotonicMs() - startedMs);
    if (hasCalls) this.#calls.committed();
    if (hasCalls && this.#is('running')) {
      this.#primed.expect(changelog === undefined ? outputs : [...outputs, changelog]);
      this.#primed.prime(producer);
    }
    failpoints.hit('after-answer');
    await this.#checkpoints.ifDue(state, sentAtMs);
  }

  /** The next transaction is open, or has failed to be. */
  readonly opened = (): Promise<void> => this.#primed.opened();

  #dropMemory(): void {
    this.#graph?.close();
    this.#graph = undefined;
    this.#state?.abort();
    this.#collector.clear();
    this.#queue = new RecordQueue(this.partitions);
    this.#prepared = [];
    this.#decoder.close();
    this.#decoder = this.#newDecoder();
    this.#punctuations = new PunctuationQueue();
    this.#current = undefined;
    this.#idleSinceMs = undefined;
    this.#processedSinceCommit = 0;
    this.#streamTimeMs = -1;
  }

  async #startGraph(): Promise<void> {
    const { config, clock } = this.#environment;
    const { subTopology, id } = this.#options;
    this.#graph = openTaskGraph({
      ...{ subTopology, partition: id.partition, applicationId: config.applicationId, clock },
      ...{ state: this.#state, collector: this.#collector, punctuations: this.#punctuations },
      origin: () => this.#current && originOf(this.#current),
      streamTimeMs: () => this.#streamTimeMs,
    });
    await this.#graph.init();
  }

  #newDecoder(): RecordDecoder {
    const { clock, logger, metrics, config } = this.#environment;
    const own = { task: this.name, sources: this.#sources };
    return new RecordDecoder({ ...config, ...own, clock, logger, metrics });
  }

  /** Decodes the next records and lets processors load what they will need, together. */
  async #prepare(recordsMax: number): Promise<void> {
    const decoder = this.#decoder;
    const prepared: DecodedRecord[] = [];
    const held: QueuedRecord[] = [];
    const pastGaps = this.#idleSinceMs !== undefined;
    for (const queued of this.#queue.take(recordsMax, { isHeld: this.#isHeld, pastGaps })) {
      // Behind a record that waits its partition waits too, even if the answer has come meanwhile.
      const waits = this.#isHeld(queued) || isBehind(queued, held);
      const pending = waits ? undefined : decoder.decode(queued);
      const decoded = isPromise(pending) ? await pending : pending;
      if (decoded === undefined) held.push(queued);
      else prepared.push(decoded);
    }
    if (held.length > 0) this.#queue.giveBack(held);
    this.#prepared = prepared;
    for (const source of new Set(prepared.map((each) => each.source))) {
      if (this.#graph?.wantsLoad(source.name) !== true) continue;
      const records = prepared.flatMap((each) =>
        each.source === source && each.record !== undefined ? [each.record] : [],
      );
      await this.#graph.load(source.name, records);
    }
  }

  #processOne({ queued, source, record, failure }: DecodedRecord): MaybePromise<void> {
    this.#current = queued;
    if (failure !== undefined) {
      this.#settle(queued, { stage: 'deserialize', error: failure, attempt: 1 });
      return undefined;
    }
    if (record === undefined) return undefined;
    const verdict = this.#failures.verdictOn(queued);
    if (verdict !== undefined) {
      this.#settle(queued, verdict);
      return undefined;
    }
    if (record.timestampMs > this.#streamTimeMs) this.#streamTimeMs = record.timestampMs;
    assert(this.#graph !== undefined, 'a running task has a graph');
    try {
      const pending = this.#graph.process(source.name, record);
      if (pending === undefined) return this.#punctuateStreamTime();
      return pending.then(
        () => this.#punctuateStreamTime(),
        (error: unknown) => this.#failures.processingFailed(queued, error),
      );
    } catch (error) {
      return this.#failures.processingFailed(queued, error);
    }
  }

  #settle(queued: QueuedRecord, failure: Failure): void {
    const letter = this.#failures.settle(queued, failure);
    if (letter !== undefined) this.#collector.add(letter);
  }

  #punctuateStreamTime(): MaybePromise<void> {
    if (!this.#punctuations.isDue('stream-time', this.#streamTimeMs)) return undefined;
    return this.#punctuations.run('stream-time', this.#streamTimeMs);
  }
}
