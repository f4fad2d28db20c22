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
import { RollguardError, isRollguardError } from '../kernel/errors.ts';
import type { TaskState } from '../stores/task-state.ts';
import { commitTransaction, type ChangelogPartition } from './commit.ts';
import { deadLetter, deadLetterTopic, type FailureStage } from './dead-letter.ts';
import type {
  FetchedPartition,
  GroupAssignment,
  PartitionOffset,
  TopicPartition,
  TransactionalProducer,
} from './kafka/port.ts';
import type { MaybePromise, StreamRecord } from './processor.ts';
import { PunctuationQueue } from './punctuation.ts';
import { RecordCollector } from './record-collector.ts';
import { RecordQueue, type QueuedRecord } from './record-queue.ts';
import { TaskGraph } from './task-graph.ts';
import { formatTaskId, type TaskId } from './task-id.ts';
import type { TaskEnvironment } from './task-environment.ts';
import { topicName, type SourceNode, type SubTopology } from './topology-builder.ts';

export type TaskStatus = 'created' | 'restoring' | 'running' | 'failed' | 'closed';

export interface StreamTaskOptions {
  readonly id: TaskId;
  readonly subTopology: SubTopology;
  readonly partitions: readonly TopicPartition[];
  /** Absent for a sub-topology without stores. */
  readonly changelog: ChangelogPartition | undefined;
  readonly environment: TaskEnvironment;
}

/** A record taken from the queue and decoded, waiting for its turn in this transaction or the next. */
interface PreparedRecord {
  readonly queued: QueuedRecord;
  readonly source: SourceNode;
  /** Undefined: the source passes it over, or its bytes could not be read. */
  readonly record: StreamRecord<unknown, unknown> | undefined;
  /** Why its bytes could not be read. */
  readonly failure: unknown;
}

/** How often a record failed before, and why the last time. */
interface Poison {
  readonly attempts: number;
  readonly error: unknown;
}

export class StreamTask {
  readonly id: TaskId;
  readonly name: string;
  readonly partitions: readonly TopicPartition[];
  readonly #options: StreamTaskOptions;
  readonly #environment: TaskEnvironment;
  readonly #sources: ReadonlyMap<string, SourceNode>;
  readonly #collector: RecordCollector;
  readonly #poisoned = new Map<string, Poison>();
  #prepared: PreparedRecord[] = [];
  #status: TaskStatus = 'created';
  #producer: TransactionalProducer | undefined;
  #state: TaskState | undefined;
  #queue: RecordQueue;
  #punctuations = new PunctuationQueue();
  #graph: TaskGraph | undefined;
  #current: QueuedRecord | undefined;
  #streamTimeMs = -1;
  #processedSinceCommit = 0;
  #committedAtMs = 0;
  #committing: Promise<void> | undefined;

  constructor(options: StreamTaskOptions) {
    this.id = options.id;
    this.name = formatTaskId(options.id);
    this.partitions = options.partitions;
    this.#options = options;
    this.#environment = options.environment;
    this.#queue = new RecordQueue(options.partitions);
    this.#collector = new RecordCollector(options.environment.partitionCounts);
    const { applicationId } = options.environment.config;
    this.#sources = new Map(
      options.subTopology.sources.flatMap((source) =>
        source.topics.map((topic) => [topicName(topic, applicationId), source] as const),
      ),
    );
  }

  get status(): TaskStatus {
    return this.#status;
  }

  get queuedRecords(): number {
    return this.#queue.size + this.#prepared.length;
  }

  get isCommitting(): boolean {
    return this.#committing !== undefined;
  }

  /** The committed content, for queries; undefined while restoring. */
  get committedState(): TaskState | undefined {
    return this.#status === 'running' ? this.#state : undefined;
  }

  /** Records fetched or waiting on the broker that are not processed yet. */
  lag(): number {
    return this.#queue
      .positions()
      .reduce((sum, { offset, highWatermark }) => sum + Math.max(0, highWatermark - offset), 0);
  }

  /**
   * The ownership order (design §1): fence → committed offsets, stable → restore → serve. Also the way
   * back after any failure: whatever was in memory and not committed is gone afterwards.
   * @returns the positions to read from.
   */
  async takeOwnership(signal: AbortSignal): Promise<readonly PartitionOffset[]> {
    this.#status = 'restoring';
    this.#dropMemory();
    const environment = this.#environment;
    if (this.#producer === undefined) this.#producer = await environment.openProducer(this.id);
    else await this.#producer.recover();
    const positions = await environment.startPositions(this.partitions);
    const { changelog } = this.#options;
    if (changelog !== undefined) {
      if (this.#state === undefined) this.#state = await environment.openState(this.id, changelog);
      // What is committed and not on disk yet is older than the tail that is replayed over it.
      else await this.#state.checkpoint(environment.clock.nowMs());
      await environment.restore(this.id, this.#state, changelog, signal);
    }
    await this.#startGraph();
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
    const waiting = this.#queue.size + this.#prepared.length;
    return this.#status === 'running' && !this.isCommitting && waiting > 0;
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

  async punctuate(): Promise<void> {
    const nowMs = this.#environment.clock.nowMs();
    if (this.#punctuations.isDue('wall-clock', nowMs)) {
      await this.#punctuations.run('wall-clock', nowMs);
    }
  }

  nextPunctuationMs(): number | undefined {
    return this.#punctuations.nextWallClockMs();
  }

  isTransactionFull(): boolean {
    const { transactionRecordsMax, transactionBytesMax } = this.#environment.config;
    const bytes = this.#collector.bytes + (this.#state?.pendingBytes ?? 0);
    return this.#processedSinceCommit >= transactionRecordsMax || bytes >= transactionBytesMax;
  }

  /** True when the open transaction holds anything. */
  get hasWork(): boolean {
    return (
      this.#processedSinceCommit > 0 ||
      this.#collector.count > 0 ||
      (this.#state?.pendingCount ?? 0) > 0
    );
  }

  isCommitDue(nowMs: number): boolean {
    if (this.#status !== 'running' || this.isCommitting || !this.hasWork) return false;
    const { commitIntervalMs } = this.#environment.config;
    return this.isTransactionFull() || nowMs - this.#committedAtMs >= commitIntervalMs;
  }

  /** Commits the open transaction; concurrent callers share one commit. */
  commit(membership: GroupAssignment): Promise<void> {
    this.#committing ??= this.#commit(membership).finally(() => {
      this.#committing = undefined;
    });
    return this.#committing;
  }

  /** Marks the task failed: it does nothing until it takes ownership again. */
  fail(): void {
    if (this.#status !== 'closed') this.#status = 'failed';
  }

  /** The transactional id may be somebody else's by now: the next ownership initialises it anew. */
  forgetProducer(): void {
    this.#producer = undefined;
  }

  /** Ends without committing: what is in the open transaction is done again by the next owner. */
  async close(): Promise<void> {
    if (this.#status === 'closed') return;
    const wasRunning = this.#status === 'running';
    this.#status = 'closed';
    await this.#committing?.catch(() => undefined);
    this.#graph?.close();
    this.#state?.abort();
    await (wasRunning
      ? this.#state?.close(this.#environment.clock.nowMs())
      : this.#state?.closeDirty());
    await this.#producer?.close();
  }

  async #commit(membership: GroupAssignment): Promise<void> {
    assert(this.#producer !== undefined, 'a running task has a producer');
    const { clock, config } = this.#environment;
    const { changelog } = this.#options;
    const state = this.#state;
    const startedMs = clock.monotonicMs();
    const records = this.#processedSinceCommit;
    await commitTransaction({
      producer: this.#producer,
      outputs: this.#collector.drain(),
      state:
        state === undefined || changelog === undefined ? undefined : { content: state, changelog },
      groupId: config.applicationId,
      membership,
      offsets: this.#queue.positions(),
      nowMs: clock.nowMs(),
    });
    this.#processedSinceCommit = 0;
    this.#committedAtMs = clock.nowMs();
    this.#poisoned.clear();
    this.#environment.metrics.committed(this.id, records, clock.monotonicMs() - startedMs);
    if (state?.checkpointDue(this.#committedAtMs) === true)
      await state.checkpoint(this.#committedAtMs);
  }

  #dropMemory(): void {
    this.#graph?.close();
    this.#graph = undefined;
    this.#state?.abort();
    this.#collector.clear();
    this.#queue = new RecordQueue(this.partitions);
    this.#prepared = [];
    this.#punctuations = new PunctuationQueue();
    this.#current = undefined;
    this.#processedSinceCommit = 0;
    this.#streamTimeMs = -1;
  }

  async #startGraph(): Promise<void> {
    const { config, clock } = this.#environment;
    const { subTopology, id } = this.#options;
    const state = this.#state;
    const stores = subTopology.stores.map((builder) => {
      assert(state !== undefined, 'a sub-topology with stores has a changelog');
      return [builder.name, builder.open(state)] as const;
    });
    const { applicationId } = config;
    this.#graph = new TaskGraph(subTopology, {
      applicationId,
      partition: id.partition,
      stores: new Map(stores),
      send: (sink, record) =>
        this.#collector.send(sink, topicName(sink.topic, applicationId), record),
      schedule: (intervalMs, type, punctuate) =>
        this.#punctuations.add({ intervalMs, type, punctuate }, clock.nowMs()),
      origin: () =>
        this.#current && {
          topic: this.#current.topic,
          partition: this.#current.partition,
          offset: this.#current.record.offset,
        },
      streamTimeMs: () => this.#streamTimeMs,
      nowMs: () => clock.nowMs(),
    });
    await this.#graph.init();
  }

  /** Decodes the next records and lets processors load what they will need, together. */
  async #prepare(recordsMax: number): Promise<void> {
    const prepared: PreparedRecord[] = [];
    for (const queued of this.#queue.take(recordsMax)) {
      const pending = this.#decode(queued);
      prepared.push(isPromise(pending) ? await pending : pending);
    }
    this.#prepared = prepared;
    for (const source of new Set(prepared.map((each) => each.source))) {
      if (this.#graph?.wantsLoad(source.name) !== true) continue;
      const records = prepared.flatMap((each) =>
        each.source === source && each.record !== undefined ? [each.record] : [],
      );
      await this.#graph.load(source.name, records);
    }
  }

  #decode(queued: QueuedRecord): MaybePromise<PreparedRecord> {
    const source = this.#sources.get(queued.topic);
    assert(source !== undefined, `${queued.topic} is a source of ${this.name}`);
    const { topic, partition, record } = queued;
    const failed = (failure: unknown): PreparedRecord => {
      // A registry that does not answer is no fault of the record: hold this partition, try again.
      if (isRollguardError(failure) && failure.row.reaction !== 'skip-record') throw failure;
      return { queued, source, record: undefined, failure };
    };
    try {
      const decoded = source.deserialize(record, { topic, partition, offset: record.offset });
      if (!isPromise(decoded)) return { queued, source, record: decoded, failure: undefined };
      return decoded.then(
        (value) => ({ queued, source, record: value, failure: undefined }),
        (error: unknown) => failed(error),
      );
    } catch (error) {
      return failed(error);
    }
  }

  #processOne({ queued, source, record, failure }: PreparedRecord): MaybePromise<void> {
    this.#current = queued;
    if (failure !== undefined) {
      this.#deadLetter(queued, 'deserialize', { attempts: 1, error: failure });
      return undefined;
    }
    if (record === undefined) return undefined;
    const poison = this.#poisoned.size === 0 ? undefined : this.#poisoned.get(positionOf(queued));
    if (poison !== undefined && poison.attempts >= this.#environment.config.processingAttemptsMax) {
      this.#deadLetter(queued, 'process', poison);
      return undefined;
    }
    if (record.timestampMs > this.#streamTimeMs) this.#streamTimeMs = record.timestampMs;
    assert(this.#graph !== undefined, 'a running task has a graph');
    try {
      const pending = this.#graph.process(source.name, record);
      if (pending === undefined) return this.#punctuateStreamTime();
      return pending.then(
        () => this.#punctuateStreamTime(),
        (error: unknown) => this.#processingFailed(queued, error),
      );
    } catch (error) {
      return this.#processingFailed(queued, error);
    }
  }

  #punctuateStreamTime(): MaybePromise<void> {
    if (!this.#punctuations.isDue('stream-time', this.#streamTimeMs)) return undefined;
    return this.#punctuations.run('stream-time', this.#streamTimeMs);
  }

  /** Half of the record's effects may be in the overlay: the whole transaction is done again. */
  #processingFailed(queued: QueuedRecord, error: unknown): never {
    if (isRollguardError(error) && error.row.reaction !== 'skip-record') throw error;
    const { topic, partition, record } = queued;
    const key = positionOf(queued);
    const attempts = (this.#poisoned.get(key)?.attempts ?? 0) + 1;
    this.#poisoned.set(key, { attempts, error });
    throw new RollguardError(
      'PROCESSING_FAILED',
      `${this.name}: a processor failed on ${topic}-${partition} at offset ${record.offset} (attempt ${attempts})`,
      { cause: error, context: { topic, partition, offset: record.offset, attempts } },
    );
  }

  #deadLetter(queued: QueuedRecord, stage: FailureStage, { attempts, error }: Poison): void {
    const topic = deadLetterTopic(this.#environment.config.applicationId);
    this.#collector.add(deadLetter(topic, queued, { stage, error, attempt: attempts }));
    this.#environment.metrics.deadLettered(queued.topic, stage);
    this.#environment.logger.warn('record dead-lettered', {
      task: this.name,
      topic: queued.topic,
      partition: queued.partition,
      offset: queued.record.offset,
      stage,
      error,
    });
  }
}

function positionOf({ topic, partition, record }: QueuedRecord): string {
  return `${topic}-${partition}@${record.offset}`;
}

function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && 'then' in value;
}
