/**
 * Decodes the records of one task. A deserialiser that has to ask somebody (a schema that is not known
 * yet) holds its own partition only: the others go on, and the task never waits for it.
 *
 *   decode ──at once, or within a moment──▶ the record, or why it cannot be read
 *      └── still waiting ──▶ the partition is held until the answer ──▶ decoded
 *                                 └── "try again later" ──▶ held for a growing back-off ──▶ decode
 */
import type { Clock } from '../kernel/clock.ts';
import { assert } from '../kernel/assert.ts';
import { isRollguardError } from '../kernel/errors.ts';
import type { Logger } from '../kernel/logger.ts';
import { late, settledWithin } from '../kernel/settled-within.ts';
import { partitionName } from './kafka/partition-name.ts';
import type { TopicPartition } from './kafka/port.ts';
import { isPromise, type MaybePromise, type StreamRecord } from './processor.ts';
import type { QueuedRecord } from './record-queue.ts';
import { retryDelayMs } from './streams-config.ts';
import type { StreamsMetrics } from './streams-metrics.ts';
import type { SourceNode } from './topology-builder.ts';

/** A record taken from the queue and decoded, waiting for its turn. */
export interface DecodedRecord {
  readonly queued: QueuedRecord;
  readonly source: SourceNode;
  /** Undefined: the source passes it over, or its bytes could not be read. */
  readonly record: StreamRecord<unknown, unknown> | undefined;
  /** Why its bytes could not be read. */
  readonly failure: unknown;
}

export interface RecordDecoderOptions {
  readonly task: string;
  /** By topic. */
  readonly sources: ReadonlyMap<string, SourceNode>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: StreamsMetrics;
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
}

interface Hold {
  /** Of the record that is waited for. */
  readonly offset: number;
  readonly attempt: number;
  /** Set when the deserialiser has answered: gives the record, or throws what it threw. */
  outcome: (() => DecodedRecord) | undefined;
  /** Set when it asked to be tried again: not before this monotonic time. */
  retryAtMs: number | undefined;
}

// Long enough for a deserialiser that is asynchronous without asking anybody.
const promptMs = 20;

export class RecordDecoder {
  readonly #options: RecordDecoderOptions;
  readonly #holds = new Map<string, Hold>();

  constructor(options: RecordDecoderOptions) {
    this.#options = options;
  }

  /** True while some partition may be held: `isHeld` is worth asking. */
  get hasHolds(): boolean {
    return this.#holds.size > 0;
  }

  /** True while the partition's next record cannot be decoded. */
  isHeld(partition: TopicPartition): boolean {
    const hold = this.#holds.get(partitionName(partition));
    if (hold === undefined || hold.outcome !== undefined) return false;
    return hold.retryAtMs === undefined || hold.retryAtMs > this.#options.clock.monotonicMs();
  }

  /** Undefined: not yet; its partition is held from now on. */
  decode(queued: QueuedRecord): MaybePromise<DecodedRecord | undefined> {
    const hold = this.#holds.size === 0 ? undefined : this.#holds.get(partitionName(queued));
    assert(
      hold === undefined || hold.offset === queued.record.offset,
      'a held partition goes on with the record that was waited for',
    );
    if (hold?.outcome !== undefined) {
      this.#holds.delete(partitionName(queued));
      return hold.outcome();
    }
    const decoded = this.#attempt(queued, hold?.attempt ?? 0);
    if (isPromise(decoded)) return this.#promptly(queued, decoded, hold?.attempt ?? 0);
    this.#release(queued, decoded);
    return decoded;
  }

  /** The answers that come from now on concern nobody. */
  close(): void {
    this.#holds.clear();
  }

  /** Resolves with undefined when the deserialiser asks to be tried again: the hold is set. */
  #attempt(queued: QueuedRecord, attempt: number): MaybePromise<DecodedRecord | undefined> {
    const { topic, partition, record } = queued;
    const source = this.#options.sources.get(topic);
    assert(source !== undefined, 'the topic is a source of the task');
    try {
      const decoded = source.deserialize(record, { topic, partition, offset: record.offset });
      if (!isPromise(decoded)) return { queued, source, record: decoded, failure: undefined };
      return decoded.then(
        (value) => ({ queued, source, record: value, failure: undefined }),
        (error: unknown) => this.#failed(queued, source, { attempt, error }),
      );
    } catch (error) {
      return this.#failed(queued, source, { attempt, error });
    }
  }

  #failed(
    queued: QueuedRecord,
    source: SourceNode,
    { attempt, error }: { readonly attempt: number; readonly error: unknown },
  ): DecodedRecord | undefined {
    // What is not the record's fault is tried again; a mistake in the settings stops the task.
    if (!isRollguardError(error) || error.row.reaction === 'skip-record') {
      return { queued, source, record: undefined, failure: error };
    }
    if (error.row.reaction !== 'retry') throw error;
    this.#holdBack(queued, attempt + 1, error);
    return undefined;
  }

  /** Waits a moment; what takes longer holds the partition instead of the task. */
  async #promptly(
    queued: QueuedRecord,
    pending: Promise<DecodedRecord | undefined>,
    attempt: number,
  ): Promise<DecodedRecord | undefined> {
    const first = await settledWithin(this.#options.clock, promptMs, pending);
    if (first !== late) {
      this.#release(queued, first);
      return first;
    }
    const { offset } = queued.record;
    const hold: Hold = { offset, attempt, outcome: undefined, retryAtMs: undefined };
    this.#holds.set(partitionName(queued), hold);
    this.#options.metrics.partitionHeld(queued.topic);
    pending.then(
      (outcome) => {
        // Undefined: it is tried again later, under another hold.
        if (outcome !== undefined) hold.outcome = () => outcome;
      },
      (error: unknown) => {
        hold.outcome = () => {
          throw error;
        };
      },
    );
    return undefined;
  }

  #holdBack(queued: QueuedRecord, attempt: number, error: unknown): void {
    const { clock, logger, metrics, task } = this.#options;
    const delayMs = retryDelayMs(this.#options, attempt - 1);
    this.#holds.set(partitionName(queued), {
      offset: queued.record.offset,
      attempt,
      outcome: undefined,
      retryAtMs: clock.monotonicMs() + delayMs,
    });
    metrics.partitionHeld(queued.topic);
    const { topic, partition, record } = queued;
    const where = { task, topic, partition, offset: record.offset };
    logger.warn('partition held: a record cannot be decoded yet', { ...where, delayMs, error });
  }

  #release(queued: QueuedRecord, decoded: DecodedRecord | undefined): void {
    if (decoded !== undefined && this.#holds.size > 0) this.#holds.delete(partitionName(queued));
  }
}
