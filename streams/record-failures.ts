/**
 * What happens to an input record that cannot be used: tried again, then what the policy of its stage
 * says. A record whose processing failed leaves half of its effects in the open transaction, so that
 * transaction is done again; this remembers between the two which record it was.
 */
import { RollguardError, isRollguardError, messageOf } from '../kernel/errors.ts';
import { deadLetter, deadLetterTopic, type Failure, type FailureStage } from './dead-letter.ts';
import type { OutputRecord } from './record-collector.ts';
import type { QueuedRecord } from './record-queue.ts';
import type { FailurePolicy } from './streams-config.ts';
import type { TaskEnvironment } from './task-environment.ts';

type Environment = Pick<TaskEnvironment, 'config' | 'metrics' | 'logger'>;

export class RecordFailures {
  readonly #task: string;
  readonly #environment: Environment;
  /** Records that failed in a transaction that is being done again, by position. */
  readonly #failed = new Map<string, Failure>();

  constructor(task: string, environment: Environment) {
    this.#task = task;
    this.#environment = environment;
  }

  /** Undefined: try it; else it has failed as often as it may. */
  verdictOn(queued: QueuedRecord): Failure | undefined {
    if (this.#failed.size === 0) return undefined;
    const failure = this.#failed.get(positionOf(queued));
    return failure !== undefined && failure.attempt >= this.#attemptsMax(failure.stage)
      ? failure
      : undefined;
  }

  /**
   * A processor threw on this record.
   * @throws PROCESSING_FAILED: the transaction is to be done again; or the error itself when it is not
   *   the record's fault.
   */
  processingFailed(queued: QueuedRecord, error: unknown): never {
    if (isRollguardError(error) && error.row.reaction !== 'skip-record') throw error;
    const { topic, partition, record } = queued;
    const attempt = (this.#failed.get(positionOf(queued))?.attempt ?? 0) + 1;
    this.#failed.set(positionOf(queued), { stage: stageOf(error), error, attempt });
    throw new RollguardError(
      'PROCESSING_FAILED',
      `${this.#task}: a processor failed on ${topic}-${partition} at offset ${record.offset} (attempt ${attempt})`,
      { cause: error, context: { topic, partition, offset: record.offset, attempt } },
    );
  }

  /**
   * Does with the record what the policy of its stage says.
   * @returns the dead letter to be written in this transaction; undefined: the record is passed over.
   * @throws INPUT_REFUSED when the policy is to stop.
   */
  settle(queued: QueuedRecord, failure: Failure): OutputRecord | undefined {
    const { config, metrics, logger } = this.#environment;
    const { setting, policy } = this.#policyOf(failure.stage);
    const { topic, partition, record } = queued;
    if (policy === 'fail') {
      throw new RollguardError(
        'INPUT_REFUSED',
        `${topic}-${partition} at offset ${record.offset} cannot be used (${failure.stage}: ` +
          `${messageOf(failure.error)}) and ${setting} is 'fail'; mend what is wrong, or set it to ` +
          "'dead-letter' and redrive the record later",
        { cause: failure.error, context: { topic, partition, offset: record.offset } },
      );
    }
    metrics.recordFailed(topic, failure.stage, policy);
    logger.warn(policy === 'continue' ? 'record passed over' : 'record dead-lettered', {
      task: this.#task,
      topic,
      partition,
      offset: record.offset,
      stage: failure.stage,
      error: failure.error,
    });
    if (policy === 'continue') return undefined;
    return deadLetter(deadLetterTopic(config), queued, failure);
  }

  /** The transaction with their settlement is committed. */
  clear(): void {
    this.#failed.clear();
  }

  /** What does not fit its topic never will: trying again is for processors. */
  #attemptsMax(stage: FailureStage): number {
    return stage === 'process' ? this.#environment.config.processingAttemptsMax : 1;
  }

  #policyOf(stage: FailureStage): { readonly setting: string; readonly policy: FailurePolicy } {
    const { deserializationFailure, processingFailure, productionFailure } =
      this.#environment.config;
    switch (stage) {
      case 'deserialize':
        return { setting: 'deserializationFailure', policy: deserializationFailure };
      case 'process':
        return { setting: 'processingFailure', policy: processingFailure };
      case 'produce':
        return { setting: 'productionFailure', policy: productionFailure };
    }
  }
}

function stageOf(error: unknown): FailureStage {
  const isOutput =
    isRollguardError(error, 'RECORD_TOO_LARGE') || isRollguardError(error, 'ENCODE_FAILED');
  return isOutput ? 'produce' : 'process';
}

function positionOf({ topic, partition, record }: QueuedRecord): string {
  return `${topic}-${partition}@${record.offset}`;
}
