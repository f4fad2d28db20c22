/**
 * The transaction that waits for the next calls: its partitions are added while they come and are
 * decided, so a call costs one produce and one end. One that stays idle is ended again, since the
 * coordinator would abort it and fence its owner by that.
 *
 * While it is being opened the producer is taken: whoever needs it waits until it is open.
 */
import type { Clock } from '../kernel/clock.ts';
import type { TopicPartition } from './kafka/port.ts';
import type { TaskProducer } from './task-producer.ts';

export class PrimedTransaction {
  readonly #clock: Clock;
  readonly #idleMaxMs: number;
  #partitions: readonly TopicPartition[] = [];
  #opening: Promise<void> | undefined;
  #failure: Error | undefined;
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

  /** Begins to open it, beside whatever the task does next. */
  prime(producer: TaskProducer | undefined): void {
    if (producer === undefined) return;
    this.#opening = producer.addPartitions(this.#partitions).then(
      () => {
        this.#opening = undefined;
        this.#primedAtMs = this.#clock.monotonicMs();
      },
      (error: unknown) => {
        this.#opening = undefined;
        this.#failure = error as Error;
      },
    );
  }

  /** True while the producer is taken. */
  get isOpening(): boolean {
    return this.#opening !== undefined;
  }

  /** Resolves when the producer is free. */
  async opened(): Promise<void> {
    await this.#opening;
  }

  /** It is about to be used; resolves when the producer is free. @throws as `throwFailure`. */
  async use(): Promise<void> {
    await this.#opening;
    this.#primedAtMs = undefined;
    this.throwFailure();
  }

  /** @throws what opening failed with, once: the task that owns the producer has to fail by it. */
  throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** It is gone; resolves when the producer is free. */
  async over(): Promise<void> {
    await this.#opening;
    this.#primedAtMs = undefined;
    this.#failure = undefined;
  }

  /** True once when it has been idle for too long: it has to be aborted. */
  takeStale(): boolean {
    if (this.#primedAtMs === undefined) return false;
    if (this.#clock.monotonicMs() - this.#primedAtMs < this.#idleMaxMs) return false;
    this.#primedAtMs = undefined;
    return true;
  }
}
