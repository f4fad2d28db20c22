/**
 * The transaction that waits for the next call: its partitions are added while nobody waits, so a call
 * costs one produce and one end. One that stays idle is ended again, since the coordinator would abort
 * it and fence its owner by that.
 */
import type { Clock } from '../kernel/clock.ts';
import type { TopicPartition } from './kafka/port.ts';
import type { TaskProducer } from './task-producer.ts';

export class PrimedTransaction {
  readonly #clock: Clock;
  readonly #idleMaxMs: number;
  #partitions: readonly TopicPartition[] = [];
  #primedAtMs: number | undefined;

  /** @param transactionTimeoutMs the coordinator's. */
  constructor(clock: Clock, transactionTimeoutMs: number) {
    this.#clock = clock;
    this.#idleMaxMs = transactionTimeoutMs / 3;
  }

  /** What the next one will probably write to. */
  expect(partitions: readonly TopicPartition[]): void {
    this.#partitions = partitions;
  }

  async prime(producer: TaskProducer | undefined): Promise<void> {
    await producer?.addPartitions(this.#partitions);
    this.#primedAtMs = this.#clock.monotonicMs();
  }

  /** It is used, or gone. */
  over(): void {
    this.#primedAtMs = undefined;
  }

  /** True once when it has been idle for too long: it has to be aborted. */
  takeStale(): boolean {
    if (this.#primedAtMs === undefined) return false;
    if (this.#clock.monotonicMs() - this.#primedAtMs < this.#idleMaxMs) return false;
    this.#primedAtMs = undefined;
    return true;
  }
}
